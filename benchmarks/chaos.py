"""Does a sweep come to the same end under faults? Seeded runs, each with one to five faults at random moments.

    PYTHONPATH=. python benchmarks/chaos.py [--runs 60] [--first-seed 0]

A small sweep over made-up data is run undisturbed once, then again and again from nothing while faults strike: the
driver, a worker or the raylet is killed, the driver is told to end, a stored stage is damaged or loses a file, the
disk is full for a while (as root, on a small tmpfs), a training step gives no number, the clock jumps (as Python sees
it), the MLflow server goes away and comes back. Whenever the driver has ended, the same command is run again. Exit
code 1 unless every run ends with the same matrix, one ended MLflow run per trial, and no stage trained twice that was
not damaged.
"""

import argparse
import csv
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import yaml
from mlflow.tracking import MlflowClient

from tests.made_data import save_xlmr, small_space, write_mirror
from tests.mlflow_server import MlflowServer

PHASE = {"epochs": 2, "batch_size": 8, "max_length": 64, "evaluations": 4}
SPACE = {
    "recipes": ["none", "mnli", "mnli>ud_xpos"],
    "targets": ["xnli", "udpos", "tatoeba"],
    "learning_rates": [0.003, 0.0003],
    "stopping": {"rungs": [0.5], "reduction": 3, "keep": "recipe"},
    "training": {"intermediate": PHASE, "target": PHASE},
}
TRIALS = 18
PATIENCE_SECONDS = 240.0
HOOKS = Path(__file__).parent / "chaos_hooks"
DISK = "64m"


