from dataclasses import replace
from pathlib import Path

import pytest

from spaces import TASKS, UserError
from tests.made_data import NLI, nli, write_split
from trainables.sources.mirror import MirrorSource


def test_rows_come_with_the_hubs_columns(mirror: Path) -> None:
    (piece,) = MirrorSource(mirror).read(TASKS["xnli"], "test", "de")
    assert piece.rows.column_names == ["premise", "hypothesis", "label"]
    assert piece.rows.num_rows == 12


def test_tables_of_one_split_come_as_pieces_with_their_rows_share(mirror: Path) -> None:
    whole = TASKS["xnli"].parts("test")[0]
    task = replace(
        TASKS["xnli"], tables={"test": (replace(whole, share=(0.0, 0.25)), replace(whole, share=(0.25, 1.0)))}
    )
    pieces = MirrorSource(mirror).read(task, "test", "de")
    assert [piece.rows.num_rows for piece in pieces] == [3, 9]
    together = [row for piece in pieces for row in piece.rows.to_pylist()]
    assert together == MirrorSource(mirror).read(TASKS["xnli"], "test", "de")[0].rows.to_pylist()


def test_the_place_of_a_split_is_owner_name_configuration_split(mirror: Path) -> None:
    where = MirrorSource(mirror).where(TASKS["tatoeba"], "test", "de")
    assert where == str(mirror / "google__xtreme" / "tatoeba.deu" / "validation.parquet")


def test_languages_are_those_with_a_test_file_in_the_tasks_order(tmp_path: Path) -> None:
    for code in ("zh", "ar", "en"):
        write_split(tmp_path, f"facebook__xnli/{code}", "test", nli(3), label=NLI)
    write_split(tmp_path, "facebook__xnli/de", "validation", nli(3), label=NLI)
    assert MirrorSource(tmp_path).languages(TASKS["xnli"]) == ("ar", "en", "zh")


def test_a_folder_that_is_not_there_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist; give --mirror FOLDER or set STOPOVER_MIRROR"):
        MirrorSource(tmp_path / "nowhere")


def test_a_missing_file_is_named_and_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        MirrorSource(tmp_path).read(TASKS["xnli"], "test", "de")
    path = tmp_path / "facebook__xnli" / "de" / "test.parquet"
    assert str(caught.value) == f"xnli: the mirror has no {path}; complete it: stopover fetch SPACE --to FOLDER"


def test_a_file_that_is_no_parquet_is_named(tmp_path: Path) -> None:
    path = write_split(tmp_path, "facebook__xnli/de", "test", nli(3), label=NLI)
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(UserError, match=r"test\.parquet is no readable parquet file") as caught:
        MirrorSource(tmp_path).read(TASKS["xnli"], "test", "de")
    assert "\n" not in str(caught.value)


def test_rows_whose_ids_are_in_another_table_are_left_out(tmp_path: Path) -> None:
    squad = TASKS["squad_v1"]
    asked = {"question": ["?"] * 3, "context": ["c"] * 3, "answers": [{"text": ["c"], "answer_start": [0]}] * 3}
    write_split(tmp_path, "rajpurkar__squad/plain_text", "train", asked | {"id": ["a", "b", "c"]})
    write_split(tmp_path, "rajpurkar__squad/plain_text", "validation", asked | {"id": ["d", "e", "f"]})
    with pytest.raises(UserError, match=r"the mirror has no .*XQuAD\.en/validation\.parquet"):
        MirrorSource(tmp_path).read(squad, "dev", "en")
    write_split(tmp_path, "google__xtreme/XQuAD.en", "validation", {"id": ["e", "a"]})
    (dev,), (train,) = (MirrorSource(tmp_path).read(squad, split, "en") for split in ("dev", "train"))
    assert dev.rows["id"].to_pylist() == ["d", "f"]
    assert train.rows["id"].to_pylist() == ["a", "b", "c"]


def test_rows_about_a_paragraph_of_another_table_are_left_out_too(tmp_path: Path) -> None:
    held = {"id": ["d", "e", "f"], "context": ["cats", " dogs", "birds"], "question": ["?"] * 3}
    held["answers"] = [{"text": [], "answer_start": []}] * 3
    write_split(tmp_path, "rajpurkar__squad_v2/squad_v2", "validation", held)
    write_split(tmp_path, "google__xtreme/XQuAD.en", "validation", {"id": ["q"], "context": ["dogs "]})
    (dev,) = MirrorSource(tmp_path).read(TASKS["squad_v2"], "dev", "en")
    assert dev.rows["id"].to_pylist() == ["d", "f"]


def test_a_share_may_be_cut_by_passage(tmp_path: Path) -> None:
    # Five passages in order of appearance; two fifths of them are v and w.
    contexts = ["v", "w", "v", "x", "y", "w", "z", "v"]
    write_split(tmp_path, "google__xtreme/tydiqa", "train", {"id": ["english-1"] * 8, "context": contexts})
    table = replace(TASKS["tydiqa"].parts("train")[0], share=(0.0, 0.4))
    task = replace(TASKS["tydiqa"], tables={"train": table, "dev": replace(table, share=(0.4, 1.0))})
    train, dev = (MirrorSource(tmp_path).read(task, split, "en")[0].rows for split in ("train", "dev"))
    assert train["context"].to_pylist() == ["v", "w", "v", "w", "v"]
    assert dev["context"].to_pylist() == ["x", "y", "z"]
