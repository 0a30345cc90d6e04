"""The best encoder per target as a version of a registered model in MLflow, to be loaded as plain `transformers`.

Best is what English dev picks: the recipe, its learning rate and its seed. Test scores choose nothing here either.
"""

import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from search.gains import TransferMatrix, transfer_matrix
from search.home import Home
from search.outbox import without_password
from search.results import Results, TrialResult
from spaces import UserError
from spaces.errors import did_you_mean
from trainables.model_files import find_model
from trainables.saved_encoder import save_encoder

_FOLDER = "encoder"  # in the artifacts of the trial's run
_CARD = "README.md"


@dataclass(frozen=True)
class Promoted:
    """A version of a registered model that an alias points to."""

    target: str
    result: TrialResult
    name: str
    version: str
    alias: str

    @property
    def code(self) -> str:
        """How to load it, in Python."""
        return _code(self.name, self.alias)


def promote(
    results: Results,
    home: Home,
    mirror: Path | None,
    tracking_uri: str | None,
    targets: Sequence[str],
    recipe: str | None,
    alias: str,
) -> Iterator[Promoted]:
    """Registers the chosen trial's encoder of every target as `<space>-<target>`, and points the alias to it.

    A trial that is registered already gets no second version. Raises `UserError` for a target or recipe that the sweep
    does not have or that nothing was chosen for, for a run that was never logged, for lost weights, and for what MLflow
    refuses.
    """
    uri = tracking_uri or home.tracking_uri
    client = MlflowClient(uri, registry_uri=uri)
    model = find_model(str(results.space["model"]), home.caches.world_model, mirror)
    store = home.open_store()
    for target, result in chosen(results, transfer_matrix(results), targets, recipe).items():
        name = f"{results.space['name']}-{target}"
        try:
            version = _version_of(client, name, result)
            if version is None:
                run = _run_of(client, results, result)
                with tempfile.TemporaryDirectory() as folder:
                    save_encoder(store, _trained(store.record(result.scored), result), model, Path(folder))
                    _describe(Path(folder), results, result, name, alias)
                    client.log_artifacts(run.info.run_id, folder, _FOLDER)
                version = _register(client, run, name, result)
            client.set_registered_model_alias(name, alias, version)
        except MlflowException as error:
            told = f"MLflow at {uri} does not take {name}@{alias}: {error.message.splitlines()[0]}"
            raise UserError(without_password(told)) from None
        yield Promoted(target, result, name, version, alias)


def chosen(
    results: Results, matrix: TransferMatrix, targets: Sequence[str], recipe: str | None
) -> dict[str, TrialResult]:
    """By target the trial that English dev picks: of a recipe where one is named, else of all.

    Targets that train nothing have no English dev score; without a recipe they are left out, or, where named, raise
    `UserError`.
    """
    for name, known in ((recipe, matrix.recipes), *((target, matrix.targets) for target in targets)):
        if name is not None and name not in known:
            raise UserError(f"{results.sweep} has no '{name}' ({did_you_mean(name, known)})")
    cells = {
        target: matrix.cells[recipe, target] if recipe else matrix.picked(target)
        for target in (targets or matrix.targets)
    }
    found = {
        target: max(cell.chosen, key=lambda one: one.dev or 0.0)
        for target, cell in cells.items()
        if cell is not None and cell.chosen
    }
    missing = [target for target in targets if target not in found]
    if missing or not found:
        raise UserError(
            f"{results.sweep}: English dev picks no recipe for {', '.join(missing or matrix.targets)}; name one that "
            "came to its end there with --recipe"
        )
    return found


def _trained(record: object, result: TrialResult) -> str:
    if not isinstance(record, dict):
        raise UserError(f"{result.trial.id}: its scores are not in the store any more; run the sweep again")
    return str(record["parent"])


def _run_of(client: MlflowClient, results: Results, result: TrialResult) -> Run:
    experiment = client.get_experiment_by_name(str(results.space["name"]))
    query = f"tags.sweep = '{results.sweep}' and tags.trial = '{result.trial.id}'"
    found = client.search_runs([experiment.experiment_id], query) if experiment else []
    if not found:
        raise UserError(f"{result.trial.id} has no run in MLflow; run the sweep again, which logs it")
    return found[0]


def _version_of(client: MlflowClient, name: str, result: TrialResult) -> str | None:
    """The version that a trial's encoder has already."""
    versions = client.search_model_versions(f"name = '{name}'")
    return next((str(one.version) for one in versions if one.tags.get("stage") == result.scored), None)


def _register(client: MlflowClient, run: Run, name: str, result: TrialResult) -> str:
    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    tags = {"stage": result.scored, "recipe": result.trial.recipe, "trial": result.trial.id}
    source = f"{run.info.artifact_uri}/{_FOLDER}"
    made = client.create_model_version(name, source, run.info.run_id, tags=tags, description=_said(result))
    return str(made.version)


def _describe(folder: Path, results: Results, result: TrialResult, name: str, alias: str) -> None:
    """What the encoder is and how to load it, beside it: for people, and for programs."""
    plain = {"sweep": results.sweep, "model": results.space["model"], "trial": asdict(result.trial),
             "dev": result.dev, "score": result.score}  # fmt: skip
    (folder / "stopover.json").write_text(json.dumps(plain, indent=1), encoding="utf-8")
    text = f"# {name}\n\n{_said(result)}\n\n```python\n{_code(name, alias)}\n```\n"
    (folder / _CARD).write_text(text, encoding="utf-8")


def _said(result: TrialResult) -> str:
    trial = result.trial
    dev = f"; English dev {result.dev:.1f}" if result.dev is not None else ""
    return (
        f"The encoder of {trial.target} after {trial.recipe}, learning rate {trial.learning_rate:g}, seed {trial.seed}"
        f"{dev}, test score {result.score:.1f}."
    )


def _code(name: str, alias: str) -> str:
    return (
        "import mlflow\nfrom transformers import AutoModel, AutoTokenizer\n\n"
        f'folder = mlflow.artifacts.download_artifacts("models:/{name}@{alias}")\n'
        "encoder, tokenizer = AutoModel.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)"
    )
