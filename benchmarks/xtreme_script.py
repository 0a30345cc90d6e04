"""Does XTREME's own script give Stopover's numbers? Exports a sweep with labels and scores it with `evaluate.py`.

    git clone https://github.com/google-research/xtreme && pip install seqeval==0.0.12
    python benchmarks/xtreme_script.py mini --script xtreme --home .stopover --mirror DATA

Needs nothing of the script's environment but seqeval 0.0.12 (newer versions count other chunks). Exit code 1 where any
number differs by more than 1e-9.
"""

import argparse
import importlib
import sys
import tempfile
from pathlib import Path
from typing import Any

from search.export import export_sweep
from search.home import Home
from search.results import TrialResult
from search.sweep import find_sweep

TOLERANCE = 1e-9


def main() -> int:
    """Prints the largest difference per target; 0 when all are within the tolerance."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sweep")
    parser.add_argument("--script", type=Path, required=True, help="a checkout of google-research/xtreme")
    parser.add_argument("--home", type=Path, default=Path(".stopover"))
    parser.add_argument("--mirror", type=Path)
    arguments = parser.parse_args()
    sys.path.insert(0, str(arguments.script.absolute()))
    script = importlib.import_module("evaluate")
    home = Home(arguments.home)
    with tempfile.TemporaryDirectory() as folder:
        files = Path(folder)
        chosen = export_sweep(find_sweep(home, arguments.sweep), home, arguments.mirror, files, labels=True)
        worst = {target: _difference(script, files, target, result) for target, result in chosen.items()}
    for target, difference in worst.items():
        count = len(chosen[target].languages)
        print(f"{target:10} {count:3} languages, largest difference {difference:.1e}")
    return 0 if max(worst.values(), default=0.0) <= TOLERANCE else 1


def _difference(script: Any, folder: Path, target: str, result: TrialResult) -> float:
    differences = [0.0]
    for language, scores in result.languages.items():
        (predicted,) = (folder / "predictions" / target).glob(f"test-{language}.*")
        (labels,) = (folder / "labels" / target).glob(f"test-{language}.*")
        theirs = script.evaluate_one_task(str(predicted), str(labels), target, language=language)
        ours = scores["metrics"]
        differences += [abs(value - ours[name]) for name, value in theirs.items() if name in ours]
        shared = set(theirs) & set(ours)
        assert shared, f"the script gives {set(theirs)}, Stopover {set(ours)}"
    return max(differences)


if __name__ == "__main__":
    sys.exit(main())
