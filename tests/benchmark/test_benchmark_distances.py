"""Distances of feature sets: published check values, independent implementations, and what must not matter."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pixel_metrics import FirstPixels, Frechet, Mmd

from vsd2m.benchmark.distances import feature_distances as distances
from vsd2m.benchmark.distances.extrapolation import infinite_frechet_distance
from vsd2m.benchmark.distances.feature_distances import FeatureSet
from vsd2m.benchmark.distances.frechet import frechet_distance, gaussian_distance
from vsd2m.benchmark.distances.mmd import polynomial_mmd
from vsd2m.benchmark.distances.moments import RunningMoments
from vsd2m.benchmark.metric import Weights
from vsd2m.benchmark.suite.clips import JudgedClip
from vsd2m.core.errors import EngineError
from vsd2m.networks.torchvision_cpu import allow_torchvision_beside_cpu_torch

JEDI_FIRST = np.arange(1, 10).reshape(3, 3)
JEDI_SECOND = np.array([[7, 6, 5], [4, 3, 2], [1, 1, 8], [0, 2, 5]])


def clips(seed: int, count: int, size: int = 4, shift: int = 0) -> list[JudgedClip]:
    pixels = np.random.default_rng(seed).integers(0, 200, (count, 1, 1, size, 3), np.uint8) + np.uint8(shift)
    return [JudgedClip(f"{seed}-{number}", frames, None) for number, frames in enumerate(pixels)]


def judged(metric_class, generated, real):
    metric = metric_class(Weights())
    metric.setup()
    for clip in generated:
        metric.update(clip)
    for clip in real:
        metric.update_reference(clip)
    return metric.compute(seed=0)


def test_a_shared_extractor_computes_each_clip_once_and_forgets_those_that_are_gone():
    seen = []

    class Counting(FirstPixels):
        def features(self, clip):
            seen.append(clip.name)
            return super().features(clip)

    extractor = Counting(Weights())
    kept, gone = clips(1, 2)
    first = extractor.vector(kept)
    assert extractor.vector(kept) is first and seen == ["1-0"]
    extractor.vector(gone)
    del gone
    for clip in clips(2, 50):  # some of them come to lie where the gone one was
        assert extractor.vector(clip).tolist() == clip.frames[0, 0, :, 0].tolist()
        del clip
    assert len(extractor._vectors) == 1


@pytest.mark.parametrize(("gamma", "published"), [(1.0, 2436.5), (None, 270.7)])
def test_the_polynomial_mmd_has_jedis_published_check_values(gamma, published):
    """A remark in JEDi's code gives 2436.5 for degree 3 and coef 1; the number is that of degree 2 and gamma 1."""
    assert polynomial_mmd(JEDI_FIRST, JEDI_SECOND, gamma=gamma) == pytest.approx(published, abs=0.05)


def test_the_polynomial_mmd_agrees_with_scikit_learns_kernel():
    pairwise = pytest.importorskip("sklearn.metrics.pairwise")
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(30, 7)), rng.normal(size=(20, 7)) + 0.5
    kernel = [pairwise.polynomial_kernel(a, b, 2, None, 0).mean() for a, b in ((x, x), (y, y), (x, y))]
    assert polynomial_mmd(x, y) == pytest.approx(kernel[0] + kernel[1] - 2 * kernel[2], rel=1e-12)


def test_the_unbiased_part_of_the_mmd_agrees_with_torchmetrics_kid():
    """KID leaves out the pairs of a vector with itself; put them back and both are the same number."""
    torch = pytest.importorskip("torch")
    allow_torchvision_beside_cpu_torch()
    from torchmetrics.image.kid import poly_mmd

    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(25, 6)), rng.normal(size=(25, 6)) + 0.4
    theirs = float(poly_mmd(torch.tensor(x), torch.tensor(y), degree=3, coef=1.0))
    kernels = [(a @ a.T / 6 + 1) ** 3 for a in (x, y)]
    own = sum(kernel.mean() - (kernel.sum() - np.trace(kernel)) / (25 * 24) for kernel in kernels)
    assert polynomial_mmd(x, y, degree=3, coef=1) == pytest.approx(theirs + own, rel=1e-6)


def test_the_frechet_distance_agrees_with_scipys_matrix_square_root():
    linalg = pytest.importorskip("scipy.linalg")
    rng = np.random.default_rng(2)
    a, b = rng.normal(size=(80, 9)) @ rng.normal(size=(9, 9)), rng.normal(size=(70, 9)) + 1
    one, two = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = linalg.sqrtm(one @ two).real
    expected = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(one + two - 2 * root)
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-9)