def main() -> int:
    """Prints a line per run and the sums; 0 where nothing went wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=60)
    parser.add_argument("--first-seed", type=int, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="stopover-chaos-") as folder:
        place = Path(folder)
        mirror, model = write_mirror(place / "mirror"), save_xlmr(_made(place / "model"))
        given = [sys.executable, "-m", "search.cli", "run", str(_space(place)), "--mirror", str(mirror), "--model",
                 str(model), "--workers", "2"]  # fmt: skip
        calm = Sweep(given, _made(place / "calm"), _server(place / "calm"))
        calm.finish()
        expected = calm.matrix()
        struck: Counter[str] = Counter()
        wrong = 0
        for seed in range(arguments.first_seed, arguments.first_seed + arguments.runs):
            began = time.monotonic()
            home = _made(place / f"run-{seed}")
            faults, problems = run_once(random.Random(seed), given, home, expected)
            struck.update(faults)
            wrong += bool(problems)
            verdict = "; ".join(problems) or "same"
            print(f"seed {seed}: {', '.join(faults)}: {verdict} ({time.monotonic() - began:.0f} s)", flush=True)
            shutil.rmtree(home, ignore_errors=True)
    print(f"{arguments.runs} runs, faults: {dict(struck)}; wrong: {wrong}")
    return 1 if wrong else 0


def run_once(
    rng: random.Random, given: list[str], home: Path, expected: list[dict[str, str]]
) -> tuple[list[str], list[str]]:
    """One sweep under faults; which struck, and what is wrong at its end."""
    with Disk(home / "store"):
        sweep = Sweep(given, home, _server(home))
        struck = []
        try:
            for fault in rng.choices(list(FAULTS), k=rng.randint(1, 5)):
                sweep.start()
                time.sleep(rng.uniform(1.0, 12.0))
                sweep.note_stages()
                FAULTS[fault](sweep, rng)
                struck.append(fault)
            sweep.finish()
            return struck, sweep.problems(expected)
        except TimeoutError as error:
            return struck, [str(error)]
        finally:
            sweep.end()


@dataclass
class Sweep:
    """A sweep in a home of its own: its driver while it runs, and what is known of its store."""

    given: list[str]
    home: Path
    server: MlflowServer
    driver: psutil.Popen | None = None
    damaged: set[str] = field(default_factory=set)
    doubled: set[str] = field(default_factory=set)
    seen: dict[str, int] = field(default_factory=dict)

    def start(self) -> None:
        """Runs the command unless it runs already."""
        self.server.start()
        if self.driver is None or not self.driver.is_running() or self.driver.poll() is not None:
            path = os.pathsep.join(filter(None, [str(HOOKS), os.environ.get("PYTHONPATH")]))
            environment = os.environ | {
                "HF_HUB_OFFLINE": "1",
                "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
                "PYTHONPATH": path,
                "STOPOVER_FAULTS": str(_made(self.faults)),
            }
            command = [*self.given, "--home", str(self.home / "home"), "--tracking-uri", self.server.uri]
            link = self.home / "home" / "store"
            if not link.is_symlink():
                _made(link.parent)
                link.symlink_to(_made(self.home / "store"))
            with (self.home / "log.txt").open("a") as log:
                self.driver = psutil.Popen(
                    command, stdout=log, stderr=subprocess.STDOUT, env=environment, start_new_session=True
                )

    @property
    def faults(self) -> Path:
        """Where the processes are told of faults from inside."""
        return self.home / "faults"

    def finish(self) -> None:
        """Runs the command again until it ends well twice: the second time all is logged. Raises `TimeoutError`."""
        end = time.monotonic() + PATIENCE_SECONDS
        well = 0
        while well < 2:
            self.start()
            assert self.driver is not None
            code = self.driver.wait(timeout=max(1.0, end - time.monotonic()))
            well = well + 1 if code == 0 else 0
            if time.monotonic() > end:
                raise TimeoutError(f"not done after {PATIENCE_SECONDS:.0f} s")
        self.note_stages()

    def end(self) -> None:
        """Leaves no process behind."""
        if self.driver is not None:
            for process in _family(self.driver):
                _kill(process)
        self.server.kill()

    def note_stages(self) -> None:
        """Sees which stages were published anew though nobody had damaged them."""
        for manifest in (self.home / "store" / "stages").glob("*/*/manifest.json"):
            try:
                published = manifest.stat().st_mtime_ns
            except FileNotFoundError:
                continue
            key = manifest.parent.name
            if self.seen.get(key, published) != published and key not in self.damaged:
                self.doubled.add(key)
            self.seen[key] = published

    def matrix(self) -> list[dict[str, str]]:
        """The matrix that the sweep wrote."""
        (path,) = (self.home / "home" / "sweeps").glob("*/matrix.csv")
        with path.open() as file:
            return list(csv.DictReader(file))

    def problems(self, expected: list[dict[str, str]]) -> list[str]:
        """What is not as in an undisturbed sweep."""
        found = []
        if self.matrix() != expected:
            found.append("another matrix")
        client = MlflowClient(self.server.uri)
        experiment = client.get_experiment_by_name("small")
        runs = client.search_runs([experiment.experiment_id], max_results=1000) if experiment else []
        names = Counter(run.info.run_name for run in runs)
        if len(names) != TRIALS + 1 or set(names.values()) != {1}:
            found.append(f"{sum(names.values())} runs under {len(names)} names in MLflow")
        states = Counter(run.info.status for run in runs)
        if set(states) != {"FINISHED"}:
            found.append(f"run states {dict(states)}")
        if self.doubled:
            found.append(f"{len(self.doubled)} stages trained twice")
        return found


class Disk:
    """A small disk of its own for the store, where this user may mount one; else a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = _made(folder)

    def __enter__(self) -> "Disk":
        command = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(self.folder)]
        self.mounted = os.geteuid() == 0 and subprocess.run(command, capture_output=True).returncode == 0
        return self

    def __exit__(self, *error: object) -> None:
        if self.mounted:
            subprocess.run(["umount", "-l", str(self.folder)], capture_output=True)


def kill_driver(sweep: Sweep, rng: random.Random) -> None:
    """kill -9 of the driver."""
    if sweep.driver is not None:
        _kill(sweep.driver)


