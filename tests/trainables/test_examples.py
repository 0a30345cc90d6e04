from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from spaces import TASKS, UserError
from tests.made_data import NLI, UPOS, fine_tagged, nli, tagged, write_split
from trainables.examples import Data, Examples
from trainables.sources.mirror import MirrorSource

PAIRS = {"premise": ["a", "b", "c", "d"], "hypothesis": ["e", "f", "g", "h"]}


def examples(mirror: Path, task: str, split: str, language: str = "en", cap: int | None = None) -> Examples:
    return Data(MirrorSource(mirror)).examples(TASKS[task], split, language, cap)


def test_columns_are_the_formats_whatever_the_dataset_calls_them(mirror: Path) -> None:
    assert examples(mirror, "mnli", "train").table.column_names == ["text_a", "text_b", "label"]
    assert examples(mirror, "udpos", "test").table.column_names == ["tokens", "tags"]
    assert examples(mirror, "xquad", "test").table.column_names == ["id", "context", "question", "answers"]


def test_a_missing_split_names_the_task_and_the_file(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        examples(tmp_path, "mnli", "train")
    assert "mnli" in str(caught.value)
    assert str(tmp_path / "nyu-mll__glue" / "mnli" / "train.parquet") in str(caught.value)


def test_a_missing_column_names_the_file_and_the_column(tmp_path: Path) -> None:
    path = write_split(tmp_path, "nyu-mll__glue/mnli", "train", {"premise": ["a"], "label": [0]}, label=NLI)
    with pytest.raises(UserError) as caught:
        examples(tmp_path, "mnli", "train")
    assert str(caught.value) == f"mnli: {path} lacks the column 'hypothesis' (it has premise, label)"


def test_class_numbers_are_told_by_name_where_a_dataset_orders_its_classes_otherwise(tmp_path: Path) -> None:
    reversed_names = ["contradiction", "neutral", "entailment"]
    write_split(tmp_path, "nyu-mll__glue/mnli", "train", PAIRS | {"label": [0, 1, 2, 0]}, label=reversed_names)
    read = examples(tmp_path, "mnli", "train")
    assert read.labels == ("entailment", "neutral", "contradiction")
    assert read.table["label"].to_pylist() == [2, 1, 0, 2]


def test_class_numbers_without_names_are_taken_as_they_stand(tmp_path: Path) -> None:
    write_split(tmp_path, "nyu-mll__glue/mnli", "train", PAIRS | {"label": [2, 1, 0, 2]})
    assert examples(tmp_path, "mnli", "train").table["label"].to_pylist() == [2, 1, 0, 2]


def test_a_file_without_hub_metadata_is_read_too(tmp_path: Path) -> None:
    path = tmp_path / "nyu-mll__glue" / "mnli" / "train.parquet"
    path.parent.mkdir(parents=True)
    pq.write_table(pa.table(PAIRS | {"label": ["neutral", "entailment", "neutral", "contradiction"]}), path)
    assert examples(tmp_path, "mnli", "train").table["label"].to_pylist() == [1, 0, 1, 2]


def test_rows_without_an_agreed_label_are_dropped(tmp_path: Path) -> None:
    write_split(tmp_path, "stanfordnlp__snli/plain_text", "train", PAIRS | {"label": [0, -1, 2, -1]}, label=NLI)
    read = examples(tmp_path, "snli", "train")
    assert read.table["text_a"].to_pylist() == ["a", "c"]
    assert read.table["label"].to_pylist() == [0, 2]


def test_a_split_without_a_usable_row_is_an_error(tmp_path: Path) -> None:
    write_split(tmp_path, "stanfordnlp__snli/plain_text", "train", PAIRS | {"label": [-1] * 4}, label=NLI)
    with pytest.raises(UserError, match="holds no usable rows"):
        examples(tmp_path, "snli", "train")


@pytest.mark.parametrize(("bad", "names"), [(3, NLI), (7, None), (-2, NLI), ("maybe", None)])
def test_a_label_that_the_task_does_not_know_is_an_error(tmp_path: Path, bad: object, names: list[str] | None) -> None:
    labels = [bad] * 4
    path = write_split(
        tmp_path, "nyu-mll__glue/mnli", "train", PAIRS | {"label": labels}, **({"label": names} if names else {})
    )
    with pytest.raises(UserError) as caught:
        examples(tmp_path, "mnli", "train")
    assert str(caught.value).startswith(f"mnli: {path} has the label '{bad}' in 'label'; known: entailment")


def test_an_open_label_set_is_what_english_training_holds_and_unseen_tags_are_one_more_class(tmp_path: Path) -> None:
    folder = "universal-dependencies__universal_dependencies/en_ewt"
    write_split(tmp_path, folder, "train", fine_tagged(3))
    write_split(tmp_path, folder, "validation", {"tokens": [["the", "cats"]], "xpos": [["DT", "NNS"]]})
    assert examples(tmp_path, "ud_xpos", "train").labels == (".", "DT", "NN", "VBZ")
    assert examples(tmp_path, "ud_xpos", "train").table["tags"].to_pylist()[0] == [1, 2, 3, 1, 2, 0]
    assert examples(tmp_path, "ud_xpos", "dev").table["tags"].to_pylist() == [[1, 4]]


def test_an_open_label_set_of_class_numbers_goes_by_their_names(tmp_path: Path) -> None:
    folder = "universal-dependencies__universal_dependencies/en_ewt"
    columns = {"tokens": [["the", "cat"]], "xpos": [[1, 0]]}
    write_split(tmp_path, folder, "train", columns, xpos=["NN", "DT", "VBZ"])
    read = examples(tmp_path, "ud_xpos", "train")
    assert read.labels == ("DT", "NN")
    assert read.table["tags"].to_pylist() == [[0, 1]]


def test_a_sample_is_the_same_each_time_and_keeps_the_order_of_the_file(tmp_path: Path) -> None:
    rows = nli(30) | {"premise": [f"{number:02}" for number in range(30)]}
    write_split(tmp_path, "nyu-mll__glue/mnli", "train", rows, label=NLI)
    first, again = (examples(tmp_path, "mnli", "train", cap=10) for _ in range(2))
    assert first.digest == again.digest
    sampled = first.table["text_a"].to_pylist()
    assert len(set(sampled)) == 10
    assert sampled == sorted(sampled)
    assert sampled != [f"{number:02}" for number in range(10)]


def test_a_cap_above_the_size_takes_all(mirror: Path) -> None:
    assert examples(mirror, "mnli", "train", cap=1000).digest == examples(mirror, "mnli", "train").digest


def test_samples_of_parallel_sets_stay_parallel(tmp_path: Path) -> None:
    for code in ("en", "de"):
        rows = nli(30) | {"premise": [f"{code} {number}" for number in range(30)]}
        write_split(tmp_path, f"facebook__xnli/{code}", "test", rows, label=NLI)
    english, german = (examples(tmp_path, "xnli", "test", code, 7).table["text_a"].to_pylist() for code in ("en", "de"))
    assert [text.split()[1] for text in english] == [text.split()[1] for text in german]
    assert german[0].startswith("de ")


def test_the_digest_tells_content_not_place(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        write_split(tmp_path / folder, "nyu-mll__glue/mnli", "train", nli(9), label=NLI)
    again = write_split(tmp_path / "three", "nyu-mll__glue/mnli", "train", nli(9), label=NLI)
    pq.write_table(pq.read_table(again), again, row_group_size=2)
    other = write_split(tmp_path / "four", "nyu-mll__glue/mnli", "train", nli(8), label=NLI).parent.parent.parent
    digests = [examples(tmp_path / name, "mnli", "train").digest for name in ("one", "two", "three")]
    assert len(set(digests)) == 1
    assert examples(other, "mnli", "train").digest != digests[0]


def test_tags_become_class_numbers(tmp_path: Path) -> None:
    write_split(tmp_path, "google__xtreme/udpos.German", "test", tagged(1), pos_tags=UPOS)
    read = examples(tmp_path, "udpos", "test", "de")
    assert [read.labels[tag] for tag in read.table["tags"][0].as_py()] == "DET NOUN VERB DET NOUN PUNCT".split()


@pytest.mark.parametrize(
    ("task", "split", "language", "rows"),
    [
        ("mnli", "train", "en", 8112),
        ("xquad", "test", "de", 956),
        ("udpos", "test", "zh", None),
        ("pawsx", "dev", "en", 400),
    ],
)
def test_real_tables_are_read(shared: Path, task: str, split: str, language: str, rows: int | None) -> None:
    read = examples(shared / "data", task, split, language)
    assert rows is None or len(read) == rows
    if read.labels:
        column = read.table["label" if "label" in read.table.column_names else "tags"].combine_chunks()
        classes = set((column.flatten() if pa.types.is_list(column.type) else column).to_pylist())
        assert classes <= set(range(len(read.labels)))
        assert len(classes) > 1


def test_a_cap_takes_queries_of_retrieval_and_leaves_all_rows_to_be_found(mirror: Path) -> None:
    whole, capped = (examples(mirror, "tatoeba", "test", "de", cap) for cap in (None, 3))
    assert len(capped) == len(whole) == 8
    assert whole.queries.tolist() == list(range(8))
    assert len(capped.queries) == 3 and capped.queries.tolist() == sorted(capped.queries)
    assert capped.queries.tolist() == examples(mirror, "tatoeba", "test", "de", 3).queries.tolist()
    assert capped.texts == whole.texts == 16
    assert capped.digest != whole.digest
    assert examples(mirror, "tatoeba", "test", "de", 8).digest == whole.digest


def write_collection(mirror: Path) -> None:
    """Eight pairs and eight sentences of either side that have none; x0 has two translations."""
    pairs = [*((f"x{n}", f"y{n}") for n in range(8)), ("x0", "y8")]
    gold = {"source_lang": [one for one, _ in pairs], "target_lang": [other for _, other in pairs]}
    write_split(mirror, "google__xtreme/bucc18.de", "test", gold)
    for side, name in (("x", "de"), ("y", "en")):
        sentences = {"id": [f"{side}{n}" for n in range(16)], "sentence": [f"{side} {n}" for n in range(16)]}
        write_split(mirror, "bucc__bucc2018-mining-pool/de-en", f"test.{name}", sentences)


def test_a_cap_takes_source_sentences_of_mining_and_leaves_both_sides_whole(tmp_path: Path) -> None:
    write_collection(tmp_path)
    whole, capped = (examples(tmp_path, "bucc2018", "test", "de", cap) for cap in (None, 4))
    assert len(capped) == len(whole) == 32
    rows = whole.table.to_pylist()
    assert [rows[row]["id"] for row in whole.queries] == [f"x{n}" for n in range(16)]
    assert rows[0]["pairs"] == [0, 8] and rows[24]["id"] == "y8" and rows[24]["pairs"] == [8]
    asked = [capped.table.to_pylist()[row] for row in capped.queries]
    assert {row["side"] for row in asked} == {0}
    assert sum(bool(row["pairs"]) for row in asked) == 4  # and of the others about half, each by its luck
    assert 0 < sum(not row["pairs"] for row in asked) < 8
    assert capped.digest != whole.digest


def test_no_question_of_xquad_is_in_the_dev_set_of_squad(shared: Path) -> None:
    tested = set(examples(shared / "data", "xquad", "test", "en").table["id"].to_pylist())
    for task in ("xquad", "mlqa", "squad_v1", "squad_v2"):
        dev = examples(shared / "data", task, "dev").table["id"].to_pylist()
        assert len(dev) > 1000 and not tested & set(dev)


def test_no_passage_of_tydiqas_dev_set_is_trained_on(shared: Path) -> None:
    train, dev = (examples(shared / "data", "tydiqa", split) for split in ("train", "dev"))
    passages = [set(one.table["context"].to_pylist()) for one in (train, dev)]
    assert not passages[0] & passages[1]
    assert len(train) + len(dev) == 3046
    assert len(dev) == pytest.approx(305, abs=30)
