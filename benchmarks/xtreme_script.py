"""Does XTREME's own script give Stopover's numbers? Three systems, exported and scored by `evaluate.py`.

    git clone https://github.com/google-research/xtreme && pip install seqeval==0.0.12
    python benchmarks/xtreme_script.py --script xtreme --mirror DATA --sweep mini-all --home .stopover

A perfect system, one that guesses, and each target's best recipe of a sweep, where one is given. Labels are made by
XTREME's own preprocessing (`xtreme_labels.py`), never by Stopover's export. Needs nothing of the script's environment
but seqeval 0.0.12 (newer versions count other chunks). Exit code 1 where any number differs by more than 1e-9.
"""

import argparse
import importlib
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any, cast

import numpy as np
import pyarrow as pa
from transformers import PreTrainedTokenizerBase
from xtreme_labels import Labels, sampled

from search.export import chosen_trials, export
from search.gains import transfer_matrix
from search.home import Home
from search.results import TrialResult
from search.sweep import find_sweep
from spaces import TASKS, Format, Role, Space, Task, load_space
from spaces.training import Training
from spaces.trial import Trial
from trainables.digest import digest_of
from trainables.examples import Data, Examples
from trainables.formats import FINE_TUNING
from trainables.formats.mining import Collection, score_mining
from trainables.formats.retrieval import score_retrieval
from trainables.formats.tagging import kept_words
from trainables.kept_scores import PREDICTIONS_FILE, read_predictions
from trainables.sources.mirror import MirrorSource
from trainables.store import Store

TOLERANCE = 1e-9
TARGETS = [task for task in TASKS.values() if Role.TARGET in task.roles]
Metrics = Mapping[str, float]
System = Callable[[Examples, np.random.Generator], list[Any]]


@dataclass(frozen=True)
class Comparison:
    """Of a system on a target: the script's own score (accuracy or F1), and how far Stopover's numbers are from its."""

    system: str
    target: str
    languages: int
    score: float
    difference: float

    def __str__(self) -> str:
        start = f"{self.system:12} {self.target:10} {self.languages:3} languages, the script gives {self.score:6.2f}"
        return f"{start}, largest difference {self.difference:.1e}"


@dataclass(frozen=True)
class Place:
    """Where the comparison reads and writes."""

    data: Data
    labels: Labels
    evaluate: Any
    folder: Path

    def compare(self, name: str, results: list[TrialResult], store: Store, cap: int | None) -> Iterator[Comparison]:
        """One comparison per target."""
        files = self.folder / name
        export(results, store, self.data, files, cap, labels=False)
        for result in results:
            told = [self._compare(files, code, result, store, cap) for code in result.languages]
            scores, differences = zip(*told, strict=True)
            yield Comparison(name, result.trial.target, len(told), fmean(scores), max(differences))

    def _compare(
        self, files: Path, code: str, result: TrialResult, store: Store, cap: int | None
    ) -> tuple[float, float]:
        """The script's own score of a language, and the largest difference of any of its numbers."""
        task = TASKS[result.trial.target]
        pooled = task.format in (Format.RETRIEVAL, Format.MINING)
        examples = self.data.examples(task, "test", code, None if pooled else cap)
        (predicted,) = (files / "predictions" / task.name).glob(f"test-{code}.*")
        labels = self.folder / "labels" / task.name / predicted.name
        if cap is not None and not pooled:
            labels = _of_sample(labels, cap, len(self.data.examples(task, "test", code)), files)
        theirs = self.evaluate.evaluate_one_task(str(predicted), str(labels), task.name, language=code)
        ours = own_metrics(examples, _predictions(store, result, code))
        kept = result.languages[code].get("metrics", {}) if cap is None or not pooled else {}
        assert theirs.keys() <= ours.keys(), f"the script gives {set(theirs)}, Stopover {set(ours)}"
        told = [abs(value - of[name]) for of in (ours, kept) for name, value in theirs.items() if name in of]
        return theirs["accuracy" if "accuracy" in theirs else "f1"], max(told)


