"""Stages: what a trial is made of, and the keys that let trials, sweeps and later runs share them.

A trial is a chain: one training stage per step of its recipe, the target's training stage where the target trains,
and a scoring stage. A stage's key is a hash of all that decides its result: its parent's key (the model's digest for
the first), the content of its data, its settings and seed, and the versions of the code's meaning below.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from spaces import Format, Role, Task, UserError, task_named
from spaces.training import Training
from spaces.trial import Trial
from trainables.digest import digest_of
from trainables.examples import Data, Examples

if TYPE_CHECKING:
    from spaces import Space

# Raise it when the same settings would train to other weights: stages trained before are then not reused.
TRAINING_VERSION = 2
# Raise it when a scoring stage keeps something else of its scores.
SCORING_VERSION = 4
# Raise a format's number when its encoding, head, loss, decoding or scoring changes.
FORMAT_VERSIONS: dict[Format, int] = {
    Format.SENTENCE_PAIR: 1,
    Format.MULTIPLE_CHOICE: 1,
    Format.SPAN_QA: 2,
    Format.TAGGING: 2,
    Format.RETRIEVAL: 2,
    Format.MINING: 2,
}


@dataclass(frozen=True)
class TrainSet:
    """A task's English training and dev set.

    `train`, `dev` are content digests; `rows` the examples of one epoch; `settings` say how it is sampled, encoded and
    batched.
    """

    task: str
    train: str
    dev: str
    labels: tuple[str, ...]
    rows: int
    settings: Training

    @property
    def format(self) -> list[Any]:
        """The format and its version."""
        from spaces import TASKS

        form = TASKS[self.task].format
        return [form, FORMAT_VERSIONS[form]]

    @property
    def data(self) -> list[Any]:
        """What the examples are, and by what English dev is scored."""
        from spaces import TASKS

        return [self.train, self.dev, list(self.labels), TASKS[self.task].metric]

    @property
    def examples(self) -> int:
        """Examples that a whole stage trains on: rows times epochs."""
        return round(self.rows * self.settings.epochs)


@dataclass(frozen=True)
class TrainStage:
    """Trains the parent's encoder with a new head on a task's training set, or with several heads on several.

    `together` are the settings of the course (warm-up, decay, evaluations, patience ...) where there are several sets.
    """

    parent: str
    role: Role
    sets: tuple[TrainSet, ...]
    learning_rate: float
    seed: int
    together: Training | None = None

    @property
    def task(self) -> str:
        """The task's name, or those of all that are trained together, as a recipe spells them."""
        return "+".join(one.task for one in self.sets)

    @property
    def settings(self) -> Training:
        """The settings of the course."""
        return self.together or self.sets[0].settings

    @cached_property
    def key(self) -> str:
        """The stage's name in the store. Role and task name are not in it: XQuAD and MLQA share one SQuAD stage."""
        return digest_of(self._what() | {"parent": self.parent, "learning_rate": self.learning_rate, "seed": self.seed})

    def seed_of(self, draw: str) -> int:
        """The seed of one of the stage's draws, made of its key: no other stage draws the same, nor another draw."""
        return int(digest_of([self.key, draw])[:16], 16)

    def _what(self) -> dict[str, Any]:
        if self.together is None:
            (one,) = self.sets
            settings = _that_count(one.settings)
            return {"stage": ["train", TRAINING_VERSION, *one.format], "data": one.data, "settings": settings}
        return {
            "stage": ["train together", TRAINING_VERSION],
            "sets": [[one.format, one.data, _that_count(one.settings)] for one in self.sets],
            "settings": _that_count(self.together),
        }

    @property
    def examples(self) -> int:
        """Examples that the whole stage trains on."""
        return sum(one.examples for one in self.sets)

    def examples_by(self, step: int, steps: int) -> int:
        """Examples trained on after `step` of `steps` batches."""
        return round(self.examples * step / steps)


@dataclass(frozen=True)
class ScoreStage:
    """Scores the parent on the target's test sets, language by language, once.

    `tests` are (language, content digest, examples that are scored); `texts` is how many the encoder reads for that,
    which where translations are looked for is more. `layer` is the hidden state that retrieval pools.
    """

    parent: str
    task: str
    tests: tuple[tuple[str, str, int], ...]
    settings: Training
    cap: int | None
    layer: int | None
    texts: int

    @cached_property
    def key(self) -> str:
        """The stage's name in the store."""
        from spaces import TASKS

        task = TASKS[self.task]
        lengths: dict[str, Any] = {"max_length": self.settings.max_length, "stride": self.settings.stride}
        layer = {} if task.trains else {"layer": self.layer}
        return digest_of(
            {
                "stage": ["score", SCORING_VERSION, task.format, FORMAT_VERSIONS[task.format], task.metric],
                "parent": self.parent,
                "tests": [[language, digest] for language, digest, _ in self.tests],
                "settings": lengths | layer,
            }
        )