@given(st.integers(0, 1000), st.integers(2, 40), st.integers(1, 6))
def test_running_moments_are_those_of_the_whole_set(seed, count, size):
    vectors = np.random.default_rng(seed).normal(1e4, 1.0, (count, size))
    moments = RunningMoments()
    for vector in vectors:
        moments.update(vector)
    assert moments.mean == pytest.approx(vectors.mean(0), rel=1e-12)
    assert moments.covariance == pytest.approx(np.atleast_2d(np.cov(vectors, rowvar=False)), abs=1e-9)


def test_running_moments_do_not_grow():
    moments = RunningMoments()
    for vector in np.random.default_rng(0).normal(size=(500, 3)):
        moments.update(vector)
    assert sum(value.size for value in vars(moments).values() if isinstance(value, np.ndarray)) == 3 + 3 + 9


@settings(max_examples=20)
@given(st.randoms(use_true_random=False))
def test_scores_do_not_depend_on_the_order_of_the_clips(chance):
    generated, real = clips(1, 12), clips(2, 15)
    first = judged(Frechet, generated, real)
    chance.shuffle(generated)
    chance.shuffle(real)
    again = judged(Frechet, generated, real)
    assert again.value == pytest.approx(first.value, rel=1e-9)
    assert (again.low, again.high) == pytest.approx((first.low, first.high), rel=1e-9)


def test_beyond_the_number_of_clips_kept_the_distance_is_still_that_of_all(monkeypatch):
    generated, real = clips(1, 60), clips(2, 70)
    whole = judged(Frechet, generated, real)
    monkeypatch.setattr(distances, "MAX_KEPT", 30)
    bounded = judged(Frechet, generated, real)
    assert bounded.value == pytest.approx(whole.value, rel=1e-9)
    assert (bounded.num_clips, bounded.protocol["num_real"]) == (60, 70)
    assert bounded.low < bounded.value < bounded.high


def test_which_vectors_are_kept_does_not_depend_on_their_order(monkeypatch):
    monkeypatch.setattr(distances, "MAX_KEPT", 5)
    numbered = [np.full(2, number, np.float32) for number in range(40)]
    forwards, backwards = FeatureSet(), FeatureSet()
    for vector in numbered:
        forwards.add(vector)
    for vector in reversed(numbered):
        backwards.add(vector)
    assert len(forwards.vectors) == 5 and len(forwards) == 40
    assert forwards.vectors.tolist() == backwards.vectors.tolist()
    assert sorted(forwards.vectors[:, 0]) != list(range(5))


@pytest.mark.parametrize("metric_class", [Frechet, Mmd])
def test_distances_are_zero_on_the_same_set_and_grow_with_the_difference(metric_class):
    real = clips(1, 40)
    same = judged(metric_class, real, real)
    near, far = (judged(metric_class, clips(1, 40, shift=shift), real) for shift in (10, 50))
    assert same.value == pytest.approx(0, abs=1e-6)
    assert near.value < far.value
    assert far.low < far.value < far.high


@pytest.mark.parametrize("metric_class", [Frechet, Mmd])
def test_the_interval_of_a_distance_does_not_go_below_zero(metric_class):
    for count in (3, 5, 9):
        score = judged(metric_class, clips(1, count), clips(2, count))
        assert 0 <= score.low <= score.value <= score.high
    same = judged(metric_class, clips(1, 9), clips(1, 9))
    assert same.low == 0 <= same.value and same.high > 0


