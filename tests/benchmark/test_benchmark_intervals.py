"""How wide intervals are, against formulas that are known; and the two halves of the real stickers."""

from types import SimpleNamespace

import numpy as np
import pytest
from pixel_metrics import Frechet

from vsd2m.benchmark.metric import Weights, bootstrap_of_mean, wilson
from vsd2m.benchmark.suite.real_set import RealSet

STUDENT_38 = 2.0244
"""97.5 % of Student's distribution with 2 x 19 degrees of freedom."""


class MeanDifference(Frechet):
    """A linear distance, of which the jackknife's error is the textbook's."""

    def distance(self, generated, real):
        return float(generated.mean() - real.mean())


def standard_error(*sides):
    return sum(side.var(ddof=1) / len(side) for side in sides) ** 0.5


def test_a_distances_interval_is_as_wide_as_students():
    rng = np.random.default_rng(0)
    a, b = rng.normal(5, 1, (20, 1)), rng.normal(0, 2, (20, 1))
    low, high = MeanDifference(Weights()).errors(a, b, 5.0, seed=0)
    assert high == -low == pytest.approx(STUDENT_38 * standard_error(a, b), rel=0.01)


def test_a_scores_interval_is_the_distance_with_its_error_to_either_side():
    rng = np.random.default_rng(0)
    metric = MeanDifference(Weights())
    a, b = (rng.normal(mean, 1, (20, 4)).astype(np.float32) for mean in (9, 0))
    for vectors, features in ((a, metric._generated), (b, metric._real)):
        for vector in vectors:
            features.add(vector)
    score = metric.compute(seed=0)
    error = STUDENT_38 * standard_error(a.mean(axis=1), b.mean(axis=1))
    assert score.high - score.value == pytest.approx(error, rel=0.01)
    assert score.value - score.low == pytest.approx(error, rel=0.01)


def test_a_means_interval_is_as_wide_as_the_normal_distributions():
    values = np.random.default_rng(0).normal(3, 2, 500)
    low, high = bootstrap_of_mean(values, seed=0)
    assert high - low == pytest.approx(2 * 1.96 * standard_error(values), rel=0.08)


def test_wilsons_interval_of_five_in_ten_is_the_published_one():
    assert wilson(0.5, 10) == pytest.approx((0.2366, 0.7634), abs=1e-4)


def test_no_sticker_is_in_both_halves_and_every_one_is_in_one():
    stickers = [SimpleNamespace(key=f"{number:03d}", name=f"{number}") for number in range(20)]
    real = RealSet(stickers, 10)
    halves = [[sticker.key for sticker in half] for half in (real.yardstick, real.references)]
    assert [len(set(half)) for half in halves] == [10, 10] and set(halves[0]).isdisjoint(halves[1])
