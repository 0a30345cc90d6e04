"""Does everything run on this GPU, and how well? One stage of every format at the sizes of XLM-R, in bf16.

    PYTHONPATH=. python benchmarks/gpu_smoke.py [--seconds 20] [--minutes 7] [--json FILE] [--folder FOLDER]
    PYTHONPATH=. python benchmarks/gpu_smoke.py --toy

Needs torch, transformers and pyarrow, and no download: weights are random, examples generated (`cued.py`) and as long
as the real ones. All else is what a trial does: `run_trial` over a store, by the catalogue's settings. A format is
first tried for its speed, then trained for `--seconds`; less where `--minutes` would not do. Rates are taken between
the first and the last news of a training, and over the second language of a scoring, so that they hold no warm-up.

FLOP are those of tokens that are not padding: 6 per weight of the encoder's matrices in training, 2 in scoring, and
those of attention itself (`spaces.encoders.Shape`). MFU is their share of what the device can do at best.

Exit code 0 where every loss falls and retrieval beats chance, 1 where not, 2 without a CUDA device.
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
import transformers
from gpu_cells import Cell, Rate, Size, measure, workbench

from spaces import TASKS
from spaces.encoders import ENCODERS, Shape

FORMATS = ("xnli", "hellaswag", "xquad", "udpos", "tatoeba", "bucc2018")  # a task of each
SIZES = (
    Size("base", ENCODERS["FacebookAI/xlm-roberta-base"], 12, 250_002, 5e-5, 4000, 500),
    Size("large", ENCODERS["FacebookAI/xlm-roberta-large"], 16, 250_002, 2e-5, 4000, 500),
)
TOY = (Size("toy", Shape(2, 64, 128), 4, 1100, 2e-3, 300, 40),)
# FLOP/s of dense bf16 as NVIDIA's data sheets give them, by what torch calls the device: H100 SXM, H200, A100.
PEAKS = {"NVIDIA H100 80GB HBM3": 989e12, "NVIDIA H200": 989e12, "NVIDIA A100": 312e12}
OTHER_DEVICES = ("NVL", "MIG")  # parts of those names that tell of a smaller one


def main() -> int:
    """Prints a line for each cell as it comes, and the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, help="of training in each cell; default 20, toy 2")
    parser.add_argument("--minutes", type=float, default=7.0, help="that all of it may take")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write down what was measured")
    parser.add_argument("--folder", type=Path, help="where the store is put: the hand-over depends on the disk")
    parser.add_argument("--toy", action="store_true", help="a toy encoder on the CPU")
    arguments = parser.parse_args()
    if not arguments.toy and not torch.cuda.is_available():
        print("no CUDA device here; --toy runs all of it small, on the CPU", file=sys.stderr)
        return 2
    device = torch.device("cpu" if arguments.toy else "cuda")
    sizes = TOY if arguments.toy else SIZES
    seconds = arguments.seconds or (2.0 if arguments.toy else 20.0)
    end = time.monotonic() + 60 * arguments.minutes
    cells = []
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        for cell in measured(sizes, device, Path(folder), seconds, end):
            cells.append(cell)
            print(f"{cell.size} {cell.task} {'works' if cell.works else 'FAILS'} ({cell.seconds:.0f} s)", flush=True)
    name = torch.cuda.get_device_name() if device.type == "cuda" else "CPU"
    peak = peak_of(name)
    print(f"\n{name}, torch {torch.__version__}, transformers {transformers.__version__}\n")
    print("\n".join(table(cells, peak)))
    left_out = len(sizes) * len(FORMATS) - len(cells)
    if left_out:
        print(f"\n{left_out} left out: --minutes {arguments.minutes:g} were over")
    if arguments.json:
        arguments.json.write_text(json.dumps(report(cells, name, peak), indent=1))
    return 1 if left_out or not all(cell.works for cell in cells) else 0


def measured(sizes: Sequence[Size], device: torch.device, folder: Path, seconds: float, end: float) -> Iterator[Cell]:
    """Cell by cell, while there is time."""
    left = len(sizes) * len(FORMATS)
    for size in sizes:
        bench = workbench(size, device, folder / size.name)
        for name in FORMATS:
            share = (end - time.monotonic()) / left
            if share <= 0:
                return
            # The other half goes into trying out, scoring and handing over.
            yield measure(size, TASKS[name], bench, min(seconds, share / 2))
            left -= 1
        shutil.rmtree(folder / size.name)


def peak_of(name: str) -> float | None:
    """FLOP/s of a device at best; None of one that is not known."""
    if any(part in name for part in OTHER_DEVICES):
        return None
    return next((peak for known, peak in PEAKS.items() if name.startswith(known)), None)


def table(cells: Sequence[Cell], peak: float | None) -> list[str]:
    """Lines of a Markdown table."""
    head = ("size", "format", "", "examples/s", "tokens/s", "TFLOP/s", "MFU", "loss", "score", "GB", "hand-over")
    rows = [row for cell in cells for row in _rows(cell, peak)]
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = [head, tuple("-" * width for width in widths), *rows]
    return [
        "| " + " | ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)) + " |" for line in lines
    ]


def _rows(cell: Cell, peak: float | None) -> Iterator[tuple[str, ...]]:
    """A row for training and one for scoring."""
    about = (cell.size, cell.format.replace("_", " "))
    loss = "{:.2f} → {:.2f}".format(*cell.losses) if cell.losses else ""
    score = f"{cell.score:.1f}" + ("" if cell.chance is None else f" ({cell.chance:.1f})")
    handed = (f"{cell.memory / 1e9:.1f}", f"{cell.publish:.1f} + {cell.read_back:.1f} s")
    if cell.training:
        dev = "" if cell.scoring else score
        yield (*about, "train", *_speed(cell.training, peak), loss, dev, *handed)
    if cell.scoring:
        yield (*about, "score", *_speed(cell.scoring, peak), "", score, *(("", "") if cell.training else handed))


def _speed(rate: Rate, peak: float | None) -> tuple[str, ...]:
    share = f"{rate.flop / peak:.0%}" if peak else "-"
    return f"{rate.examples:,.0f}", f"{rate.tokens:,.0f}", f"{rate.flop / 1e12:.3g}", share


def report(cells: Sequence[Cell], name: str, peak: float | None) -> dict[str, Any]:
    """The same as JSON, in seconds, bytes and FLOP/s."""
    return {
        "device": name,
        "peak_flop": peak,
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "cells": [asdict(cell) | {"works": cell.works} for cell in cells],
    }


if __name__ == "__main__":
    sys.exit(main())
