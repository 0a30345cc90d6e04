"""What formats with one class per example share: a pooled vector, one label, accuracy."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from torch import Tensor

from trainables.consistency import by_row
from trainables.examples import Examples
from trainables.formats.base import FineTuning, Scores, mean, points_of


class Classification(FineTuning):
    """A format that gives every example one class, from one row; `decode` gives class numbers, the likeliest first."""

    @property
    def pools(self) -> bool:
        return True

    def merge(self, examples: Examples, parts: Sequence[list[Any]]) -> list[Any]:
        return [self.labels[ranked[0]] for (ranked,) in parts]

    def answers(self, examples: Examples, parts: Sequence[list[Any]], scores: Scores) -> dict[str, Any]:
        return by_row([ranked for (ranked,) in parts])

    def score(self, examples: Examples, predictions: Sequence[Any]) -> Scores:
        """Accuracy; chance is always answering the commonest class of these examples."""
        gold = [self.labels[number] for number in examples.table["label"].to_pylist()]
        right = [float(a == b) for a, b in zip(gold, predictions, strict=True)]
        accuracy = mean(right)
        majority = 100 * Counter(gold).most_common(1)[0][1] / len(gold)
        return Scores(accuracy, majority, len(gold), {"accuracy": accuracy}, points_of(right))


def ranked(logits: Tensor) -> list[list[int]]:
    """The classes of every row of logits (examples, classes), the likeliest first."""
    return logits.argsort(dim=-1, descending=True, stable=True).tolist()
