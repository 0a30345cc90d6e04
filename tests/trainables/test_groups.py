"""Groups worked out by hand: who is connected to whom, over languages and paragraphs."""

import numpy as np
import pyarrow as pa

from spaces import TASKS
from trainables.examples import Examples
from trainables.groups import group_numbers, names_of, units_of


def asked(task: str, language: str, *questions: tuple[str, str]) -> Examples:
    """Questions as (id, paragraph)."""
    rows = [{"id": name, "context": context} for name, context in questions]
    return Examples(TASKS[task], language, pa.Table.from_pylist(rows), (), "digest")


def numbers(*sets: Examples) -> dict[str, list[int]]:
    names = {one.language: names_of(one, len(one)) for one in sets}
    return {language: groups.tolist() for language, groups in group_numbers(names).items()}


def test_questions_of_a_paragraph_and_their_translations_are_one_group() -> None:
    english = asked("xquad", "en", ("q1", "cats"), ("q2", "dogs"), ("q3", "cats"))
    german = asked("xquad", "de", ("q1", "Katzen"), ("q2", "Hunde"), ("q3", "Katzen"))
    assert numbers(english, german) == {"en": [0, 1, 0], "de": [0, 1, 0]}


def test_a_language_may_connect_what_another_holds_apart() -> None:
    # MLQA's sets are of unequal size, and their paragraphs are cut differently: German has q1 and q2 in one.
    english = asked("mlqa", "en", ("q1", "a"), ("q2", "b"), ("q3", "c"))
    german = asked("mlqa", "de", ("q9", "w"), ("q2", "v"), ("q1", "v"))
    hindi = asked("mlqa", "hi", ("q9", "x"), ("q3", "y"))
    assert numbers(english, german, hindi) == {"en": [0, 0, 1], "de": [2, 0, 0], "hi": [2, 1]}


def test_one_text_in_two_languages_does_not_connect() -> None:
    assert numbers(asked("xquad", "en", ("q1", "1994")), asked("xquad", "de", ("q2", "1994"))) == {"en": [0], "de": [1]}


def test_where_languages_have_questions_of_their_own_only_paragraphs_connect() -> None:
    # Some copies of TyDiQA number their questions anew, so that an id comes again.
    english = asked("tydiqa", "en", ("0", "a"), ("0", "b"), ("2", "a"))
    korean = asked("tydiqa", "ko", ("0", "c"), ("1", "d"))
    assert numbers(english, korean) == {"en": [0, 1, 0], "ko": [2, 3]}


def test_everything_else_goes_by_its_row_in_a_set_of_its_size() -> None:
    sets = [Examples(TASKS["xnli"], code, pa.table({"label": [0] * 3}), (), "digest") for code in ("en", "de", "sw")]
    names = {one.language: names_of(one, units) for one, units in zip(sets, (3, 3, 2), strict=True)}
    groups = {language: found.tolist() for language, found in group_numbers(names).items()}
    assert groups == {"en": [0, 1, 2], "de": [0, 1, 2], "sw": [3, 4]}


def test_units_are_points_with_their_groups() -> None:
    english = asked("xquad", "en", ("q1", "cats"), ("q2", "dogs"), ("q3", "cats"))
    units = units_of({"en": (english, np.array([[1.0, 1.0], [0.5, 1.0], [0.0, 1.0]]))})["en"]
    assert units.group.tolist() == [0, 1, 0]
    assert (units.earned.tolist(), units.possible.tolist(), units.score) == ([1.0, 0.5, 0.0], [1.0, 1.0, 1.0], 50)