def main() -> int:
    """Prints the largest difference per target and system; 0 when all are within the tolerance."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--script", type=Path, required=True, help="a checkout of google-research/xtreme")
    parser.add_argument("--mirror", type=Path, required=True)
    parser.add_argument("--sweep", help="a sweep on the mirror, by its id or its space's name")
    parser.add_argument("--home", type=Path, default=Path(".stopover"))
    arguments = parser.parse_args()
    sys.path.insert(0, str(arguments.script.absolute()))
    evaluate, preprocess = map(importlib.import_module, ("evaluate", "utils_preprocess"))
    home = Home(arguments.home)
    results = find_sweep(home, arguments.sweep) if arguments.sweep else None
    space = Space.model_validate(results.space) if results else load_space("mini-all")
    instead = space.evaluation.test_splits
    data = Data(MirrorSource(arguments.mirror), instead)
    with tempfile.TemporaryDirectory(prefix="xtreme-") as name:
        folder = Path(name)
        labels = Labels(preprocess, arguments.mirror, instead, folder / "labels")
        for task in TARGETS:
            labels.write(task.name, data.languages(task))
        place = Place(data, labels, evaluate, folder)
        store = Store(folder / "store")
        told: list[Comparison] = []
        for make in (perfect, guessing):
            trials = [made_trial(task, make, data, store) for task in TARGETS]
            told += place.compare(make.__name__, trials, store, None)
        if results:
            chosen = chosen_trials(results, transfer_matrix(results), None)
            told += place.compare("sweep", list(chosen.values()), home.open_store(), space.evaluation.test_examples)
    print(*told, sep="\n")
    return 0 if max(one.difference for one in told) <= TOLERANCE else 1


def perfect(examples: Examples, rng: np.random.Generator) -> list[Any]:
    """The right predictions, as the store keeps them."""
    table = examples.table
    match examples.task.format:
        case Format.SPAN_QA:
            return [answers["text"][0] for answers in table["answers"].to_pylist()]
        case Format.TAGGING:
            return [_tags(examples, row) for row in range(len(examples))]
        case Format.RETRIEVAL:
            return list(range(len(examples)))
        case Format.MINING:
            collection = Collection.of(examples)
            return [[collection.ids[0][one], collection.ids[1][other]] for one, other in sorted(collection.gold)]
        case _:
            return [examples.labels[number] for number in table["label"].to_pylist()]


def guessing(examples: Examples, rng: np.random.Generator) -> list[Any]:
    """Predictions that are right now and then."""
    right = perfect(examples, rng)
    match examples.task.format:
        case Format.SPAN_QA:
            return [_some_words(context, rng) for context in examples.table["context"].to_pylist()]
        case Format.TAGGING:
            return [[str(rng.choice(examples.labels)) for _ in tags] for tags in right]
        case Format.RETRIEVAL:
            return [row if rng.random() < 0.3 else int(rng.integers(len(right))) for row in right]
        case Format.MINING:
            others = rng.permutation([other for _, other in right]).tolist()
            wrong = [[one, other] for (one, _), other in zip(right, others, strict=True) if rng.random() < 0.5]
            return [*right[: len(right) // 3], *wrong]
        case _:
            return [str(rng.choice(examples.labels)) for _ in right]


def made_trial(task: Task, system: System, data: Data, store: Store) -> TrialResult:
    """A trial whose predictions a system made, kept in the store as a scoring stage keeps them."""
    rng = np.random.default_rng(0)
    columns: dict[str, list[Any]] = {"language": [], "example": [], "prediction": []}
    for code in data.languages(task):
        made = system(data.examples(task, "test", code), rng)
        columns["language"] += [code] * len(made)
        columns["example"] += range(len(made))
        columns["prediction"] += [json.dumps(value, ensure_ascii=False) for value in made]
    table = pa.table(
        columns, schema=pa.schema({"language": pa.string(), "example": pa.int32(), "prediction": pa.string()})
    )
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    key = digest_of([task.name, system.__name__])
    store.publish(key, {}, {PREDICTIONS_FILE: sink.getvalue().to_pybytes()})
    languages: dict[str, dict[str, Any]] = {code: {} for code in data.languages(task)}
    return TrialResult(Trial(task.name, "none", 0.0, 0.0, 0), "finished", languages=languages, scored=key)


def own_metrics(examples: Examples, predictions: list[Any]) -> Metrics:
    """Stopover's own scores of all the examples."""
    task = examples.task
    match task.format:
        case Format.RETRIEVAL:
            found = np.array(predictions)
            return score_retrieval(found, found, np.arange(len(examples))).metrics
        case Format.MINING:
            collection = Collection.of(examples)
            source, target = ({name: row for row, name in enumerate(ids)} for ids in collection.ids)
            pairs = list(dict.fromkeys((source[one], target[other]) for one, other in predictions))
            return score_mining(pairs, collection.gold, range(len(source)), 0.0).metrics
        case _:
            no_tokenizer = cast(PreTrainedTokenizerBase, None)  # scores are made of predictions, not of tokens
            form = FINE_TUNING[task.format](task, examples.labels, Training(), no_tokenizer)
            return form.score(examples, predictions).metrics


def _predictions(store: Store, result: TrialResult, code: str) -> list[Any]:
    rows = read_predictions(store, result.scored).to_pylist()
    return [json.loads(row["prediction"]) for row in rows if row["language"] == code]


def _of_sample(labels: Path, cap: int, size: int, folder: Path) -> Path:
    """The labels of a capped test set: the rows of the seeded sample, drawn from all of them with seed 0."""
    rows = np.arange(size) if cap >= size else np.sort(np.random.default_rng(0).permutation(size)[:cap])
    path = folder / "labels" / labels.parent.name / labels.name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(sampled(labels.read_text(encoding="utf-8"), rows.tolist()), encoding="utf-8")
    return path


def _tags(examples: Examples, row: int) -> list[str]:
    return [examples.labels[number] for number in kept_words(examples, row)[1]]


def _some_words(context: str, rng: np.random.Generator) -> str:
    words = context.split()
    first = int(rng.integers(len(words)))
    return " ".join(words[first : first + int(rng.integers(1, 4))])


if __name__ == "__main__":
    sys.exit(main())
