"""Spaces: the YAML file that says which recipes, targets, learning rates and seeds a sweep combines."""

from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from spaces.budget import Budget
from spaces.catalogue import TASKS, task_named
from spaces.errors import UserError, did_you_mean
from spaces.languages import language_named
from spaces.rates import RateRange, Rates, nominal_rates, unique
from spaces.recipes import NONE, parse_recipe
from spaces.tasks import Role
from spaces.training import Training, checked_setting
from spaces.trial import Trial
from spaces.yaml_lines import KeyPath, read_yaml

LIBRARY = Path(__file__).parent / "library"

Count = Annotated[int, Field(gt=0)]


def _whole_or_part(devices: float) -> float:
    if devices > 1 and devices != int(devices):
        raise ValueError("give a part of one (0.5) or a whole number (2)")
    return devices


Devices = Annotated[float, Field(gt=0), AfterValidator(_whole_or_part)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _changes(values: dict[str, Any]) -> dict[str, Any]:
    """Changed settings with their values as numbers; every fault is told under its own key."""
    checked: dict[str, Any] = {}
    faults: list[InitErrorDetails] = []
    for name, value in values.items():
        try:
            checked[name] = checked_setting(name, value)
        except ValueError as error:
            kind = PydanticCustomError("setting", "{fault}", {"fault": str(error)})
            faults.append(InitErrorDetails(type=kind, loc=(name,), input=value))
    if faults:
        raise ValidationError.from_exception_data("training", faults)
    return checked


Changes = Annotated[dict[str, Any], AfterValidator(_changes)]


class Phases(_Strict):
    """What of `Training` the two phases change, and what single tasks do.

    What a space does not say comes from the task's own settings in the catalogue, then from `Training`.
    """

    intermediate: Changes = {}
    target: Changes = {}
    tasks: dict[str, Changes] = {}

    @field_validator("tasks")
    @classmethod
    def _known_tasks(cls, tasks: dict[str, Any]) -> dict[str, Any]:
        unknown = [name for name in tasks if name not in TASKS]
        if unknown:
            raise ValueError(f"unknown task '{unknown[0]}': {did_you_mean(unknown[0], TASKS)}")
        return tasks

    def of(self, task: str, role: Role) -> Training:
        """The training settings of a task in a role."""
        phase = self.intermediate if role is Role.INTERMEDIATE else self.target
        return Training(**{**TASKS[task].training, **phase, **self.tasks.get(task, {})})

    @property
    def together(self) -> Training:
        """The settings of a course over several intermediate tasks; each keeps its own epochs, lengths and batches."""
        return Training(**self.intermediate)


class Stopping(_Strict):
    """Successive halving within a target: at each rung (a share of the target stage) the best 1/`reduction` go on.

    With `keep: recipe` the best trial of every recipe and seed goes on too, so that the transfer matrix has no
    holes; `keep: best` spends less and leaves holes. After the share `grace` of an intermediate stage English dev must
    not be below chance, or the trials that go on from it are given up; null lets them.
    """

    rungs: list[Annotated[float, Field(gt=0, lt=1)]] = [0.25, 0.5]
    reduction: Annotated[float, Field(gt=1)] = 3
    keep: Literal["recipe", "best"] = "recipe"
    grace: Annotated[float, Field(ge=0, le=1)] | None = 0.5

    @field_validator("rungs")
    @classmethod
    def _ascending(cls, rungs: list[float]) -> list[float]:
        if not rungs or any(low >= high for low, high in pairwise(rungs)):
            raise ValueError("give ascending shares of the target stage, for example [0.25, 0.5]")
        return rungs


class Evaluation(_Strict):
    """What is scored at the end of a trial.

    `test_examples` caps the examples per language (a seeded sample). Where translations are looked for it caps the
    sentences that look, never those among which they do: of Tatoeba the English sentences, of BUCC the source side's
    that have a translation, with the same share of those that have none, in the dev collection, which sets the
    threshold, as in the test collection. `test_splits` names the split that stands in for a target's test set, where
    a mirror has no other (`{mlqa: validation}`). `retrieval_layer` is the hidden
    state that retrieval pools (0 is the embeddings); by default 14 of 24, scaled to the model's depth, as XTREME
    does.
    """

    languages: Literal["all"] | Annotated[list[str], AfterValidator(unique)] = "all"
    test_examples: Count | None = None
    test_splits: dict[str, str] = {}
    retrieval_layer: Annotated[int, Field(ge=0)] | None = None

    @field_validator("languages")
    @classmethod
    def _known_languages(cls, languages: Any) -> Any:
        for code in languages if languages != "all" else ():
            try:
                language_named(code)
            except UserError as error:
                raise ValueError(str(error)) from None
        return languages

    @field_validator("test_splits")
    @classmethod
    def _known_targets(cls, splits: dict[str, str]) -> dict[str, str]:
        try:
            return {task_named(target, Role.TARGET).name: split for target, split in splits.items()}
        except UserError as error:
            raise ValueError(str(error)) from None


class Space(_Strict):
    """Everything a sweep combines. `intermediate_learning_rates` splits the rate of the phases when given.

    `strategy` says which combinations are tried (search/strategies), `budget` how many. A trial has `devices_per_trial`
    GPUs (cores where there are none): several, or a part of one, or one.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")]
    description: str = ""
    source: Literal["world", "hub", "mirror"] = "hub"
    model: str
    recipes: Annotated[list[str], Field(min_length=1)]
    targets: Annotated[list[str], Field(min_length=1), AfterValidator(unique)]
    learning_rates: Rates
    intermediate_learning_rates: Rates | None = None
    seeds: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1), AfterValidator(unique)] = [0]
    strategy: Literal["grid", "random", "optuna"] = "grid"
    budget: Budget | None = None
    devices_per_trial: Devices = 1
    training: Phases = Phases()
    stopping: Stopping | None = Stopping()
    evaluation: Evaluation = Evaluation()

    @field_validator("recipes")
    @classmethod
    def _canonical_recipes(cls, recipes: list[str]) -> list[str]:
        try:
            return unique([str(parse_recipe(recipe)) for recipe in recipes])
        except UserError as error:
            raise ValueError(str(error)) from None

    @field_validator("targets")
    @classmethod
    def _known_targets(cls, targets: list[str]) -> list[str]:
        try:
            return [task_named(target, Role.TARGET).name for target in targets]
        except UserError as error:
            raise ValueError(str(error)) from None

    @model_validator(mode="after")
    def _world_has_its_own_model(self) -> "Space":
        if self.model == "world" and self.source != "world":
            raise ValueError("model 'world' knows only the world's languages; give source: world or another model")
        return self

    @model_validator(mode="after")
    def _world_keeps_its_own_tasks(self) -> "Space":
        own = sorted(name for name in self.intermediate_tasks if TASKS[name].in_world_only)
        if own and self.source != "world":
            raise ValueError(f"task '{own[0]}' is there in the embedded world only; give source: world or leave it out")
        return self

    @model_validator(mode="after")
    def _strategy_has_what_it_needs(self) -> "Space":
        if self.strategy == "grid" and self.endless:
            raise ValueError("learning_rates: a range is drawn from; give strategy: random or optuna, or a list")
        if self.strategy != "grid" and self.budget is None:
            raise ValueError(f"strategy: {self.strategy} needs a budget, for example {{trials: 50}}")
        if self.strategy == "optuna" and not self.trained_targets:
            raise ValueError("strategy: optuna learns from English dev, and no target of the space has one; give grid")
        return self

    @property
    def endless(self) -> bool:
        """Whether a learning rate is drawn from a range, so that there is no end of trials."""
        return any(isinstance(rates, RateRange) for rates in (self.learning_rates, self.intermediate_learning_rates))

    @property
    def trained_targets(self) -> list[str]:
        """The targets that are trained on, and so have a score on English dev."""
        return [target for target in self.targets if TASKS[target].trains]

    def trials(self) -> list[Trial]:
        """Every combination, in the order of the file: seeds, targets, recipes, rates.

        A range of learning rates stands for its geometric mean alone: the plan of a search that draws from it.
        """
        return [
            Trial(target, recipe, rate, intermediate_rate, seed)
            for seed in self.seeds
            for target in self.targets
            for recipe in self.recipes
            for intermediate_rate, rate in self._rates(recipe)
        ]

    @property
    def intermediate_tasks(self) -> frozenset[str]:
        """The tasks that any of the recipes trains on."""
        return frozenset().union(*(parse_recipe(recipe).tasks for recipe in self.recipes))

    def without(self, names: Iterable[str]) -> "Space":
        """The space less some tasks: as targets, and the recipes that train on them.

        Raises `UserError` for a name that is not in the space, or where nothing would be left.
        """
        space = self
        for name in names:
            recipes = [one for one in space.recipes if name not in parse_recipe(one).tasks]
            targets = [one for one in space.targets if one != name]
            if (recipes, targets) == (space.recipes, space.targets):
                used = space.intermediate_tasks | set(space.targets)
                raise UserError(f"--without {name}: not in the space; {did_you_mean(name, used)}")
            if not recipes or not targets:
                raise UserError(f"--without {name}: nothing would be left of the space")
            space = space.model_copy(update={"recipes": recipes, "targets": targets})
        return space

    def _rates(self, recipe: str) -> list[tuple[float, float]]:
        rates = nominal_rates(self.learning_rates)
        if self.intermediate_learning_rates is None or recipe == NONE:  # which has no intermediate phase
            return [(rate, rate) for rate in rates]
        return [(first, second) for first in nominal_rates(self.intermediate_learning_rates) for second in rates]


def library_names() -> list[str]:
    """The names of the spaces that come with Stopover."""
    return sorted(path.stem for path in LIBRARY.glob("*.yaml"))


def load_space(name_or_path: str, **overrides: Any) -> Space:
    """Reads a space from a file or the library; `overrides` replace top-level keys where not None.

    Raises `UserError`: one line with the file, the key, its line, and what to do.
    """
    path = _find(name_or_path)
    document, lines = read_yaml(path)
    if not isinstance(document, dict):
        raise UserError(f"{path}: a space is a mapping of keys such as recipes, targets and learning_rates")
    document |= {key: value for key, value in overrides.items() if value is not None}
    try:
        return Space.model_validate(document)
    except ValidationError as error:
        raise UserError(_one_line(error, path, lines)) from None


def _find(name_or_path: str) -> Path:
    in_library = LIBRARY / f"{name_or_path}.yaml"
    if in_library.is_file():
        return in_library
    path = Path(name_or_path)
    if not path.is_file():
        hint = did_you_mean(name_or_path, library_names())
        raise UserError(f"no space '{name_or_path}': it is neither a file nor in the library ({hint})")
    return path


def _one_line(error: ValidationError, path: Path, lines: dict[KeyPath, int]) -> str:
    # of a value that may be a word or a list, what is wrong with the list tells more
    faults = [fault for fault in error.errors() if not "".join(map(str, fault["loc"][-1:])).startswith("literal[")]
    first = faults[0]
    # pydantic adds the names of union members and validators to the path: they are no keys of the file
    no_keys = ("function-", "literal", "list[", "range[")
    location = tuple(part for part in first["loc"] if not str(part).startswith(no_keys))
    line = next((lines[location[:n]] for n in range(len(location), 0, -1) if location[:n] in lines), 0)
    key = ".".join(map(str, location))
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        model = _model_at(location[:-1])
        message = f"unknown key, {did_you_mean(str(location[-1]), model.model_fields)}"
    elif first["type"] == "missing":
        message = "this key is needed"
    elif "input" in first and not message.startswith(("'", "recipe", "unknown")) and first["input"] is not None:
        value = first["input"]
        message = f"{message} (got {value!r})" if isinstance(value, str | int | float) else message
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    where = f" line {line}:" if line else ""
    return f"{path}:{where} {key + ': ' if key else ''}{message}{more}"


def _model_at(location: tuple[str | int, ...]) -> type[BaseModel]:
    nested: dict[str | int, type[BaseModel]] = {
        "training": Phases, "stopping": Stopping, "evaluation": Evaluation, "budget": Budget,
        "learning_rates": RateRange, "intermediate_learning_rates": RateRange,
    }  # fmt: skip
    return nested.get(location[-1], Space) if location else Space
