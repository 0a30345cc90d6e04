from pathlib import Path

import pytest

from search.journal import Journal
from spaces.trial import Trial

NONE, MNLI = Trial("xnli", "none", 2.37e-05, 2.37e-05, 0), Trial("xnli", "mnli", 0.001, 0.0031, 1)


def write(path: Path) -> Journal:
    journal = Journal(path)
    journal.given([NONE, MNLI])
    journal.started(NONE, counts=True)
    journal.held(NONE, 10.0)
    journal.started(MNLI, counts=False)
    journal.held(NONE, 2.5)
    journal.left(NONE)
    return journal


def facts(journal: Journal) -> tuple[object, ...]:
    return list(journal.trials), journal.counted, list(journal.running), journal.seconds


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    written = write(tmp_path / "sweep" / "journal.jsonl")
    assert facts(written) == ([NONE, MNLI], {NONE.id}, [MNLI.id], 12.5)
    assert facts(Journal(tmp_path / "sweep" / "journal.jsonl")) == facts(written)


def test_a_trial_is_noted_once(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    write(path)
    size = path.stat().st_size
    Journal(path).given([MNLI, NONE])
    assert path.stat().st_size == size


@pytest.mark.parametrize("cut", [1, 5, 20])
def test_a_line_that_a_kill_cut_short_spoils_no_other(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "journal.jsonl"
    write(path)
    path.write_bytes(path.read_bytes()[:-cut])
    Journal(path).held(MNLI, 7.5)
    again = Journal(path)
    assert again.seconds == 20.0
    assert list(again.running) == [NONE.id, MNLI.id]  # that it left was not noted


def test_without_a_path_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    journal = Journal()
    journal.given([NONE])
    assert list(journal.trials) == [NONE] and not list(tmp_path.iterdir())
