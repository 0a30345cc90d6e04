"""CCGbank in both shapes that people have it in; the sentences are made up."""

from pathlib import Path

import pytest

from spaces import TASKS, UserError
from spaces.errors import NotHere
from trainables.examples import Data
from trainables.sources import ccgbank
from trainables.sources.hub import HubSource
from trainables.sources.mirror import MirrorSource

AUTO = """ID=wsj_0201.1 PARSER=GOLD NUMPARSE=1
(<T S[dcl] 0 2> (<T S[dcl] 1 2> (<L NP NNP NNP Cats NP>) (<L S[dcl]\\NP VBP VBP sleep S[dcl]\\NP_1>) ) (<L . . . . .>) )
ID=wsj_0201.2 PARSER=GOLD NUMPARSE=1
(<T NP 0 2> (<L NP[nb]/N DT DT The NP[nb]_1/N_1>) (<L N NN NN cat N>) )
"""


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(ccgbank.VARIABLE, str(tmp_path))
    return tmp_path


def write_auto(copy: Path, section: str) -> None:
    folder = copy / "data" / "AUTO" / section
    folder.mkdir(parents=True)
    (folder / f"wsj_{section}01.auto").write_text(AUTO)


def test_derivations_give_words_and_their_categories(copy: Path) -> None:
    for section in ("00", "02", "21", "23"):
        write_auto(copy, section)
    train = ccgbank.read("train").to_pylist()
    assert train[0] == {"tokens": ["Cats", "sleep", "."], "supertags": ["NP", "S[dcl]\\NP", "."]}
    assert train[1] == {"tokens": ["The", "cat"], "supertags": ["NP[nb]/N", "N"]}
    assert len(train) == 4  # sections 02 and 21; 00 is dev, 23 is for tests
    assert len(ccgbank.read("validation")) == 2


def test_text_of_words_and_tags_is_read_too(copy: Path) -> None:
    (copy / "train.txt").write_text("Cats|NP sleep|S[dcl]\\NP .|.\n\nThe|DT|NP[nb]/N cat|NN|N\n")
    assert ccgbank.read("train").to_pylist() == [
        {"tokens": ["Cats", "sleep", "."], "supertags": ["NP", "S[dcl]\\NP", "."]},
        {"tokens": ["The", "cat"], "supertags": ["NP[nb]/N", "N"]},
    ]


def test_tags_never_seen_in_training_are_read_as_unknown(copy: Path, mirror: Path) -> None:
    (copy / "train.txt").write_text("Cats|NP .|.\n")
    (copy / "validation.txt").write_text("Cats|N .|.\n")
    for source in (HubSource(), MirrorSource(mirror)):
        dev = Data(source).examples(TASKS["ccg"], "dev")
        assert dev.labels == (".", "NP")
        assert dev.table["tags"].to_pylist() == [[2, 0]]


@pytest.mark.parametrize("text", ["Cats sleep\n", "Cats|NP sleep\n", "Cats|\n"])
def test_a_line_that_is_no_sentence_is_named(copy: Path, text: str) -> None:
    (copy / "train.txt").write_text("Cats|NP\n" + text)
    with pytest.raises(
        UserError, match=r"train\.txt line 2 is neither a derivation of CCGbank nor word\|supertag text"
    ):
        ccgbank.read("train")


def test_without_a_copy_the_line_says_what_to_set(mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ccgbank.VARIABLE, raising=False)
    with pytest.raises(NotHere, match=r"CCGbank is licensed .* STOPOVER_CCGBANK is not set; .*--without ccg"):
        MirrorSource(mirror).read(TASKS["ccg"], "train", "en")


def test_a_folder_without_it_is_named(copy: Path) -> None:
    with pytest.raises(NotHere, match=r"has no AUTO/02/\*\.auto or train\.txt"):
        ccgbank.read("train")
