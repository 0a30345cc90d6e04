from pathlib import Path

import pytest

from spaces import Role, Space, UserError, library_names, load_space
from spaces.training import Training
from spaces.trial import Trial

SPACE = """\
name: tiny
source: mirror
model: some/model
recipes: [none, mnli]
targets: [xnli, xquad]
learning_rates: [1e-5, 0.001]
seeds: [0, 1]
training:
  intermediate: {epochs: 3, batch_size: 16}
  target:
    epochs: 5
  tasks:
    xquad: {max_length: 384}
    mnli: {epochs: 1}
stopping:
  rungs: [0.25, 0.5]
evaluation:
  languages: [en, de]
"""


@pytest.fixture
def write(tmp_path: Path):
    def write(text: str) -> str:
        path = tmp_path / "tiny.yaml"
        path.write_text(text)
        return str(path)

    return write


def test_a_file_becomes_a_space(write) -> None:
    space = load_space(write(SPACE))
    assert space.learning_rates == [0.00001, 0.001]  # YAML 1.1 reads 1e-5 as text; it is a number all the same
    assert space.evaluation.languages == ["en", "de"]
    assert space.stopping is not None
    assert space.stopping.rungs == [0.25, 0.5]


def test_recipes_are_kept_in_their_one_spelling(write) -> None:
    space = load_space(write(SPACE.replace("[none, mnli]", "[' mnli > squad_v1', squad_v1+mnli]")))
    assert space.recipes == ["mnli>squad_v1", "mnli+squad_v1"]


def test_trials_are_the_product_in_the_order_of_the_file(write) -> None:
    trials = load_space(write(SPACE)).trials()
    assert len(trials) == len(set(trials)) == 2 * 2 * 2 * 2
    assert len({trial.id for trial in trials}) == 16
    assert trials[:5] == [
        Trial("xnli", "none", 0.00001, 0.00001, 0),
        Trial("xnli", "none", 0.001, 0.001, 0),
        Trial("xnli", "mnli", 0.00001, 0.00001, 0),
        Trial("xnli", "mnli", 0.001, 0.001, 0),
        Trial("xquad", "none", 0.00001, 0.00001, 0),
    ]
    assert trials[8].seed == 1


def test_split_rates_are_combined(write) -> None:
    space = load_space(write(SPACE + "intermediate_learning_rates: [0.01]\n"), recipes=["mnli"], targets=["xnli"])
    assert [(trial.intermediate_learning_rate, trial.learning_rate) for trial in space.trials()[:2]] == [
        (0.01, 0.00001),
        (0.01, 0.001),
    ]


def test_overrides_replace_keys_and_none_leaves_them(write) -> None:
    space = load_space(write(SPACE), seeds=[7], model=None)
    assert (space.seeds, space.model) == ([7], "some/model")


@pytest.mark.parametrize(
    ("task", "role", "expected"),
    [
        ("mnli", Role.INTERMEDIATE, Training(epochs=1, batch_size=16)),
        ("squad_v1", Role.INTERMEDIATE, Training(epochs=3, batch_size=16, max_length=384)),
        ("xnli", Role.TARGET, Training(epochs=5)),
        ("xquad", Role.TARGET, Training(epochs=5, batch_size=16, max_length=384)),  # two of them the catalogue's
    ],
)
def test_a_task_changes_its_phase_only_where_it_says_so(write, task: str, role: Role, expected: Training) -> None:
    assert load_space(write(SPACE)).training.of(task, role) == expected


def test_a_space_that_was_written_down_means_the_same(write) -> None:
    # 256 is the default of training, but the catalogue's settings of squad_v1 say otherwise
    space = load_space(
        write(SPACE.replace("    xquad: {max_length: 384}", "    squad_v1: {max_length: 256, clip: 1e-1}"))
    )
    again = Space.model_validate(space.model_dump(mode="json", exclude_defaults=True))
    assert again == space == Space.model_validate(space.model_dump(mode="json"))
    assert again.training.of("squad_v1", Role.INTERMEDIATE) == Training(epochs=3, batch_size=16, clip=0.1)


