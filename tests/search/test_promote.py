"""Promoted encoders: chosen by English dev, loaded back by nothing but MLflow and transformers."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from mlflow.tracking import MlflowClient
from safetensors.torch import load_file

from search.gains import transfer_matrix
from search.promote import chosen, promote
from search.results import Results, TrialResult
from spaces import UserError
from tests.mlflow_server import mlflow_server
from tests.search.place import Place
from tests.search.test_gains import result
from tests.search.test_report import COST
from trainables.weights import ENCODER_FILE


def picked(*trials: TrialResult, targets: tuple[str, ...] = (), recipe: str | None = None) -> dict[str, TrialResult]:
    recipes = list(dict.fromkeys(one.trial.recipe for one in trials))
    of = list(dict.fromkeys(one.trial.target for one in trials))
    results = Results("s-1", {"recipes": recipes, "targets": of, "name": "s"}, list(trials), COST)
    return chosen(results, transfer_matrix(results), targets, recipe)


def test_english_dev_chooses_recipe_rate_and_seed() -> None:
    best_by_test = result("none", 0.1, dev=50, scores={"en": 99})
    trials = [
        best_by_test,
        result("mnli", 0.1, dev=60, scores={"en": 70}),
        result("mnli", 0.1, dev=70, scores={"en": 40}, seed=1),
        result("mnli", 0.2, dev=65, scores={"en": 90}, seed=1),
    ]
    assert picked(*trials) == {"xnli": trials[2]}
    assert picked(*trials, recipe="none") == {"xnli": best_by_test}


def test_a_target_without_english_dev_takes_a_recipe_by_name() -> None:
    trials = [
        result("none", 0.1, dev=50, scores={"en": 60}),
        result("none", 0.1, dev=None, scores={"de": 60}, target="tatoeba"),
    ]
    assert picked(*trials).keys() == {"xnli"}
    assert picked(*trials, recipe="none").keys() == {"xnli", "tatoeba"}
    with pytest.raises(UserError, match="English dev picks no recipe for tatoeba"):
        picked(*trials, targets=("tatoeba",))
    with pytest.raises(UserError, match="has no 'mnly'"):
        picked(*trials, recipe="mnly")


def test_what_was_promoted_is_loaded_as_plain_transformers(finished: tuple[Place, str], mirror: Path) -> None:
    place, _ = finished
    results, home = place.results(), place.home
    (one,) = promote(results, home, mirror, None, ["xnli"], None, "best")
    (again,) = promote(results, home, mirror, None, ["xnli"], None, "champion")
    assert (one.name, one.version, again.version) == ("small-xnli", "1", "1")
    client = MlflowClient(home.tracking_uri)
    version = client.get_model_version_by_alias("small-xnli", "best")
    assert version.tags["trial"] == one.result.trial.id and version.run_id

    code = f"import sys\n{one.code}\nimport safetensors.torch as s\ns.save_file(encoder.state_dict(), sys.argv[1])\n"
    code += "assert tokenizer('the cat')['input_ids']\nassert not any(n.startswith('trainables') for n in sys.modules)"
    loaded = home.root / "loaded.safetensors"
    environment = {"MLFLOW_TRACKING_URI": home.tracking_uri, "PATH": "", "HOME": str(home.root), "HF_HUB_OFFLINE": "1"}
    subprocess.run([sys.executable, "-c", code, str(loaded)], env=environment, check=True, cwd=home.root)
    store = home.open_store()
    scored = store.record(one.result.scored)
    assert scored is not None
    entry = store.find(scored["parent"])
    assert entry is not None
    trained, back = load_file(entry.path(ENCODER_FILE)), load_file(loaded)
    assert all(torch.equal(tensor, back[name]) for name, tensor in trained.items())


def test_the_pretrained_encoder_itself_can_be_best(finished: tuple[Place, str], mirror: Path) -> None:
    place, _ = finished
    (one,) = promote(place.results(), place.home, mirror, None, ["tatoeba"], "none", "best")
    version = MlflowClient(place.home.tracking_uri).get_model_version_by_alias("small-tatoeba", "best")
    assert version.tags["recipe"] == "none" and one.version == str(version.version)


@pytest.mark.parametrize(("uri", "alias"), [("http://me:secret@127.0.0.1:9", "best"), (None, "latest")])
def test_what_mlflow_refuses_is_one_line_without_secrets(
    finished: tuple[Place, str], mirror: Path, uri: str | None, alias: str
) -> None:
    place, _ = finished
    with pytest.raises(UserError, match=f"does not take small-xnli@{alias}") as error:
        list(promote(place.results(), place.home, mirror, uri, ["xnli"], None, alias))
    assert "secret" not in str(error.value) and "\n" not in str(error.value)


def test_a_sweep_that_was_never_logged_there_is_not_promoted_there(
    finished: tuple[Place, str], mirror: Path, tmp_path: Path
) -> None:
    place, _ = finished
    with mlflow_server(f"sqlite:///{tmp_path}/mlflow.db", tmp_path) as uri:
        with pytest.raises(UserError, match="has no run in MLflow; run the sweep again"):
            list(promote(place.results(), place.home, mirror, uri, ["xnli"], None, "best"))
