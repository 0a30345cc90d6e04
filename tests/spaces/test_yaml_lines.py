from pathlib import Path

import pytest

from spaces import UserError
from spaces.yaml_lines import read_yaml


def test_every_key_and_list_item_has_its_line(tmp_path: Path) -> None:
    path = tmp_path / "space.yaml"
    path.write_text("name: a\ntraining:\n  target:\n    epochs: 3\nrecipes:\n  - none\n  - mnli\n")
    document, lines = read_yaml(path)
    assert document == {"name": "a", "training": {"target": {"epochs": 3}}, "recipes": ["none", "mnli"]}
    assert lines == {
        (): 1,
        ("name",): 1,
        ("training",): 2,
        ("training", "target"): 3,
        ("training", "target", "epochs"): 4,
        ("recipes",): 5,
        ("recipes", 0): 6,
        ("recipes", 1): 7,
    }


def test_an_empty_file_is_no_document(tmp_path: Path) -> None:
    path = tmp_path / "space.yaml"
    path.write_text("# nothing\n")
    assert read_yaml(path) == (None, {})


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"name: a\nname: b\n", "line 2: 'name' is given twice"),
        (b"a:\n  b: 1\n  c: 2\n  b: 3\n", "line 4: 'b' is given twice"),
        (b"name: [a\nrecipes: b\n", "line 2: not valid YAML"),
        (b"name: !!python/object:os.system {}\n", "line 1: not valid YAML"),
        (b"name: \xff\n", "is not UTF-8 text"),
    ],
)
def test_bad_yaml_names_file_and_line(tmp_path: Path, content: bytes, fault: str) -> None:
    path = tmp_path / "space.yaml"
    path.write_bytes(content)
    with pytest.raises(UserError) as caught:
        read_yaml(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert fault in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        read_yaml(tmp_path)