def end_driver(sweep: Sweep, rng: random.Random) -> None:
    """The driver is told to end."""
    if sweep.driver is not None and sweep.driver.is_running():
        sweep.driver.send_signal(signal.SIGTERM)
        try:
            sweep.driver.wait(timeout=60)
        except psutil.TimeoutExpired:
            _kill(sweep.driver)


def kill_worker(sweep: Sweep, rng: random.Random) -> None:
    """kill -9 of a trial's process."""
    _kill_one(sweep, rng, "ray::")


def kill_raylet(sweep: Sweep, rng: random.Random) -> None:
    """kill -9 of the process that runs Ray on this host."""
    _kill_one(sweep, rng, "raylet/raylet")


def damage(sweep: Sweep, rng: random.Random) -> None:
    """A byte of a stored stage flips."""
    for file in _some_file(sweep, rng):
        content = bytearray(file.read_bytes())
        if content:
            content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
            file.write_bytes(content)


def lose(sweep: Sweep, rng: random.Random) -> None:
    """A file of a stored stage is gone."""
    for file in _some_file(sweep, rng):
        file.unlink()


def fill_disk(sweep: Sweep, rng: random.Random) -> None:
    """The store's disk is full for some seconds."""
    filler = sweep.home / "store" / "filler"
    if not os.path.ismount(filler.parent):
        return
    try:
        with filler.open("wb") as file:
            while True:
                file.write(bytes(1 << 20))
    except OSError:
        time.sleep(rng.uniform(1.0, 5.0))
    finally:
        filler.unlink(missing_ok=True)


def _server(folder: Path) -> MlflowServer:
    return MlflowServer(f"sqlite:///{folder}/mlflow.db", folder)


def stop_server(sweep: Sweep, rng: random.Random) -> None:
    """The MLflow server is away for up to 20 s."""
    sweep.server.kill()
    time.sleep(rng.uniform(1.0, 20.0))
    sweep.server.start()


def spoil_step(sweep: Sweep, rng: random.Random) -> None:
    """The next training step leaves no number in any weight."""
    (_made(sweep.faults) / "nan").touch()


def jump_clock(sweep: Sweep, rng: random.Random) -> None:
    """The clock jumps, by up to a day either way."""
    (_made(sweep.faults) / "clock").write_text(f"{rng.uniform(-86_400, 86_400):.0f}")


FAULTS: dict[str, Callable[[Sweep, random.Random], None]] = {
    "driver killed": kill_driver,
    "driver told to end": end_driver,
    "worker killed": kill_worker,
    "raylet killed": kill_raylet,
    "byte flipped": damage,
    "file lost": lose,
    "disk full": fill_disk,
    "server away": stop_server,
    "step spoilt": spoil_step,
    "clock jumped": jump_clock,
}


def _some_file(sweep: Sweep, rng: random.Random) -> list[Path]:
    """A file of a finished stage, which from now on may be trained again; none where there is no stage yet."""
    files = sorted(path for path in (sweep.home / "store" / "stages").glob("??/[!.]*/*") if path.is_file())
    if not files:
        return []
    file = rng.choice(files)
    sweep.damaged.add(file.parent.name)
    return [file]


def _kill_one(sweep: Sweep, rng: random.Random, name: str) -> None:
    if sweep.driver is None or not sweep.driver.is_running():
        return
    found = [process for process in _family(sweep.driver) if name in " ".join(_command(process))]
    if found:
        _kill(rng.choice(found))


def _family(process: psutil.Process) -> list[psutil.Process]:
    try:
        return [process, *process.children(recursive=True)]
    except psutil.Error:
        return [process]


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def _kill(process: psutil.Process) -> None:
    try:
        process.kill()
        process.wait(timeout=10)
    except psutil.Error:
        pass


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _space(folder: Path) -> Path:
    path = folder / "space.yaml"
    path.write_text(yaml.safe_dump(small_space(**SPACE).model_dump(mode="json", exclude_defaults=True)))
    return path


if __name__ == "__main__":
    sys.exit(main())