def test_extrapolation_takes_off_the_bias_of_few_samples():
    """Equal distributions: the plain distance is far from 0, the extrapolated one within a tenth of that."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(600, 30)), rng.normal(size=(600, 30))
    plain = frechet_distance(a, b)
    assert plain > 0.5
    assert abs(infinite_frechet_distance(a, b, seed=0)) < plain / 5


def test_extrapolation_keeps_the_true_distance():
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(800, 20)), 1.5 * rng.normal(size=(800, 20)) + 0.3
    true = gaussian_distance(np.zeros(20), np.eye(20), np.full(20, 0.3), 2.25 * np.eye(20))
    assert infinite_frechet_distance(a, b, seed=0) == pytest.approx(true, rel=0.1)


def test_extrapolation_from_too_few_samples_is_refused():
    rng = np.random.default_rng(2)
    assert np.isnan(infinite_frechet_distance(rng.normal(size=(79, 20)), rng.normal(size=(500, 20)), seed=0))


def test_the_metric_prints_a_hundred_times_the_mmd_as_jedi_does():
    generated, real = clips(1, 20), clips(2, 30)
    vectors = [np.array([clip.frames[0, 0, :4, 0] for clip in group], np.float32) for group in (generated, real)]
    assert judged(Mmd, generated, real).value == pytest.approx(100 * polynomial_mmd(*vectors), rel=1e-6)


@pytest.mark.parametrize("metric_class", [Frechet, Mmd])
def test_the_interval_of_clips_that_are_not_all_kept_is_narrowed_to_the_number_of_all(metric_class, monkeypatch):
    monkeypatch.setattr(distances, "MAX_KEPT", 15)
    metric = metric_class(Weights())
    for clip, real in zip(clips(1, 60), clips(2, 60, shift=50), strict=True):
        metric.update(clip)
        metric.update_reference(real)
    vectors = metric._generated.vectors, metric._real.vectors
    _, error = metric.errors(*vectors, metric.distance(*vectors), seed=0)
    score = metric.compute(seed=0)
    assert score.high - score.value == pytest.approx(error * (15 / 60) ** 0.5, rel=1e-6)


@pytest.mark.parametrize(("num_generated", "num_real"), [(8, 30), (30, 8)])
def test_where_only_one_set_is_kept_whole_the_distance_is_still_that_of_all(num_generated, num_real, monkeypatch):
    generated, real = clips(1, num_generated), clips(2, num_real)
    whole = judged(Frechet, generated, real).value
    monkeypatch.setattr(distances, "MAX_KEPT", 10)
    assert judged(Frechet, generated, real).value == pytest.approx(whole, rel=1e-9)


def test_a_clip_of_which_no_finite_number_is_seen_is_named():
    class Spoilt(FirstPixels):
        def features(self, clip):
            return np.array([1, np.inf, 0, 0], np.float32)

    metric = Frechet(Weights())
    metric.extractor = Spoilt(Weights())
    for feed in (metric.update, metric.update_reference):
        with pytest.raises(EngineError, match="frechet of 1-0 is not a finite number"):
            feed(clips(1, 1)[0])


@pytest.mark.parametrize("metric_class", [Frechet, Mmd])
def test_of_too_few_clips_there_is_no_interval_and_of_none_no_distance(metric_class):
    for num_generated, num_real in ((2, 9), (9, 2)):
        score = judged(metric_class, clips(1, num_generated), clips(2, num_real))
        assert np.isnan(score.low) and np.isnan(score.high) and np.isfinite(score.value)
    for num_generated, num_real in ((0, 9), (9, 0)):
        assert np.isnan(judged(metric_class, clips(1, num_generated), clips(2, num_real)).value)


def test_the_distance_of_what_is_not_a_number_is_none():
    nothing = np.full(2, np.nan)
    assert np.isnan(gaussian_distance(nothing, np.eye(2), np.zeros(2), np.eye(2)))
    assert gaussian_distance(np.zeros(2), np.eye(2), np.zeros(2), np.eye(2)) == pytest.approx(0, abs=1e-12)


def test_of_single_vectors_there_is_no_frechet_distance():
    pair = np.array([[0.0, 1.0], [1.0, 3.0]])
    assert np.isnan(frechet_distance(pair[:1], pair)) and np.isnan(frechet_distance(pair, pair[:1]))
    assert np.isfinite(frechet_distance(pair, pair + 1))


def test_extrapolation_is_repeatable_by_its_seed_and_takes_subsets_at_random():
    rng = np.random.default_rng(3)
    a, b = (np.sort(rng.normal(size=(400, 5)), axis=0) for _ in range(2))
    first = infinite_frechet_distance(a, b, seed=0)
    assert infinite_frechet_distance(a, b, seed=0) == first != infinite_frechet_distance(a, b, seed=1)
    shuffled = infinite_frechet_distance(rng.permutation(a), rng.permutation(b), seed=0)
    assert first == pytest.approx(shuffled, abs=0.1)


def test_extrapolation_begins_with_four_vectors_a_dimension_in_either_set():
    rng = np.random.default_rng(2)
    enough, few = rng.normal(size=(80, 20)), rng.normal(size=(79, 20))
    assert np.isfinite(infinite_frechet_distance(enough, enough, seed=0))
    assert np.isnan(infinite_frechet_distance(enough, few, seed=0))


def test_moments_are_packed_whole_at_any_number_of_vectors():
    vectors = np.random.default_rng(0).normal(5, 1, (150, 3))
    for number in (2, 63, 64, 65, 128, 150):
        moments = RunningMoments()
        for vector in vectors[:number]:
            moments.update(vector)
        again = RunningMoments.unpacked(moments.packed())
        assert again.num_vectors == number
        assert again.mean == pytest.approx(vectors[:number].mean(0), rel=1e-12)
        assert again.covariance == pytest.approx(np.cov(vectors[:number], rowvar=False), abs=1e-9)
    assert RunningMoments.unpacked(RunningMoments().packed()).num_vectors == 0


def test_moments_that_were_merged_into_nothing_do_not_change_with_where_they_came_from():
    first, empty = RunningMoments(), RunningMoments()
    vectors = np.random.default_rng(0).normal(5, 1, (70, 3))
    for vector in vectors[:69]:
        first.update(vector)
    empty.merge(first)
    first.update(vectors[69])
    assert empty.num_vectors == 69 and empty.mean == pytest.approx(vectors[:69].mean(0), rel=1e-12)
    assert empty.covariance == pytest.approx(np.cov(vectors[:69], rowvar=False), abs=1e-9)
