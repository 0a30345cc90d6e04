"""A Ray that is ready for a sweep: one of its own, or a cluster, looked at first and shared with other sweeps."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rich.console import Console

from search import ray_session
from search.board import Board
from search.preflight import preflight, told
from search.resources import Resources, resources_of
from search.shares import Share
from trainables.installed import versions
from trainables.model_in_store import put_model
from trainables.store import Store
from trainables.tune_trainable import Job, TrialTrainable

if TYPE_CHECKING:
    from search.sweep import How, Sweep

Places = Callable[[], int]


@dataclass(frozen=True)
class ReadyRay:
    """What trials share, what each takes, how many may run now, whether somebody has interrupted, and what runs one."""

    job: Job
    store: Store
    resources: Resources
    places: Places
    stopping: ray_session.Stopping = lambda: False
    trainable: type[TrialTrainable] = TrialTrainable


@contextmanager
def ready_ray(sweep: "Sweep", board: Board, store: Store, how: "How", console: Console) -> Iterator[ReadyRay]:
    """Raises `UserError` where a trial would need more than a machine has, or where the cluster is not fit."""
    job = Job(
        sweep.space.source,
        sweep.mirror,
        sweep.space.evaluation.test_splits,
        sweep.model,
        sweep.home.store_place,
        sweep.home.caches.root,
        how.hang_seconds,
        sweep.space.devices_per_trial,
    )
    if how.address is None:
        with _own(job, store, how, console) as ray:
            yield ray
    else:
        with _of_cluster(job, how.address, sweep, board, store, how, console) as ray:
            yield ray


@contextmanager
def _own(job: Job, store: Store, how: "How", console: Console) -> Iterator[ReadyRay]:
    resources = resources_of(job.devices, _gpus_here(), os.cpu_count() or 1, how.workers)
    with ExitStack() as stack:
        with console.status("starting Ray"):
            stopping = stack.enter_context(ray_session.own_ray(resources))
        places = ray_session.own_places(resources)
        yield ReadyRay(job, store, resources, lambda: places, stopping)


@contextmanager
def _of_cluster(
    job: Job, address: str, sweep: "Sweep", board: Board, store: Store, how: "How", console: Console
) -> Iterator[ReadyRay]:
    with ExitStack() as stack:
        with console.status("connecting to the cluster"):
            stopping = stack.enter_context(ray_session.cluster_ray(address))
            resources = ray_session.cluster_resources(job.devices, how.device, how.workers)
        with console.status("looking at the cluster's nodes"):
            nodes = preflight(store, job.store, job.cache, job.mirror)
        console.print(told(nodes), highlight=False, soft_wrap=True)
        with console.status("putting the model into the store"):
            job = replace(job, model=put_model(store, sweep.model, sweep.model_key), versions=versions())
        share = Share(sweep.id, resources, how.priority, board.could_use)
        stack.callback(share.leave)
        yield ReadyRay(job, store, resources, share, stopping)


def _gpus_here() -> int:
    import torch

    return torch.cuda.device_count()
