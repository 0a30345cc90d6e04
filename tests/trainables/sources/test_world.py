"""The world as a source: every task of the catalogue that it can play, in the columns that the formats read."""

import pytest

from spaces import TASKS, Format, UserError
from spaces.languages import WORLD_LANGUAGES
from trainables.examples import Data
from trainables.sources.world import WorldSource
from trainables.world.planted import PLANTED

PLAYED = [name for name, task in TASKS.items() if task.world]


@pytest.mark.parametrize("name", PLAYED)
def test_every_task_is_read_as_its_format_wants_it(name: str) -> None:
    task = TASKS[name]
    data = Data(WorldSource())
    for split in task.tables:
        examples = data.examples(task, split, "en" if task.trains else "qaa", 20)
        if task.format is Format.MINING:  # of 250 pairs and 125 sentences without one, 20 and the same share
            paired = [bool(pairs) for pairs in examples.table["pairs"].to_pylist()]
            assert sum(paired[row] for row in examples.queries) == 20
            assert 2 <= sum(not paired[row] for row in examples.queries) <= 25
        else:
            assert len(examples.queries) == 20


def test_xnli_trains_on_mnli_and_is_tested_on_other_rows() -> None:
    source = WorldSource()
    train, dev = (
        [source.read(TASKS[task], split, "en")[0].rows for task in ("xnli", "mnli")] for split in ("train", "dev")
    )
    assert train[0].equals(train[1])
    assert not dev[0].equals(dev[1])


def test_retrieval_is_between_english_and_the_others() -> None:
    assert WorldSource().languages(TASKS["tatoeba"]) == tuple(code for code in WORLD_LANGUAGES if code != "en")
    assert WorldSource().languages(TASKS["xnli"]) == tuple(WORLD_LANGUAGES)


def test_a_language_that_the_world_lacks_is_named() -> None:
    with pytest.raises(UserError, match="no test split of it in 'sw'"):
        WorldSource().read(TASKS["xnli"], "test", "sw")


def test_what_is_planted_is_in_the_catalogue() -> None:
    for target, plant in PLANTED.items():
        assert TASKS[target].world
        assert all(TASKS[recipe].world for recipe in (plant.helps, plant.nothing, plant.hurts))
