"""Tokenised examples, kept on disk as Arrow and memory-mapped: encoded once per data, tokenizer and lengths."""

import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.compute
from filelock import FileLock

from trainables.arrow_files import drafted, read_arrow
from trainables.digest import digest_of
from trainables.examples import Examples
from trainables.formats import FineTuning
from trainables.full_disk import told_when_full
from trainables.stages import FORMAT_VERSIONS

_LAYOUT = 2  # raise it when the files' columns change
_AT_A_TIME = 1000  # examples: their tokens as Python numbers are what takes memory
_PARALLELISM = "TOKENIZERS_PARALLELISM"

Encoding = Generator[int, None, pa.Table]


def encoding(examples: Examples, form: FineTuning, tokenizer_digest: str, cache: Path) -> Encoding:
    """The rows of `form.encode(examples)`, from the cache folder where they are there already.

    Where they are not, yields now and then how many examples are encoded. Of several processes that want the same
    rows one encodes them and the others wait.
    """
    settings = form.settings
    key = digest_of(
        {
            "layout": _LAYOUT,
            "examples": examples.digest,
            "tokenizer": tokenizer_digest,
            "format": [examples.task.format, FORMAT_VERSIONS[examples.task.format]],
            "lengths": [settings.max_length, settings.stride],
        }
    )
    path = cache / f"{key}.arrow"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_suffix(".lock")):
            if not path.is_file():
                with told_when_full(cache):
                    yield from _encode(examples, form, path)
    return read_arrow(path)


def encoded(examples: Examples, form: FineTuning, tokenizer_digest: str, cache: Path) -> pa.Table:
    """The same without news on the way."""
    steps = encoding(examples, form, tokenizer_digest, cache)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def lengths_told(rows: pa.Table) -> dict[str, int]:
    """What became of long inputs: `examples`, those `split` into several windows, and those `cut`, losing text."""
    windows = rows.group_by("example").aggregate([([], "count_all"), ("cut", "any")])
    split = pa.compute.sum(pa.compute.greater(windows["count_all"], 1)).as_py()
    return {
        "examples": windows.num_rows,
        "split": int(split or 0),
        "cut": int(pa.compute.sum(windows["cut_any"]).as_py() or 0),
    }


def _encode(examples: Examples, form: FineTuning, path: Path) -> Iterator[int]:
    with drafted(path) as file:
        writer = None
        for start in range(0, len(examples), _AT_A_TIME):
            with _all_cores():
                rows = _numbered_from(start, form.encode(examples.slice(start, _AT_A_TIME)))
            writer = writer or pa.ipc.new_file(file, rows.schema)
            writer.write_table(rows)
            yield min(len(examples), start + _AT_A_TIME)
        if writer is not None:
            writer.close()


def _numbered_from(start: int, rows: pa.Table) -> pa.Table:
    column = rows.column_names.index("example")
    return rows.set_column(column, "example", pa.compute.add(rows["example"], pa.scalar(start, pa.int32())))


@contextmanager
def _all_cores() -> Iterator[None]:
    # Tokenizers read the variable at every call; outside, a trial computes with one thread.
    before = os.environ.get(_PARALLELISM)
    os.environ[_PARALLELISM] = "true"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_PARALLELISM]
        else:
            os.environ[_PARALLELISM] = before
