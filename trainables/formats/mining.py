"""Bitext mining (BUCC 2018): find the sentences of two collections that translate each other; nothing is trained.

Candidates are scored by the ratio margin between k nearest neighbours, forward and backward, and taken greedily, best
first, each sentence once (Artetxe & Schwenk 2019, as XTREME's scripts do). A threshold, set on the dev collection,
says which candidates count.

A sentence that a side holds more than once is mined once and then gives no pair, as in XTREME's scripts: nobody can say
which of its ids is meant. The pairs that it belongs to still count as pairs to be found.
"""

from collections import Counter
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainables.examples import Examples
from trainables.formats.base import Scores, points_of_f1

NEIGHBOURS = 4
_ROWS_AT_ONCE = 1024  # similarities are made in strips, never as one matrix

Pair = tuple[int, int]


@dataclass(frozen=True)
class Candidates:
    """Pairs of row numbers (source, target), best first, and their margin scores."""

    pairs: list[Pair]
    scores: list[float]

    def above(self, threshold: float) -> list[Pair]:
        """The pairs that score at least the threshold."""
        return [pair for pair, score in zip(self.pairs, self.scores) if score >= threshold]

    def of(self, sources: Set[int]) -> "Candidates":
        """Those whose source row is among these."""
        kept = [(pair, score) for pair, score in zip(self.pairs, self.scores) if pair[0] in sources]
        return Candidates([pair for pair, _ in kept], [score for _, score in kept])


@dataclass(frozen=True)
class Collection:
    """The sentences of both sides, their ids, the true pairs, and the source rows that are scored."""

    sentences: tuple[list[str], list[str]]
    ids: tuple[list[str], list[str]]
    gold: set[Pair]
    queries: list[int]

    @classmethod
    def of(cls, examples: Examples) -> "Collection":
        """The collection of a mining task's examples."""
        rows = examples.table.to_pylist()
        source, target = ([row for row in rows if row["side"] == side] for side in (0, 1))
        match = {pair: number for number, row in enumerate(target) for pair in row["pairs"]}
        return cls(
            ([row["sentence"] for row in source], [row["sentence"] for row in target]),
            ([row["id"] for row in source], [row["id"] for row in target]),
            {(number, match[pair]) for number, row in enumerate(source) for pair in row["pairs"] if pair in match},
            [number for number, row in enumerate(source) if row["query"]],
        )

    @property
    def gold_of_queries(self) -> set[Pair]:
        """The true pairs that are scored."""
        asked = set(self.queries)
        return {pair for pair in self.gold if pair[0] in asked}

    def candidates(self, vectors_of: Callable[[list[str]], NDArray[np.float32]]) -> Candidates:
        """Candidates among the rows of both sides."""
        rows = [_first_rows(side) for side in self.sentences]
        source, target = (vectors_of([side[row].strip() for row in of]) for side, of in zip(self.sentences, rows))
        found = mine(source, target)
        pairs = [(rows[0][one], rows[1][other]) for one, other in found.pairs]
        sources, targets = (_rows_of_one_kind(side) for side in self.sentences)
        kept = [(pair, score) for pair, score in zip(pairs, found.scores) if pair[0] in sources and pair[1] in targets]
        return Candidates([pair for pair, _ in kept], [score for _, score in kept])


def _first_rows(sentences: Sequence[str]) -> list[int]:
    """The row of every sentence's first appearance."""
    first: dict[str, int] = {}
    for row, sentence in enumerate(sentences):
        first.setdefault(sentence, row)
    return list(first.values())


def _rows_of_one_kind(sentences: Sequence[str]) -> set[int]:
    """The rows whose sentence, blanks around it aside, no other row has."""
    bare = [sentence.strip() for sentence in sentences]
    often = Counter(bare)
    return {row for row, sentence in enumerate(bare) if often[sentence] == 1}


def mine(source: NDArray[np.float32], target: NDArray[np.float32], neighbours: int = NEIGHBOURS) -> Candidates:
    """Candidates among source (n, d) and target vectors (m, d); fewer sentences than neighbours lower their number."""
    one, other = (torch.nn.functional.normalize(torch.from_numpy(side), dim=1) for side in (source, target))
    forward, to_target = _nearest(one, other, min(neighbours, len(other)))
    backward, to_source = _nearest(other, one, min(neighbours, len(one)))
    of_source, of_target = forward.mean(1), backward.mean(1)
    found: dict[Pair, float] = {}
    for similar, where, flip in ((forward, to_target, False), (backward, to_source, True)):
        own, their = (of_target, of_source) if flip else (of_source, of_target)
        margins = similar / ((own[:, None] + their[where]) / 2)
        best = margins.argmax(1)
        for row, column in enumerate(best.tolist()):
            match = int(where[row, column])
            found[(match, row) if flip else (row, match)] = float(margins[row, column])
    return _greedy(found)


def best_threshold(candidates: Candidates, gold: Set[Pair]) -> float:
    """The score between two candidates at which F1 is highest; nought, which lets all pass, where none is right."""
    right, best, threshold = 0, 0.0, 0.0
    for taken, (pair, score) in enumerate(zip(candidates.pairs, candidates.scores), start=1):
        right += pair in gold
        if not right:
            continue
        precision, recall = right / taken, right / len(gold)
        f1 = 2 * precision * recall / (precision + recall)  # spelled as the scripts do, whose rounding breaks ties
        if f1 > best:
            following = candidates.scores[taken] if taken < len(candidates.scores) else score
            best, threshold = f1, (score + following) / 2
    return threshold


def score_mining(mined: Sequence[Pair], gold: Set[Pair], queries: Sequence[int], threshold: float) -> Scores:
    """F1 of the mined pairs whose source row is a query; chance is nought."""
    place = {row: number for number, row in enumerate(queries)}
    right, found, there = (np.zeros(len(queries)) for _ in range(3))
    wanted = {pair for pair in gold if pair[0] in place}
    for row, _ in wanted:
        there[place[row]] += 1
    for row, match in mined:
        if row in place:
            found[place[row]] += 1
            right[place[row]] += (row, match) in wanted
    hits = float(right.sum())
    precision, recall = (100 * hits / max(1.0, float(of.sum())) for of in (found, there))
    f1 = 200 * hits / max(1.0, float(found.sum() + there.sum()))
    metrics = {"f1": f1, "precision": precision, "recall": recall, "threshold": threshold}
    points = points_of_f1(right, found, there)
    return Scores(f1, 0.0, len(wanted), metrics, points)


def _nearest(one: Tensor, other: Tensor, neighbours: int) -> tuple[Tensor, Tensor]:
    """Cosines and row numbers of the nearest rows of `other`: (rows, neighbours) each."""
    strips = [(strip @ other.T).topk(neighbours, dim=1) for strip in one.split(_ROWS_AT_ONCE)]
    return torch.cat([strip.values for strip in strips]), torch.cat([strip.indices for strip in strips])


def _greedy(found: dict[Pair, float]) -> Candidates:
    pairs: list[Pair] = []
    scores: list[float] = []
    sources: set[int] = set()
    targets: set[int] = set()
    for pair, score in sorted(found.items(), key=lambda item: (-item[1], item[0])):
        if score <= 0:
            break
        if pair[0] not in sources and pair[1] not in targets:
            sources.add(pair[0])
            targets.add(pair[1])
            pairs.append(pair)
            scores.append(score)
    return Candidates(pairs, scores)
