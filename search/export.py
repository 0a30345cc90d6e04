"""Predictions in XTREME's submission layout, with labels on request, for the benchmark's own script to score.

    DIR/predictions/<task>/test-<language>.tsv|json
    DIR/labels/<task>/test-<language>.tsv|json

Only languages that were scored get a file. Where the space capped the test sets, so are these, but for retrieval and
mining: there a cap says which sentences are scored and the search itself is whole, and so are these files.
"""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute

from search.gains import TransferMatrix, transfer_matrix
from search.home import Home
from search.results import Results, TrialResult
from search.sweep import data_of
from spaces import TASKS, Format, Space, Task, UserError
from trainables.examples import Data, Examples
from trainables.formats.mining import Collection
from trainables.formats.tagging import kept_words
from trainables.kept_scores import read_predictions
from trainables.store import Store


def export_sweep(
    results: Results, home: Home, mirror: Path | None, folder: Path, recipe: str | None = None, labels: bool = False
) -> dict[str, TrialResult]:
    """Writes a sweep's files under a folder; the trial that was chosen per target (`chosen_trials`).

    Raises `UserError` for an unknown recipe and for predictions or data that cannot be had.
    """
    chosen = chosen_trials(results, transfer_matrix(results), recipe)
    space = Space.model_validate(results.space)
    cap = space.evaluation.test_examples
    export(chosen.values(), home.open_store(), data_of(space, home, mirror), folder, cap, labels)
    return chosen


def chosen_trials(results: Results, matrix: TransferMatrix, recipe: str | None) -> dict[str, TrialResult]:
    """The trial to export per target: of a recipe, or of the one that English dev picks; of several seeds the first.

    Retrieval has no English dev: there it is the oracle's, which the test scores chose.

    Raises `UserError` for a recipe that the sweep does not have.
    """
    if recipe is not None and recipe not in matrix.recipes:
        raise UserError(f"{results.sweep} has no recipe '{recipe}'; it has {', '.join(matrix.recipes)}")
    cells = {
        target: matrix.cells[recipe, target] if recipe else matrix.picked(target) or matrix.oracle(target)
        for target in matrix.targets
    }
    return {target: cell.chosen[0] for target, cell in cells.items() if cell is not None and cell.chosen}


def export(
    trials: Iterable[TrialResult], store: Store, data: Data, folder: Path, cap: int | None, labels: bool
) -> None:
    """Writes the files of some trials, one per target.

    Raises `UserError` where the store has lost a trial's predictions.
    """
    for result in trials:
        task = TASKS[result.trial.target]
        table = read_predictions(store, result.scored)
        for language in result.languages:
            examples = data.examples(task, "test", language, cap)
            predicted = [json.loads(text) for text in _column(table, language)]
            if task.format is not Format.MINING and len(predicted) != len(examples):
                raise UserError(
                    f"{result.trial.id} was scored on other data than {data.where(task, 'test', language)} holds "
                    f"({len(predicted)} predictions, {len(examples)} examples); give the mirror that the sweep ran on"
                )
            _write(folder / "predictions", task, language, _spelled(examples, predicted))
            if labels:
                _write(folder / "labels", task, language, _labels(examples))


def _column(table: pa.Table, language: str) -> list[str]:
    rows = table.filter(pa.compute.equal(table["language"], language))
    return rows["prediction"].to_pylist()


def _write(folder: Path, task: Task, language: str, content: str | dict[str, Any]) -> None:
    suffix = "tsv" if isinstance(content, str) else "json"
    path = folder / task.name / f"test-{language}.{suffix}"
    path.parent.mkdir(parents=True, exist_ok=True)
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False, indent=1)
    path.write_text(text, encoding="utf-8")


def _spelled(examples: Examples, predicted: Sequence[Any]) -> str | dict[str, Any]:
    """Predictions as XTREME's script reads them."""
    match examples.task.format:
        case Format.SPAN_QA:
            return dict(zip(_ids(examples), predicted, strict=True))
        case Format.TAGGING:
            return _tagged(predicted)
        case Format.RETRIEVAL:
            return _lines(str(predicted[row]) for row in _sorted_english(examples))
        case Format.MINING:
            return _lines("\t".join(pair) for pair in predicted)
        case _:
            return _lines(predicted)


def _labels(examples: Examples) -> str | dict[str, Any]:
    table = examples.table
    match examples.task.format:
        case Format.SPAN_QA:
            return _squad([row | {"id": name} for name, row in zip(_ids(examples), table.to_pylist(), strict=True)])
        case Format.TAGGING:
            numbers = (kept_words(examples, row)[1] for row in range(len(examples)))
            return _tagged([[examples.labels[number] for number in sentence] for sentence in numbers])
        case Format.RETRIEVAL:
            return _lines(map(str, _sorted_english(examples)))
        case Format.MINING:
            collection = Collection.of(examples)
            source, target = collection.ids
            return _lines(f"{source[one]}\t{target[other]}" for one, other in sorted(collection.gold))
        case _:
            return _lines(examples.labels[number] for number in table["label"].to_pylist())


def _ids(examples: Examples) -> list[str]:
    """The questions' ids. One that occurs again, as in some copies of TyDiQA, is numbered: answers go by id."""
    seen: Counter[str] = Counter()
    ids = []
    for name in examples.table["id"].to_pylist():
        seen[name] += 1
        ids.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    return ids


def _lines(values: Iterable[str]) -> str:
    return "".join(f"{value}\n" for value in values)


def _tagged(sentences: Sequence[Sequence[str]]) -> str:
    return "\n".join(_lines(sentence) for sentence in sentences)


def _sorted_english(examples: Examples) -> list[int]:
    """The English rows in the order of XTREME's file, which sorts them so that their order leaks nothing.

    A line of the predictions belongs to a line of that file and is the row, from nought, of the sentence found on the
    other side, which stays in its order. So the true rows are these themselves.
    """
    english = [sentence.strip() for sentence in examples.table["target_sentence"].to_pylist()]
    return sorted(range(len(english)), key=lambda row: english[row])


def _squad(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Questions and answers in SQuAD's own JSON, an article per row."""
    articles = []
    for row in rows:
        answers = [
            {"text": text, "answer_start": start}
            for text, start in zip(row["answers"]["text"], row["answers"]["answer_start"], strict=True)
        ]
        question = {"id": row["id"], "question": row["question"], "answers": answers}
        articles.append({"title": "", "paragraphs": [{"context": row["context"], "qas": [question]}]})
    return {"version": "1.1", "data": articles}
