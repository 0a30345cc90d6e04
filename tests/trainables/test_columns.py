"""Datasets spell their columns in many ways; a format reads one."""

import pyarrow as pa
import pytest

from spaces import UserError
from trainables.columns import dataset_columns, format_columns

ROWS = pa.table(
    {
        "ctx": ["a", "b"],
        "answer0": ["x", "y"],
        "answer1": ["u", "v"],
        "choices": [{"text": ["p", "q"], "label": ["A", "B"]}] * 2,
    }
)


def test_columns_are_renamed_stacked_unnested_and_left_empty() -> None:
    columns = {"context": "ctx", "question": "", "choices": ("answer0", "answer1"), "others": "choices.text"}
    made = format_columns(ROWS, columns, columns, "here")
    assert made.to_pylist()[1] == {"context": "b", "question": "", "choices": ["y", "v"], "others": ["p", "q"]}


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ("gone", "^here lacks the column 'gone' \\(it has ctx, "),
        (("answer0", "answer9"), "lacks the column 'answer9'"),
        ("choices.words", "has no 'words' in its column 'choices'"),
        ("ctx.text", "has no 'text' in its column 'ctx'"),
    ],
)
def test_what_is_missing_is_named(wanted: str | tuple[str, ...], message: str) -> None:
    with pytest.raises(UserError, match=message):
        format_columns(ROWS, ["choices"], {"choices": wanted}, "here")


@pytest.mark.parametrize("choices", ["endings", "choices.text", ("answer0", "answer1")])
def test_a_formats_rows_go_into_a_datasets_columns_and_back(choices: str | tuple[str, ...]) -> None:
    columns = {"context": "ctx", "choices": choices}
    rows = pa.table({"context": ["a", "b"], "choices": [["x", "u"], ["y", "v"]], "label": [0, 1]})
    assert format_columns(dataset_columns(rows, columns), rows.column_names, columns, "here").equals(rows)
