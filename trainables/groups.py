"""Which units of a target's test sets belong together, so that a test set drawn anew takes all of them or none.

Questions about one paragraph are answered right or wrong together, and so are a question and its translations.
"""

from collections.abc import Hashable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from spaces import Format
from trainables.examples import Examples
from trainables.formats.base import Points
from trainables.sampling import Units

Names = Sequence[Hashable]
"""What a unit goes by: units that have a name in common belong together."""


def names_of(examples: Examples, units: int) -> list[Names]:
    """The names of one language's units.

    Questions go by their paragraph and, where the sets are parallel, by their id. Everything else goes by its row and
    the size of its set, as rows of equally large sets translate one another, and where they do not it does no harm.
    """
    if examples.task.format is not Format.SPAN_QA:
        return [(f"{row} of {units}",) for row in range(units)]
    contexts = [(examples.language, context) for context in examples.table["context"].to_pylist()]
    if not examples.task.parallel:
        return [(context,) for context in contexts]
    return list(zip(contexts, examples.table["id"].to_pylist(), strict=True))


def units_of(sets: Mapping[str, tuple[Examples, Points]]) -> dict[str, Units]:
    """What a run earned, unit by unit, with the groups: of examples and points (`Scores.points`) by language."""
    numbers = group_numbers(
        {language: names_of(examples, len(points)) for language, (examples, points) in sets.items()}
    )
    return {language: Units(numbers[language], *points.T) for language, (_, points) in sets.items()}


def group_numbers(names: Mapping[str, Sequence[Names]]) -> dict[str, NDArray[np.int64]]:
    """By language the group of every unit, numbered in order of first appearance.

    A group is all units that names connect, in whatever languages and over whatever units in between.
    """
    leader: dict[Hashable, Hashable] = {}

    def leader_of(name: Hashable) -> Hashable:
        while leader.setdefault(name, name) != name:
            leader[name] = leader[leader[name]]
            name = leader[name]
        return name

    for units in names.values():
        for first, *others in units:
            for other in others:
                leader[leader_of(other)] = leader_of(first)
    numbers: dict[Hashable, int] = {}
    return {
        language: np.array([numbers.setdefault(leader_of(unit[0]), len(numbers)) for unit in units], dtype=np.int64)
        for language, units in names.items()
    }