BAD_VALUES = [
    ("[none, mnli]", "[none, mlni]", 4, "recipes", "did you mean 'mnli'?"),
    ("[none, mnli]", "[none, xquad]", 4, "recipes", "'xquad' is not a intermediate task"),
    ("[none, mnli]", "[mnli, ' mnli']", 4, "recipes", "'mnli' is given twice"),
    ("[none, mnli]", "[]", 4, "recipes", "at least 1 item"),
    ("[xnli, xquad]", "[xnli, xquod]", 5, "targets", "did you mean 'xquad'?"),
    ("[xnli, xquad]", "[xnli, mnli]", 5, "targets", "'mnli' is not a target task"),
    ("[xnli, xquad]", "[xnli, xnli]", 5, "targets", "'xnli' is given twice"),
    ("[1e-5, 0.001]", "[1e-5, 0.5]", 6, "learning_rates.1", "less than or equal to 0.1 (got 0.5)"),
    ("[1e-5, 0.001]", "[0]", 6, "learning_rates.0", "greater than 0 (got 0)"),
    ("[1e-5, 0.001]", "[.nan]", 6, "learning_rates.0", "finite"),
    ("[1e-5, 0.001]", "[fast]", 6, "learning_rates.0", "valid number"),
    ("[1e-5, 0.001]", "[1e-5, 0.00001]", 6, "learning_rates", "is given twice"),
    ("[1e-5, 0.001]", "0.001", 6, "learning_rates", "valid list"),
    ("seeds: [0, 1]", "seeds: [-1]", 7, "seeds.0", "greater than or equal to 0 (got -1)"),
    ("seeds: [0, 1]", "seeds: [3, 3]", 7, "seeds", "'3' is given twice"),
    ("seeds: [0, 1]", "sedes: [0, 1]", 7, "sedes", "unknown key, did you mean 'seeds'?"),
    ("seeds: [0, 1]", "strategy: best", 7, "strategy", "got 'best'"),
    ("source: mirror", "source: disk", 2, "source", "got 'disk'"),
    ("name: tiny", "name: Tiny Space", 1, "name", "got 'Tiny Space'"),
    ("    epochs: 5", "    epohcs: 5", 11, "training.target.epohcs", "unknown key, did you mean 'epochs'?"),
    ("    epochs: 5", "    epochs: 0", 11, "training.target.epochs", "greater than 0 (got 0)"),
    ("    epochs: 5", "    max_length: 4", 11, "training.target.max_length", "greater than or equal to 16 (got 4)"),
    (
        "xquad: {max_length: 384}",
        "xqad: {epochs: 1}",
        12,
        "training.tasks",
        "unknown task 'xqad': did you mean 'xquad'?",
    ),
    ("    epochs: 5", "    epochs: many", 11, "training.target.epochs", "must be a finite number (got 'many')"),
    ("xquad: {max_length: 384}", "xquad: {epochs: -1}", 13, "training.tasks.xquad.epochs", "greater than 0 (got -1)"),
    ("xquad: {max_length: 384}", "xquad: {epoch: 1}", 13, "training.tasks.xquad.epoch", "did you mean 'epochs'?"),
    (
        "{epochs: 3, batch_size: 16}",
        "{batch_size: 1.5}",
        9,
        "training.intermediate.batch_size",
        "whole number (got 1.5)",
    ),
    ("[0.25, 0.5]", "[0.5, 0.25]", 16, "stopping.rungs", "ascending"),
    ("[0.25, 0.5]", "[0.5, 1.5]", 16, "stopping.rungs.1", "less than 1 (got 1.5)"),
    ("[0.25, 0.5]\n", "[0.5]\n  keep: all\n", 17, "stopping.keep", "got 'all'"),
    ("languages: [en, de]", "languages: [en, xx]", 18, "evaluation.languages", "unknown language 'xx'"),
    ("languages: [en, de]", "languages: [de, de]", 18, "evaluation.languages", "'de' is given twice"),
    ("languages: [en, de]", "langauges: [en]", 18, "evaluation.langauges", "did you mean 'languages'?"),
]


@pytest.mark.parametrize(("old", "new", "line", "key", "fault"), BAD_VALUES, ids=lambda value: str(value)[:30])
def test_a_bad_value_is_told_in_one_line_with_key_and_line(
    write, old: str, new: str, line: int, key: str, fault: str
) -> None:
    assert old in SPACE
    path = write(SPACE.replace(old, new))
    with pytest.raises(UserError) as caught:
        load_space(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: line {line}: {key}: ")
    assert fault in message
    assert "\n" not in message


def test_a_missing_key_is_named(write) -> None:
    path = write(SPACE.replace("model: some/model\n", ""))
    with pytest.raises(UserError) as caught:
        load_space(path)
    assert str(caught.value) == f"{path}: model: this key is needed"


def test_further_faults_are_counted(write) -> None:
    with pytest.raises(UserError, match=r"\(and 1 more\)$"):
        load_space(write(SPACE.replace("[xnli, xquad]", "[nil]").replace("seeds: [0, 1]", "seeds: []")))
    with pytest.raises(UserError, match=r"training.intermediate.epochs: .* \(and 1 more\)$"):
        load_space(write(SPACE.replace("{epochs: 3, batch_size: 16}", "{epochs: 0, batch_size: 0}")))


def test_the_worlds_model_needs_the_world(write) -> None:
    with pytest.raises(UserError, match="model 'world' knows only the world's languages"):
        load_space(write(SPACE.replace("some/model", "world")))
    assert load_space(write(SPACE), model="world", source="world").model == "world"


def test_the_worlds_own_tasks_need_the_world(write) -> None:
    text = SPACE.replace("recipes: [", "recipes: [mnli>world_senses, ")
    with pytest.raises(UserError, match="task 'world_senses' is there in the embedded world only"):
        load_space(write(text))
    assert "mnli>world_senses" in load_space(write(text), source="world").recipes


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "just text\n"])
def test_a_file_that_is_no_mapping_is_no_space(write, text: str) -> None:
    with pytest.raises(UserError, match="a space is a mapping of keys"):
        load_space(write(text))


def test_a_name_that_is_neither_file_nor_in_the_library(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no space 'nowhere': it is neither a file nor in the library"):
        load_space("nowhere")


@pytest.mark.parametrize("name", library_names() or [pytest.param("", marks=pytest.mark.skip("the library is empty"))])
def test_the_spaces_of_the_library_load(name: str) -> None:
    space = load_space(name)
    assert space.name == name
    assert space.trials()


def test_a_space_cannot_be_changed() -> None:
    space = Space(name="a", model="m", recipes=["none"], targets=["xnli"], learning_rates=[0.1])
    with pytest.raises(ValueError, match="frozen"):
        space.seeds = [1]
    assert space.seeds == [0]


def test_a_stand_in_for_a_test_set_belongs_to_a_target(write) -> None:
    text = SPACE.replace("languages: [en, de]", "test_splits: {%s: validation}")
    assert load_space(write(text % "mlqa")).evaluation.test_splits == {"mlqa": "validation"}
    with pytest.raises(UserError, match="unknown target task 'mlqb': did you mean 'mlqa'"):
        load_space(write(text % "mlqb"))
