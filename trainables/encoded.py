"""Tokenised examples, kept on disk as Arrow and memory-mapped: encoded once per data, tokenizer and lengths."""

import os
import tempfile
from pathlib import Path

import pyarrow as pa

from trainables.digest import digest_of
from trainables.examples import Examples
from trainables.formats import FineTuning
from trainables.stages import FORMAT_VERSIONS


def encoded(examples: Examples, form: FineTuning, tokenizer_digest: str, cache: Path) -> pa.Table:
    """The rows of `form.encode(examples)`, from the cache folder where they are there already."""
    settings = form.settings
    key = digest_of(
        {
            "examples": examples.digest,
            "tokenizer": tokenizer_digest,
            "format": [examples.task.format, FORMAT_VERSIONS[examples.task.format]],
            "lengths": [settings.max_length, settings.stride],
        }
    )
    path = cache / f"{key}.arrow"
    if not path.is_file():
        _write(form.encode(examples), path)
    return pa.ipc.open_file(pa.memory_map(str(path))).read_all()


def _write(table: pa.Table, path: Path) -> None:
    # Written beside its place and renamed, so that a reader never sees half a file.
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
    with os.fdopen(handle, "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)
    Path(name).rename(path)