Stage = TrainStage | ScoreStage


def _that_count(settings: Training) -> dict[str, Any]:
    """The settings that a key depends on: those that were changed, so that a new default voids no old result."""
    caps = {"examples", "dev_examples"}  # what they cut is told by the digests
    return {name: value for name, value in settings.changes().items() if name not in caps}


def as_plain(stage: Stage) -> dict[str, Any]:
    """A stage as JSON-like data, for its way to a worker."""
    return asdict(stage)


def from_plain(plain: dict[str, Any]) -> Stage:
    """The stage that `as_plain` told of, with the same key; JSON may have been in between."""
    if "tests" in plain:
        tests = tuple((language, digest, examples) for language, digest, examples in plain["tests"])
        return ScoreStage(**plain | {"settings": Training(**plain["settings"]), "tests": tests})
    sets = tuple(
        TrainSet(**one | {"labels": tuple(one["labels"]), "settings": Training(**one["settings"])})
        for one in plain["sets"]
    )
    together = Training(**plain["together"]) if plain["together"] else None
    return TrainStage(**plain | {"role": Role(plain["role"]), "sets": sets, "together": together})


def chain(trial: Trial, space: "Space", data: Data, model_digest: str) -> list[Stage]:
    """The stages of a trial, first to last; raises `UserError` for data that cannot be had."""
    stages: list[Stage] = []
    parent = model_digest
    for step in trial.steps.steps:
        sets = tuple(_train_set(task_named(name, Role.INTERMEDIATE), Role.INTERMEDIATE, space, data) for name in step)
        together = space.training.together if len(step) > 1 else None
        rate = trial.intermediate_learning_rate
        stages.append(TrainStage(parent, Role.INTERMEDIATE, sets, rate, trial.seed, together))
        parent = stages[-1].key
    target = task_named(trial.target, Role.TARGET)
    if target.trains:
        sets = (_train_set(target, Role.TARGET, space, data),)
        stages.append(TrainStage(parent, Role.TARGET, sets, trial.learning_rate, trial.seed))
        parent = stages[-1].key
    return [*stages, _score(parent, target, space, data)]


def _train_set(task: Task, role: Role, space: "Space", data: Data) -> TrainSet:
    settings = space.training.of(task.name, role)
    train = data.examples(task, "train", "en", settings.examples)
    dev = data.examples(task, "dev", "en", settings.dev_examples)
    return TrainSet(task.name, train.digest, dev.digest, train.labels, len(train), settings)


def _score(parent: str, target: Task, space: "Space", data: Data) -> ScoreStage:
    cap = space.evaluation.test_examples
    tests = tuple(set_to_score(target, language, cap, data) for language in scored_languages(target, space, data))
    settings = space.training.of(target.name, Role.TARGET)
    texts = sum(texts_to_read(target, language, cap, data) for language, _, _ in tests)
    return ScoreStage(parent, target.name, tests, settings, cap, space.evaluation.retrieval_layer, texts)


def set_to_score(target: Task, language: str, cap: int | None, data: Data) -> tuple[str, str, int]:
    """A test set as a scoring stage names it: language, digest, examples that are scored."""
    test, *dev = _read_to_score(target, language, cap, data)
    digest = digest_of([*(one.digest for one in dev), test.digest]) if dev else test.digest
    return language, digest, len(test.queries)


def texts_to_read(target: Task, language: str, cap: int | None, data: Data) -> int:
    """How many texts the encoder reads to score a target in a language."""
    return sum(examples.texts for examples in _read_to_score(target, language, cap, data))


def _read_to_score(target: Task, language: str, cap: int | None, data: Data) -> list[Examples]:
    test = data.examples(target, "test", language, cap)
    if target.format is not Format.MINING:
        return [test]
    return [test, data.examples(target, "dev", language, cap)]  # which sets the threshold


def scored_languages(target: Task, space: "Space", data: Data) -> Sequence[str]:
    """The languages that a target is scored in: all that the source has, or those of the space.

    Languages of the space that the benchmark does not have for this target are passed over; one that it has and
    the source lacks raises `UserError`.
    """
    there = data.languages(target)
    if not there:
        raise UserError(
            f"{target.name}: no test set at {data.where(target, 'test', target.languages[0])} or beside it; "
            "complete the mirror or name another split under evaluation.test_splits"
        )
    wanted = space.evaluation.languages
    if wanted == "all":
        chosen = there
    else:
        chosen = tuple(code for code in wanted if code in target.languages or code in there)
        for code in chosen:
            if code not in there:
                raise UserError(
                    f"{target.name}: no test set in '{code}' at {data.where(target, 'test', code)}; "
                    "leave the language out or complete the mirror"
                )
    if not chosen:
        raise UserError(f"{target.name}: none of the space's languages has a test set; it has {', '.join(there)}")
    return chosen
