"""The GPU smoke benchmark on the CPU, with no more packages than a bare CUDA image has."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from spaces import Format

REPOSITORY = Path(__file__).parent.parent
BARE_IMAGE = REPOSITORY / "tests" / "bare_image"


def gpu_smoke(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(map(str, (BARE_IMAGE, REPOSITORY))),
        "CUDA_VISIBLE_DEVICES": "",
    }
    run = [sys.executable, str(REPOSITORY / "benchmarks" / "gpu_smoke.py"), *arguments]
    return subprocess.run(run, env=environment, capture_output=True, text=True, timeout=240)


def numbers(value: Any) -> list[float]:
    """All numbers in JSON data."""
    if isinstance(value, dict | list):
        return [number for one in (value.values() if isinstance(value, dict) else value) for number in numbers(one)]
    return [value] if isinstance(value, int | float) and not isinstance(value, bool) else []


@pytest.mark.slow
def test_every_format_learns_and_is_measured(tmp_path: Path) -> None:
    run = gpu_smoke("--toy", "--seconds", "1", "--json", str(tmp_path / "toy.json"))
    assert run.returncode == 0, run.stdout + run.stderr
    cells = json.loads((tmp_path / "toy.json").read_text())["cells"]
    assert {cell["format"] for cell in cells} == set(Format)
    trained = [cell for cell in cells if cell["losses"]]
    assert {cell["format"] for cell in trained} == set(Format) - {Format.RETRIEVAL, Format.MINING}
    assert all(last < first for first, last in (cell["losses"] for cell in trained))
    for cell in cells:
        measured = [cell[name] for name in ("training", "scoring", "memory", "publish", "read_back", "seconds")]
        assert all(math.isfinite(number) and number > 0 for number in numbers(measured)), cell
    assert all(form.replace("_", " ") in run.stdout for form in Format)


def test_without_a_gpu_it_says_so_in_one_line() -> None:
    run = gpu_smoke()
    assert (run.returncode, run.stdout) == (2, "")
    (line,) = run.stderr.strip().splitlines()
    assert "no CUDA device" in line and "--toy" in line
