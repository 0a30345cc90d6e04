from pathlib import Path

from spaces import TASKS
from tests.made_data import small_space
from trainables.examples import Data
from trainables.inventory import inventory, needs
from trainables.sources import Presence
from trainables.sources.mirror import MirrorSource


def test_a_space_needs_english_for_training_and_every_language_for_tests() -> None:
    wanted = [(need.task.name, need.split, need.language) for need in needs(small_space())]
    assert wanted[:2] == [("mnli", "train", "en"), ("mnli", "dev", "en")]
    assert ("xnli", "dev", "en") in wanted
    assert {code for _, split, code in wanted if split == "test"} == set(TASKS["xnli"].languages)


def test_tables_that_tasks_share_are_needed_once() -> None:
    wanted = list(needs(small_space(targets=["xquad", "mlqa"], recipes=["squad_v1"])))
    assert [need.task.name for need in wanted if need.split != "test"] == ["squad_v1", "squad_v1"]  # train and dev


def test_mining_needs_the_dev_collection_of_every_language() -> None:
    space = small_space(recipes=["none"], targets=["bucc2018"], evaluation={"languages": ["zh"]})
    assert [(need.split, need.language) for need in needs(space)] == [("dev", "zh"), ("test", "zh")]


def test_what_is_there_is_counted_and_languages_that_are_not_are_passed_over(mirror: Path) -> None:
    holdings = inventory(small_space(), Data(MirrorSource(mirror)))
    train = next(one for one in holdings if one.need.split == "train")
    assert (train.presence, train.rows) == (Presence.HERE, 60) and train.size > 0
    tests = {one.need.language: one for one in holdings if one.need.split == "test"}
    assert not tests["de"].passed_over and tests["sw"].passed_over
    assert tests["sw"].presence is Presence.MISSING and tests["sw"].rows == 5_010  # as published


def test_a_language_that_the_space_names_is_not_passed_over(mirror: Path) -> None:
    space = small_space(evaluation={"languages": ["sw"]})
    (test,) = (one for one in inventory(space, Data(MirrorSource(mirror))) if one.need.split == "test")
    assert test.presence is Presence.MISSING and not test.passed_over


def test_what_is_left_out_of_a_set_is_needed_to_know_it(mirror: Path) -> None:
    space = small_space(recipes=["squad_v1"], targets=["xnli"])
    _, dev = (one for one in inventory(space, Data(MirrorSource(mirror))) if one.need.task.name == "squad_v1")
    assert [Path(place.where).parent.name for place in dev.places] == ["plain_text", "XQuAD.en"]
    assert dev.presence is Presence.HERE and dev.rows == 9
