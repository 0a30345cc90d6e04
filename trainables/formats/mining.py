"""Bitext mining (BUCC 2018): find the sentences of two collections that translate each other; nothing is trained.

Candidates are scored by the ratio margin between k nearest neighbours, forward and backward, and taken greedily, best
first, each sentence once (Artetxe & Schwenk 2019, as XTREME's scripts do). A threshold, set on the dev collection,
says which candidates count.
"""

from collections.abc import Sequence, Set
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainables.formats.base import Scores, f1_error, points_of_f1

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
    """The score between two candidates at which F1 is highest; above all of them where none is right."""
    right, best, threshold = 0, 0.0, float("inf")
    for taken, (pair, score) in enumerate(zip(candidates.pairs, candidates.scores), start=1):
        right += pair in gold
        f1 = 2 * right / (taken + len(gold))
        if f1 > best:
            following = candidates.scores[taken] if taken < len(candidates.scores) else score
            best, threshold = f1, (score + following) / 2
    return threshold


def score_mining(mined: Sequence[Pair], gold: Set[Pair], sentences: int, threshold: float) -> Scores:
    """F1 of the mined pairs; chance is nought, its error a bootstrap over the `sentences` of the source side."""
    right, found, there = (np.zeros(sentences) for _ in range(3))
    for row, _ in gold:
        there[row] += 1
    for row, match in mined:
        found[row] += 1
        right[row] += (row, match) in gold
    hits = float(right.sum())
    precision, recall = (100 * hits / max(1.0, float(of.sum())) for of in (found, there))
    f1 = 200 * hits / max(1.0, float(found.sum() + there.sum()))
    metrics = {"f1": f1, "precision": precision, "recall": recall}
    metrics |= {"threshold": threshold} if np.isfinite(threshold) else {}
    points = points_of_f1(right, found, there)
    return Scores(f1, 0.0, f1_error(right, found, there), len(gold), metrics, points)


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
        if pair[0] not in sources and pair[1] not in targets:
            sources.add(pair[0])
            targets.add(pair[1])
            pairs.append(pair)
            scores.append(score)
    return Candidates(pairs, scores)
