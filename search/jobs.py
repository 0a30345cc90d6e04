"""Sweeps as jobs of a running cluster, through Ray's Jobs API: submit, list, look at, follow, stop.

The code that is submitted is the one that submits: its three packages travel with the space, so a cluster needs no
more than their dependencies installed.
"""

import getpass
import importlib
import logging
import os
import shlex
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from search.tunnel import DASHBOARD, is_url, tunnel
from spaces import Space, UserError
from spaces.errors import did_you_mean

_PACKAGES = ("search", "trainables", "spaces")
_MARK = "stopover"  # in a job's metadata: which jobs are ours
_SECONDS_TO_STOP = 180  # for snapshots, before Ray kills the driver
_TELLERS = ("ray.dashboard.modules.dashboard_sdk", "ray._private.runtime_env.packaging")  # of every file they pack
OVER = frozenset({"SUCCEEDED", "FAILED", "STOPPED"})


@dataclass(frozen=True)
class Job:
    """A sweep on a cluster. `began`, `ended` are None before it did; `message` is Ray's word on its state."""

    id: str
    space: str
    user: str
    priority: float
    state: str
    began: datetime | None
    ended: datetime | None
    message: str


@dataclass(frozen=True)
class ClusterNode:
    """A node as Ray counts it."""

    address: str
    is_head: bool
    cores: float
    gpus: float


@contextmanager
def cluster_at(address: str) -> Iterator["Cluster"]:
    """A cluster by the URL of its dashboard, by its cluster file or by USER@HOST, reached while the block lasts.

    Raises `UserError` where none answers there, or where it refuses.
    """
    with ExitStack() as stack:
        url = address if is_url(address) else f"http://127.0.0.1:{stack.enter_context(tunnel(address, [DASHBOARD]))[0]}"
        try:
            yield Cluster(url)
        except ConnectionError:
            raise UserError(
                f"no cluster answers at {url}: give --address cluster.yaml or USER@HOST, which opens the way over ssh"
            ) from None
        except ImportError as error:
            raise UserError(f"{error}; install what clusters need: pip install 'stopover[cluster]'") from None
        except RuntimeError as error:  # what Ray's client makes of an answer that is not good
            raise UserError(f"the cluster at {url} does not do as it is asked: {str(error).splitlines()[0]}") from None
        except Exception as error:
            if type(error).__name__ != "AuthenticationError":  # Ray's, which is not imported until it is needed
                raise
            raise UserError(
                f"the cluster at {url} refuses: it wants its token, from {_token_file()} (mode 0600) or RAY_AUTH_TOKEN"
            ) from None


class Cluster:
    """What is asked of a running cluster. Raises what Ray's client does; `cluster_at` says it in words."""

    def __init__(self, url: str) -> None:
        if _token_file().is_file() or "RAY_AUTH_TOKEN" in os.environ:
            os.environ.setdefault("RAY_AUTH_MODE", "token")  # a cluster that wants none does not mind one
        from ray.job_submission import JobSubmissionClient

        for teller in _TELLERS:
            logging.getLogger(teller).setLevel(logging.WARNING)

        self._url = url
        self._client = JobSubmissionClient(url)

    def submit(self, space: Space, options: Sequence[str], priority: float) -> str:
        """Starts a sweep; the id of its job. `options` are further ones of `stopover run`."""
        name = f"{space.name}-{uuid.uuid4().hex[:6]}"
        with tempfile.TemporaryDirectory(prefix="stopover-submit-") as folder:
            _pack(space, Path(folder))
            return str(
                self._client.submit_job(
                    entrypoint=_entrypoint([*options, "--priority", f"{priority:g}"]),
                    submission_id=name,
                    runtime_env={
                        "working_dir": folder,
                        "env_vars": {
                            "RAY_JOB_STOP_WAIT_TIME_S": str(_SECONDS_TO_STOP),
                            "PYTHONUNBUFFERED": "1",
                            "COLUMNS": "120",
                        },
                    },
                    metadata={
                        _MARK: "1", "space": space.name, "user": getpass.getuser(), "priority": f"{priority:g}",
                    },
                )
            )  # fmt: skip

    def jobs(self) -> list[Job]:
        """All sweeps that the cluster remembers, the newest first."""
        told = [_job(details) for details in self._client.list_jobs() if (details.metadata or {}).get(_MARK)]
        return sorted(told, key=lambda job: job.began or datetime.now(UTC), reverse=True)

    def job(self, name: str) -> Job:
        """A sweep by the id of its job, or the newest of a space's name; raises `UserError` for neither."""
        jobs = self.jobs()
        for job in jobs:
            if name in (job.id, job.space):
                return job
        hint = did_you_mean(name, [job.id for job in jobs]) if jobs else "there are none: stopover submit quickstart"
        raise UserError(f"no sweep '{name}' on the cluster ({hint})")

    def logs(self, job: Job) -> str:
        """All that a job has printed."""
        return str(self._client.get_job_logs(job.id))

    def follow(self, job: Job) -> AsyncIterator[str]:
        """What a job prints, from its beginning to its end."""
        return self._client.tail_job_logs(job.id)

    def stop(self, job: Job) -> None:
        """Asks a job to stop: running trials leave snapshots, then it ends; after a while Ray ends it anyway."""
        self._client.stop_job(job.id)

    def nodes(self) -> list[ClusterNode]:
        """The nodes that are up."""
        from ray.util.state import list_nodes

        alive = [("state", "=", "ALIVE")]
        nodes = list_nodes(address=self._url, filters=alive, detail=True, raise_on_missing_output=False)
        return [
            ClusterNode(
                str(node.node_ip),
                bool(node.is_head_node),
                float(node.resources_total.get("CPU", 0)),
                float(node.resources_total.get("GPU", 0)),
            )
            for node in nodes
        ]


def _pack(space: Space, folder: Path) -> None:
    """The space and the code that runs it, as the job's working directory."""
    for package in _PACKAGES:
        source = Path(str(importlib.import_module(package).__file__)).parent
        shutil.copytree(source, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    text = yaml.safe_dump(space.model_dump(mode="json", exclude_defaults=True), sort_keys=False, allow_unicode=True)
    (folder / "space.yaml").write_text(text, encoding="utf-8")


def _entrypoint(options: Sequence[str]) -> str:
    # The home must outlive the job's working directory, which is where a relative one would be.
    home = 'STOPOVER_HOME="${STOPOVER_HOME:-$HOME/.stopover}"'
    return f"{home} exec python -m search.cli run space.yaml {shlex.join(options)}"


def _job(details: Any) -> Job:
    told = details.metadata or {}
    return Job(
        id=details.submission_id,
        space=told.get("space", "?"),
        user=told.get("user", "?"),
        priority=float(told.get("priority", 1)),
        state=str(getattr(details.status, "value", details.status)),
        began=_moment(details.start_time),
        ended=_moment(details.end_time),
        message=details.message or "",
    )


def _moment(milliseconds: int | None) -> datetime | None:
    return datetime.fromtimestamp(milliseconds / 1000, UTC) if milliseconds else None


def _token_file() -> Path:
    """Where Ray looks for the cluster's token."""
    return Path(os.environ.get("RAY_AUTH_TOKEN_PATH") or Path.home() / ".ray" / "auth_token")
