"""clusters/slurm.sh with a Slurm that runs every step here; its two nodes are two addresses of this machine."""

import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "clusters" / "slurm.sh"
SRUN = """#!/bin/bash
echo "srun $*" >> "$CALLS"
while [[ $1 == --* ]]; do shift; done
exec "$@"
"""
SCONTROL = """#!/bin/bash
echo "scontrol $*" >> "$CALLS"
if [[ $1 == show ]]; then printf '%s\\n' 127.0.0.2 127.0.0.3; fi
"""
NO_RAY = """#!/bin/bash
if [[ $1 == start ]]; then exec sleep 60; fi
"""
RAY = f"""#!/bin/bash
exec {Path(sys.executable).parent / "ray"} "$@"
"""
SWEEP = """#!/bin/bash
trap 'echo stopped; exit 130' TERM
echo "sweep: $*"
until [[ -e $MAY_END ]]; do sleep 0.1; done
exit "$(cat "$MAY_END")"
"""
SWEEP_ON_RAY = f"""#!{sys.executable}
import time, ray
ray.init(log_to_driver=False)
while len(nodes := [node for node in ray.nodes() if node["Alive"]]) < 2:
    time.sleep(0.2)

@ray.remote(num_cpus=1)
def where():
    time.sleep(1)
    return ray.get_runtime_context().get_node_id()

used = ray.get([where.remote(), where.remote()])
print("sweep: on", sorted(node["NodeManagerAddress"] for node in nodes if node["NodeID"] in used), flush=True)
time.sleep(60)
"""


class Job:
    def __init__(self, folder: Path, ray: str, stopover: str) -> None:
        self.calls, self.may_end, self.log = folder / "calls", folder / "may_end", folder / "log"
        self.number = f"{os.getpid()}-{time.monotonic_ns() % 10**6}"
        self.private = folder / "home" / f"slurm-{self.number}"
        self.on_disk = Path(f"/tmp/stopover-{self.number}")
        write_programs(folder / "slurm", srun=SRUN, scontrol=SCONTROL)
        write_programs(folder / "venv" / "bin", ray=ray, stopover=stopover)
        (folder / "venv" / "bin" / "python").symlink_to(sys.executable)
        self.environment = {
            "PATH": f"{folder / 'slurm'}:{os.environ['PATH']}",
            "HOME": str(folder),
            "CALLS": str(self.calls),
            "MAY_END": str(self.may_end),
            "STOPOVER_VENV": str(folder / "venv"),
            "STOPOVER_HOME": str(folder / "home"),
            "SLURM_JOB_ID": self.number,
            "SLURM_JOB_NUM_NODES": "2",
            "SLURM_JOB_NODELIST": "127.0.0.[2-3]",
            "SLURM_CPUS_PER_TASK": "1",
        }

    def submit(self, *arguments: str) -> None:
        with self.log.open("w") as log:
            self.process = subprocess.Popen([SCRIPT, *arguments], env=self.environment, stdout=log, stderr=log)

    def wait_for_sweep(self) -> None:
        """Returns once the sweep has begun."""
        end = time.monotonic() + 90
        while "sweep: " not in self.log.read_text():
            assert self.process.poll() is None and time.monotonic() < end, self.log.read_text()
            time.sleep(0.1)

    def ends(self, with_signal: int | None = None) -> int:
        """Its exit status, after a signal if one is given."""
        if with_signal:
            self.process.send_signal(with_signal)
        return self.process.wait(60)


def write_programs(folder: Path, **programs: str) -> None:
    folder.mkdir(parents=True)
    for name, content in programs.items():
        (folder / name).write_text(content)
        (folder / name).chmod(0o755)


def command_lines() -> str:
    return subprocess.run(["ps", "axww", "-o", "args"], capture_output=True, text=True, check=True).stdout


@pytest.fixture
def submit(tmp_path: Path) -> Iterator[Callable[..., Job]]:
    made: list[Job] = []

    def submit(*arguments: str, ray: str = NO_RAY, stopover: str = SWEEP) -> Job:
        made.append(Job(tmp_path, ray, stopover))
        made[-1].submit(*arguments)
        return made[-1]

    yield submit
    for job in made:
        if job.process.poll() is None:
            job.process.terminate()  # and its steps
            job.process.wait(60)
        shutil.rmtree(job.on_disk, ignore_errors=True)


@pytest.mark.parametrize("status", [0, 3])
def test_a_job_ends_as_its_sweep(submit: Callable[..., Job], status: int) -> None:
    job = submit("my-space.yaml", "--mirror", "a folder")
    job.wait_for_sweep()
    job.may_end.write_text(str(status))
    assert job.ends() == status
    assert "sweep: run my-space.yaml --mirror a folder\n" in job.log.read_text()
    assert "requeue" not in job.calls.read_text()


def test_before_its_time_is_over_it_stops_the_sweep_and_queues_itself_again(submit: Callable[..., Job]) -> None:
    job = submit("my-space.yaml")
    job.wait_for_sweep()
    assert job.ends(signal.SIGUSR1) == 130
    assert "stopped" in job.log.read_text()
    assert job.calls.read_text().splitlines()[-1] == f"scontrol requeue {job.number}"


def test_a_job_that_is_cancelled_is_not_queued_again(submit: Callable[..., Job]) -> None:
    job = submit("my-space.yaml")
    job.wait_for_sweep()
    assert job.ends(signal.SIGTERM) == 130
    assert "stopped" in job.log.read_text() and "requeue" not in job.calls.read_text()


def test_a_head_that_does_not_start_is_said(submit: Callable[..., Job]) -> None:
    job = submit("my-space.yaml", ray="#!/bin/bash\nexit 1\n")
    assert job.ends() == 1
    assert "Ray did not start on 127.0.0.2; see" in job.log.read_text()
    assert not job.on_disk.exists() and not job.private.exists()


@pytest.mark.cluster
def test_a_job_is_one_ray_cluster_with_a_token_of_its_own(submit: Callable[..., Job]) -> None:
    job = submit("my-space.yaml", ray=RAY, stopover=SWEEP_ON_RAY)
    job.wait_for_sweep()
    assert "sweep: on ['127.0.0.2', '127.0.0.3']" in job.log.read_text()

    file = job.private / "token"
    token = file.read_text().strip()
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (file, job.private, job.on_disk)]
    assert len(token) >= 32 and modes == [0o600, 0o700, 0o700]
    assert str(job.on_disk) in command_lines() and token not in command_lines()
    (head,) = re.findall(r"ray start --address=(\S+)", job.calls.read_text())
    without = {"RAY_AUTH_MODE": "disabled", "HOME": job.environment["HOME"], "PATH": os.environ["PATH"]}
    refused = subprocess.run([RAY.split()[-2], "status", "--address", head], env=without, capture_output=True)
    assert refused.returncode != 0 and b"uthent" in refused.stdout + refused.stderr

    assert job.ends(signal.SIGUSR1) != 0
    assert job.calls.read_text().splitlines()[-1] == f"scontrol requeue {job.number}"
    assert not job.private.exists() and not job.on_disk.exists() and str(job.on_disk) not in command_lines()
    (log,) = job.private.parent.glob("*-ray.log")
    assert token not in job.log.read_text() + log.read_text()
