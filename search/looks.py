"""How often a question was looked at: sweeps of the same space with other seeds.

Whoever adds seeds until a verdict comes has more chances of a false one; the verdict's error rate is divided between
the looks (`search.significance.error_rate_of_look`).
"""

from pathlib import Path
from typing import Any

import yaml

from search.home import Home
from search.results import RESULTS_FILE, Results
from spaces import Space, UserError

_BESIDES = {"name", "description", "seeds", "budget"}  # what two looks at one question may differ in


def look_of(sweep: str, space: Space, home: Home) -> int:
    """Which look a sweep is, from 1, as this home knows it: it comes after all finished sweeps of its question.

    A sweep that is run again keeps its number.
    """
    try:
        return Results.load(home.sweeps / sweep).look
    except UserError:  # it is new, or of another version
        question = _question(space.model_dump(mode="json", exclude_defaults=True))
        others = (path.parent for path in home.sweeps.glob(f"*/{RESULTS_FILE}") if path.parent.name != sweep)
        return 1 + sum(_asked(folder) == question for folder in others)


def _asked(folder: Path) -> dict[str, Any]:
    try:
        plain = yaml.safe_load((folder / "space.yaml").read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    return _question(plain) if isinstance(plain, dict) else {}


def _question(space: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in space.items() if name not in _BESIDES}
