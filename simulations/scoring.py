"""How well a score tells yes from no: AUC, F1, and a logistic score that weighs several.

A *scored* pair is (score, truth). All is plain Python and has no chance in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from math import exp

Scored = tuple[float, bool]

# Newton's method converges in fewer; a little ridge keeps features that say nothing at zero.
_STEPS = 25
_RIDGE = 1e-3
_LOGIT_MAX = 30.0


def auc(scored: Sequence[Scored]) -> float:
    """The chance that a true one scores above a false one; a tie counts half (Mann–Whitney).
    NaN without one of either."""
    positives = sum(truth for _, truth in scored)
    negatives = len(scored) - positives
    if not positives or not negatives:
        return float("nan")
    below = 0
    wins = 0.0
    for _, tied in groupby(sorted(scored, key=lambda each: each[0]), key=lambda each: each[0]):
        truths = [truth for _, truth in tied]
        true, false = sum(truths), len(truths) - sum(truths)
        wins += true * (below + false / 2)
        below += false
    return wins / (positives * negatives)


def f1(scored: Sequence[Scored], threshold: float) -> float:
    """Harmonic mean of precision and recall, taking all that score at least ``threshold``."""
    taken = [truth for score, truth in scored if score >= threshold]
    positives = sum(truth for _, truth in scored)
    hits = sum(taken)
    return 2 * hits / (len(taken) + positives) if hits else 0.0


def best_threshold(scored: Sequence[Scored]) -> float:
    """The lowest score that is to be taken for a yes, so that F1 is greatest."""
    positives = sum(truth for _, truth in scored)
    best, threshold = 0.0, float("inf")
    hits = taken = 0
    for score, tied in groupby(sorted(scored, key=lambda each: -each[0]), key=lambda each: each[0]):
        truths = [truth for _, truth in tied]
        taken += len(truths)
        hits += sum(truths)
        value = 2 * hits / (taken + positives)
        if value > best:
            best, threshold = value, score
    return threshold


@dataclass(frozen=True, slots=True)
class Logistic:
    """A logistic regression: its score grows with the odds of a yes."""

    means: tuple[float, ...]
    scales: tuple[float, ...]
    weights: tuple[float, ...]
    """The first is the constant's."""

    def score(self, features: Sequence[float]) -> float:
        row = _standard(features, self.means, self.scales)
        return sum(weight * value for weight, value in zip(self.weights, row, strict=True))


def fit(rows: Sequence[Sequence[float]], truths: Sequence[bool]) -> Logistic:
    """By Newton's method (iteratively reweighted least squares) on standardised features."""
    columns = list(zip(*rows, strict=True))
    means = tuple(sum(column) / len(column) for column in columns)
    spreads = (
        sum((value - mean) ** 2 for value in column) / len(column)
        for column, mean in zip(columns, means, strict=True)
    )
    scales = tuple(spread**0.5 or 1.0 for spread in spreads)
    standard = [_standard(row, means, scales) for row in rows]
    weights = [0.0] * (len(means) + 1)
    for _ in range(_STEPS):
        step = _newton_step(standard, truths, weights)
        weights = [weight + change for weight, change in zip(weights, step, strict=True)]
        if max(map(abs, step)) < 1e-9:
            break
    return Logistic(means, scales, tuple(weights))


def _standard(
    features: Sequence[float], means: Sequence[float], scales: Sequence[float]
) -> list[float]:
    scaled = [(f - mean) / scale for f, mean, scale in zip(features, means, scales, strict=True)]
    return [1.0, *scaled]


def _newton_step(
    rows: Sequence[Sequence[float]], truths: Sequence[bool], weights: Sequence[float]
) -> list[float]:
    size = len(weights)
    gradient = [-_RIDGE * len(rows) * weight for weight in weights]
    hessian = [[_RIDGE * len(rows) * (i == j) for j in range(size)] for i in range(size)]
    for row, truth in zip(rows, truths, strict=True):
        logit = sum(weight * value for weight, value in zip(weights, row, strict=True))
        chance = 1 / (1 + exp(-min(max(logit, -_LOGIT_MAX), _LOGIT_MAX)))
        curvature = chance * (1 - chance)
        for i, value in enumerate(row):
            gradient[i] += (truth - chance) * value
            line = hessian[i]
            for j in range(i + 1):
                line[j] += curvature * value * row[j]
    for i in range(size):
        for j in range(i):
            hessian[j][i] = hessian[i][j]
    return _solve(hessian, gradient)


def _solve(matrix: list[list[float]], right: list[float]) -> list[float]:
    """Gauss–Jordan; the matrix is positive definite, so that no pivot is zero."""
    size = len(right)
    table = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    for i in range(size):
        pivot = table[i][i]
        table[i] = [value / pivot for value in table[i]]
        for j in range(size):
            if j != i:
                factor = table[j][i]
                table[j] = [a - factor * b for a, b in zip(table[j], table[i], strict=True)]
    return [row[-1] for row in table]
