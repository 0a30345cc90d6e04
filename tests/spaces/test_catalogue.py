from pathlib import Path

import pytest

from spaces import LANGUAGES, TASKS, Format, Role, Task, UserError, language_named, task_named

every_task = pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
LABELLED = {Format.SENTENCE_PAIR, Format.MULTIPLE_CHOICE, Format.TAGGING}
METRICS = {
    Format.SENTENCE_PAIR: {"accuracy"},
    Format.MULTIPLE_CHOICE: {"accuracy"},
    Format.SPAN_QA: {"f1_em"},
    Format.TAGGING: {"f1", "accuracy"},
    Format.RETRIEVAL: {"accuracy"},
    Format.MINING: {"f1"},
}
FORMAT_COLUMNS = {
    Format.SENTENCE_PAIR: {"text_a", "text_b", "label"},
    Format.MULTIPLE_CHOICE: {"context", "question", "choices", "label"},
    Format.SPAN_QA: {"id", "context", "question", "answers"},
    Format.TAGGING: {"tokens", "tags"},
    Format.RETRIEVAL: {"source_sentence", "target_sentence"},
    Format.MINING: {"source_id", "target_id", "id", "sentence"},
}


@every_task
def test_a_task_has_the_splits_that_its_roles_need(task: Task) -> None:
    needed = {"train", "dev"} if task.trains else set()
    needed |= {"test"} if Role.TARGET in task.roles else set()
    assert needed <= set(task.tables)
    assert task.roles
    assert task.trains or Role.INTERMEDIATE not in task.roles


@every_task
def test_columns_are_renamed_to_columns_that_the_format_has(task: Task) -> None:
    tables = [table for split in task.tables for table in task.parts(split)]
    assert all(set(table.columns) <= FORMAT_COLUMNS[task.format] for table in tables)


@every_task
def test_labels_are_distinct_and_only_where_the_format_has_classes(task: Task) -> None:
    assert len(set(task.labels)) == len(task.labels)
    assert not task.labels or task.format in LABELLED
    # without declared labels they come from the training table, which must then exist
    assert task.labels or task.format not in LABELLED or task.trains


@every_task
def test_the_metric_belongs_to_the_format(task: Task) -> None:
    assert task.metric in METRICS[task.format]


@every_task
def test_languages_are_known_and_told_apart_by_the_test_table(task: Task) -> None:
    assert len(set(task.languages)) == len(task.languages)
    assert set(task.languages) <= set(LANGUAGES)
    if "test" in task.tables:
        table = task.parts("test")[0]
        spoken = [language_named(code) for code in task.languages]
        assert len({(table.config_for(one), table.ids_for(one)) for one in spoken}) == len(task.languages)


@pytest.mark.parametrize(
    ("task", "count"),
    [
        ("xnli", 15),
        ("pawsx", 7),
        ("udpos", 33),
        ("panx", 40),
        ("xquad", 11),
        ("mlqa", 7),
        ("tydiqa", 9),
        ("bucc2018", 4),
        ("tatoeba", 36),
    ],
)
def test_targets_have_the_languages_of_xtreme(task: str, count: int) -> None:
    assert len(TASKS[task].languages) == count


def test_parts_of_speech_are_the_17_universal_ones() -> None:
    assert len(TASKS["udpos"].labels) == 17


def test_xquad_and_squad_share_training_tables_so_that_they_can_share_stages() -> None:
    assert TASKS["xquad"].tables["train"] is TASKS["squad_v1"].tables["train"]
    assert TASKS["xquad"].tables["dev"] is TASKS["squad_v1"].tables["dev"]


def test_a_task_is_found_in_its_role_only() -> None:
    assert task_named("mnli", Role.INTERMEDIATE) is TASKS["mnli"]
    with pytest.raises(UserError, match="'mnli' is not a target task"):
        task_named("mnli", Role.TARGET)


def test_an_unknown_task_gets_the_nearest_of_its_role() -> None:
    with pytest.raises(UserError, match=r"unknown intermediate task 'squad': did you mean 'squad_v[12]'\?"):
        task_named("squad", Role.INTERMEDIATE)


def test_hints_never_name_a_task_of_the_other_role() -> None:
    with pytest.raises(UserError) as caught:
        task_named("nothing_like_it", Role.TARGET)
    assert "xquad" in str(caught.value)
    assert "mnli" not in str(caught.value).replace("xnli", "")


@pytest.mark.parametrize(
    "task", [task for task in TASKS.values() if not task.name.startswith("world_")], ids=lambda task: task.name
)
def test_the_shared_mirror_has_every_table(task: Task, shared: Path) -> None:
    if task.name == "ccg":
        pytest.skip("CCGbank is licensed; nobody's mirror has it")
    if task.name in {"mlqa", "bucc2018"}:
        pytest.skip("the shared mirror has only its validation sets, of BUCC only Chinese")
    absent = {"panx": {"th"}}.get(task.name, set())  # cut from the mirror
    for split in task.tables:
        for table in task.parts(split):
            for code in set(task.languages) - absent if split == "test" else ("en",):
                folder = shared / "data" / table.repository.replace("/", "__") / table.config_for(language_named(code))
                assert (folder / f"{table.split}.parquet").is_file()


def test_anli_plus_is_three_benchmarks_under_one_head() -> None:
    parts = TASKS["anli_plus"].parts("train")
    assert [part.repository for part in parts] == ["facebook/anli"] * 3 + ["nyu-mll/glue", "stanfordnlp/snli"]
    assert TASKS["anli_plus"].labels == TASKS["mnli"].labels
