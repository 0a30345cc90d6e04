"""Builds a mirror, data and model, on a machine with internet for those without."""

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from spaces import UserError, language_named
from trainables.inventory import Need, needs
from trainables.model_files import Progress, find_model, mirrored_model, model_files
from trainables.sources.base import TableSource
from trainables.sources.mirror import table_path

if TYPE_CHECKING:
    from spaces import Space


def fetch(space: "Space", source: TableSource, folder: Path, home_model: Path, progress: Progress) -> list[str]:
    """Puts all that a space needs into a mirror folder; returns what could not be had, a line each.

    What is there already is left as it is, so fetching again goes on where it was cut short.
    """
    folder.mkdir(parents=True, exist_ok=True)
    wanted = list(needs(space))
    faults: list[str] = []
    for done, need in enumerate(wanted):
        progress(f"{need.task.name} {need.split} {need.language}", done, len(wanted) + 1)
        faults += _fetch(need, source, folder)
    progress(space.model, len(wanted), len(wanted) + 1)
    faults += _fetch_model(space.model, home_model, folder)
    progress("done", len(wanted) + 1, len(wanted) + 1)
    return faults


def _fetch(need: Need, source: TableSource, folder: Path) -> list[str]:
    faults = []
    spoken = language_named(need.language)
    for table in need.tables():
        path = table_path(folder, table, spoken)
        try:
            if not path.is_file():
                _write(source.table(need.task, table, spoken), path)
        except UserError as error:
            faults.append(str(error))
    return faults


def _fetch_model(name: str, home_model: Path, folder: Path) -> list[str]:
    try:
        found = find_model(name, home_model)
    except UserError as error:
        return [str(error)]
    place = mirrored_model(folder, name)
    place.mkdir(parents=True, exist_ok=True)
    for file in model_files(found):
        copy = place / file.name
        if not copy.is_file() or copy.stat().st_size != file.stat().st_size:
            shutil.copyfile(file, _draft(copy))
            _draft(copy).replace(copy)
    return []


def _write(rows: pa.Table, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(rows, _draft(path), compression="zstd")
    _draft(path).replace(path)


def _draft(path: Path) -> Path:
    # Written beside its place and renamed, so that a mirror never holds half a file.
    return path.with_name(f".{path.name}.{os.getpid()}.part")
