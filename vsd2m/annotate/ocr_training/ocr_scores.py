"""Accuracy of reading lines: the share of lines without errors, and the character error rate, with intervals.

N lines, R resamples.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A value and its 95 % percentile bootstrap interval over lines."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Comparison:
    """Two recognisers on the same lines; the differences (after - before) are paired."""

    num_lines: int
    accuracy_before: Estimate
    accuracy_after: Estimate
    accuracy_difference: Estimate
    error_rate_before: Estimate
    error_rate_after: Estimate
    error_rate_difference: Estimate


@dataclass(frozen=True)
class Readings:
    """Per line [N]: its number of characters, the edit distance of the reading, and whether they are equal."""

    num_characters: Floats
    num_edits: Floats
    is_right: Floats


def count_faults(truths: Sequence[str], readings: Sequence[str]) -> Readings:
    """Compares readings with the truth, ignoring spaces, like PaddleOCR's metric (`ignore_space`)."""
    from rapidfuzz.distance import Levenshtein

    pairs = [("".join(a.split()), "".join(b.split())) for a, b in zip(truths, readings, strict=True)]
    edits = np.array([Levenshtein.distance(truth, reading) for truth, reading in pairs], np.float64)
    return Readings(np.array([len(truth) for truth, _ in pairs], np.float64), edits, (edits == 0).astype(np.float64))


def compare(before: Readings, after: Readings, *, num_resamples: int, seed: int) -> Comparison:
    """Accuracy and error rate of both and their differences; lines are resampled, the same for both."""
    num_lines = len(before.is_right)
    chance = np.random.default_rng(seed)
    draws = chance.multinomial(num_lines, np.full(num_lines, 1 / num_lines), size=num_resamples)
    weights = np.vstack([np.ones(num_lines), draws])
    accuracies = [_mean(weights, each.is_right, np.ones(num_lines)) for each in (before, after)]
    rates = [_mean(weights, each.num_edits, each.num_characters) for each in (before, after)]
    return Comparison(
        num_lines,
        *(_estimate(values) for values in (*accuracies, accuracies[1] - accuracies[0])),
        *(_estimate(values) for values in (*rates, rates[1] - rates[0])),
    )


def _mean(weights: Floats, parts: Floats, wholes: Floats) -> Floats:
    """[1 + R]: the ratio of the sums, first of all lines, then of every resample."""
    return np.asarray((weights @ parts) / np.maximum(weights @ wholes, 1))


def _estimate(values: Floats) -> Estimate:
    low, high = np.quantile(values[1:], [0.025, 0.975])
    return Estimate(*(round(float(value), 4) for value in (values[0], low, high)))
