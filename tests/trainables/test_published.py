"""Plans from published sizes alone: the same stages as from data, nothing read."""

from search.plan import make_plan
from spaces import TASKS, Role, load_space
from trainables.published import PublishedData


def test_every_task_of_the_benchmark_has_published_sizes() -> None:
    for task in (task for task in TASKS.values() if not task.in_world_only):
        wanted = {"train", "dev"} if task.trains else set()
        wanted |= {"test"} if Role.TARGET in task.roles else set()
        assert wanted == set(task.sizes), task.name
        assert task.tokens > 0


def test_sizes_are_capped_as_data_are() -> None:
    data = PublishedData()
    assert len(data.examples(TASKS["mnli"], "train")) == 392_702
    assert len(data.examples(TASKS["mnli"], "train", "en", 100)) == 100
    assert len(data.examples(TASKS["rte"], "train", "en", 10_000)) == 2_490


def test_tasks_that_train_on_the_same_tables_share_stages() -> None:
    data = PublishedData()
    train = {name: data.examples(TASKS[name], "train").digest for name in ("mnli", "xnli", "squad_v1", "xquad", "mlqa")}
    assert train["mnli"] == train["xnli"]
    assert train["squad_v1"] == train["xquad"] == train["mlqa"]
    assert train["mnli"] != train["squad_v1"]


def test_the_papers_grid_is_planned_without_data() -> None:
    space = load_space("paper")
    plan = make_plan(space, PublishedData(), "model")
    assert len(plan.chains) == 11 * 9
    # Nine intermediate tasks, and all of them together; six trained targets after each and after none (MLQA's training
    # is XQuAD's, retrieval trains nothing), of which SQuAD after none is the intermediate task itself; nine targets to
    # score each time.
    assert len(plan.stages) == 10 + (11 * 6 - 1) + 11 * 9
    assert plan.examples_alone > 3 * plan.examples_shared


def test_a_cap_leaves_what_is_searched_whole() -> None:
    data = PublishedData()
    tatoeba = data.examples(TASKS["tatoeba"], "test", "de", 100)
    assert (len(tatoeba), len(tatoeba.queries), tatoeba.texts) == (1_800, 100, 3_600)
