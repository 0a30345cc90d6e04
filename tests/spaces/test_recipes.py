import pytest

from spaces import Recipe, UserError, parse_recipe


@pytest.mark.parametrize(
    ("text", "steps", "spelling"),
    [
        ("none", (), "none"),
        (" none ", (), "none"),
        ("mnli", (("mnli",),), "mnli"),
        ("mnli>squad_v1", (("mnli",), ("squad_v1",)), "mnli>squad_v1"),
        ("squad_v1 > mnli", (("squad_v1",), ("mnli",)), "squad_v1>mnli"),
        ("squad_v1 + mnli", (("mnli", "squad_v1"),), "mnli+squad_v1"),
        ("qqp>squad_v1+mnli", (("qqp",), ("mnli", "squad_v1")), "qqp>mnli+squad_v1"),
        ("mnli>mnli", (("mnli",), ("mnli",)), "mnli>mnli"),
    ],
)
def test_a_recipe_has_one_spelling(text: str, steps: tuple[tuple[str, ...], ...], spelling: str) -> None:
    recipe = parse_recipe(text)
    assert recipe == Recipe(steps)
    assert str(recipe) == spelling
    assert parse_recipe(spelling) == recipe


def test_only_none_is_none() -> None:
    assert parse_recipe("none").is_none
    assert not parse_recipe("mnli").is_none


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "a task is missing"),
        ("mnli>", "a task is missing"),
        (">mnli", "a task is missing"),
        ("mnli++qqp", "a task is missing"),
        ("none>mnli", "'none' stands alone"),
        ("mnli+none", "'none' stands alone"),
        ("mnli+qqp+mnli", "'mnli' stands twice in one step"),
        ("mnli@sw", "cannot be trained yet"),
        ("squad_v1+mlm", "cannot be trained yet"),
        ("mlni", "unknown intermediate task 'mlni': did you mean 'mnli'?"),
        ("mnli>xquad", "'xquad' is not a intermediate task"),
        ("MNLI", "unknown intermediate task 'MNLI'"),
    ],
)
def test_a_fault_is_told_in_one_line_with_the_recipe(text: str, fault: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_recipe(text)
    message = str(caught.value)
    assert message.startswith(f"recipe '{text}': ")
    assert fault in message
    assert "\n" not in message
