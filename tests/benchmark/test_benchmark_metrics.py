"""Numbers against arithmetic that is known, and against independent implementations."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vsd2m.benchmark.distances.frechet import frechet_distance, gaussian_distance
from vsd2m.benchmark.metric import Weights, bootstrap_of_mean, wilson
from vsd2m.benchmark.metrics.flicker import Flicker
from vsd2m.benchmark.metrics.frozen_share import FrozenShare
from vsd2m.benchmark.metrics.loop_closure import LoopClosure
from vsd2m.benchmark.metrics.motion_amount import MotionAmount
from vsd2m.benchmark.suite.clips import JudgedClip
from vsd2m.benchmark.suite.frame_rules import FRAME_RULES
from vsd2m.networks.torchvision_cpu import allow_torchvision_beside_cpu_torch


def clip(frames) -> JudgedClip:
    return JudgedClip("x", np.asarray(frames, np.uint8), None)


def ramp(levels) -> JudgedClip:
    """Flat grey frames of the given levels."""
    return clip([np.full((4, 4, 3), level) for level in levels])


def measured(metric, judged) -> float | None:
    return metric(Weights()).measure(judged)


def test_the_distance_of_gaussians_is_the_closed_form():
    """Diagonal covariances commute: d^2 = |m1 - m2|^2 + sum (s1 - s2)^2."""
    rng = np.random.default_rng(0)
    m1, m2, s1, s2 = (rng.uniform(0.1, 3, 20) for _ in range(4))
    expected = ((m1 - m2) ** 2).sum() + ((s1 - s2) ** 2).sum()
    assert gaussian_distance(m1, np.diag(s1**2), m2, np.diag(s2**2)) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("num_first", "num_second", "size"), [(300, 200, 12), (9, 14, 64)])
def test_the_distance_agrees_with_torchmetrics(num_first, num_second, size):
    """torchmetrics' FID update, from its own sums; full rank and rank-deficient covariances."""
    torch = pytest.importorskip("torch")
    allow_torchvision_beside_cpu_torch()
    from torchmetrics.image.fid import _compute_fid

    rng = np.random.default_rng(1)
    a = rng.normal(size=(num_first, size)) @ rng.normal(size=(size, size))
    b = rng.normal(size=(num_second, size)) + 0.3
    moments = [(torch.tensor(x.mean(0)), torch.tensor(np.cov(x, rowvar=False))) for x in (a, b)]
    expected = float(_compute_fid(*moments[0], *moments[1]))
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-5)


@given(st.integers(0, 100))
def test_the_distance_is_symmetric_zero_on_itself_and_blind_to_order(seed):
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(8, 5)), rng.normal(size=(11, 5))
    assert frechet_distance(a, b) == pytest.approx(frechet_distance(b, a), abs=1e-9)
    assert frechet_distance(a, rng.permutation(a)) == pytest.approx(0, abs=1e-6)
    assert frechet_distance(a, b) > 0


def test_the_distance_of_finite_samples_has_the_known_bias():
    """Unit Gaussians, d = 400, N = 500: 161 (measured before, independently); an FVD without its count says nothing."""
    rng = np.random.default_rng(3)
    value = frechet_distance(rng.normal(size=(500, 400)), rng.normal(size=(500, 400)))
    assert value == pytest.approx(161, rel=0.03)


def test_motion_is_the_mean_change():
    assert measured(MotionAmount, ramp([0, 51, 0])) == pytest.approx(0.2)
    assert measured(MotionAmount, ramp([7, 7, 7])) == 0
    assert measured(MotionAmount, ramp([7])) == 0


def test_flicker_is_what_differs_from_the_frames_before_and_after():
    assert measured(Flicker, ramp([0, 255] * 4)) == pytest.approx(1)
    assert measured(Flicker, ramp([100, 151, 100, 100, 100])) == pytest.approx(51 / 255 / 3)
    assert measured(Flicker, ramp([0, 100, 108, 255, 8])) == pytest.approx((8 + 8 + 8 + 147 + 8) / 255 / 5)
    assert measured(Flicker, ramp([5, 5, 5])) == measured(Flicker, ramp([5])) == 1


def test_loop_closure_is_the_share_of_the_jump_that_no_step_explains():
    assert measured(LoopClosure, ramp([0, 10, 20, 10])) == 0
    assert measured(LoopClosure, ramp([0, 10, 20, 30])) == pytest.approx(1 - 10 / 30)
    assert measured(LoopClosure, ramp([0, 10, 0])) == 0
    assert measured(LoopClosure, ramp([5, 5, 5])) == measured(LoopClosure, ramp([5])) == 1


@given(st.integers(1, 40))
def test_every_frame_rule_gives_its_number_of_frames_and_none_that_is_not_there(num_frames):
    for name, rule in FRAME_RULES.items():
        indices = rule(num_frames)
        assert len(indices) == (8 if name == "spread8" else 16)
        assert indices.min() >= 0 and indices.max() < num_frames


def test_the_frame_rules_are_what_their_names_say():
    assert FRAME_RULES["loop16"](5).tolist() == [0, 1, 2, 3, 4] * 3 + [0]
    assert FRAME_RULES["pingpong16"](4).tolist() == [0, 1, 2, 3, 2, 1, 0, 1, 2, 3, 2, 1, 0, 1, 2, 3]
    assert FRAME_RULES["repeat16"](8).tolist() == [i // 2 for i in range(16)]
    assert FRAME_RULES["spread8"](15).tolist() == list(range(0, 15, 2))


def test_wilsons_interval_holds_a_small_share_95_times_of_100_where_a_bootstrap_does_not():
    """Share .02 of 64 clips: more than a quarter of all sets have no hit, or too few to say anything by resampling."""
    rng = np.random.default_rng(0)
    hits = {wilson: 0, bootstrap_of_mean: 0}
    for trial in range(400):
        drawn = np.sort((rng.random(64) < 0.02).astype(float))
        for low, high, interval in ((*wilson(drawn.mean(), 64), wilson),
                                    (*bootstrap_of_mean(drawn, seed=trial), bootstrap_of_mean)):  # fmt: skip
            hits[interval] += low <= 0.02 <= high
    assert hits[bootstrap_of_mean] < 300 and 370 <= hits[wilson] <= 400


def test_wilsons_interval_agrees_with_scipys():
    stats = pytest.importorskip("scipy.stats")
    for num_hits, num_clips in ((0, 5), (3, 64), (64, 64), (500, 1000)):
        theirs = stats.binomtest(num_hits, num_clips).proportion_ci(method="wilson")
        assert wilson(num_hits / num_clips, num_clips) == pytest.approx((theirs.low, theirs.high), abs=1e-6)
    assert np.isnan(wilson(float("nan"), 0)).all()


def test_shares_of_clips_have_wilsons_interval():
    metric = FrozenShare(Weights())
    for level in (0, 50, 100, 100):
        metric.update(JudgedClip("x", np.stack([np.zeros((8, 8, 3), np.uint8), np.full((8, 8, 3), level)]), None))
    score = metric.compute(seed=0)
    assert score.value == 0.25 and (score.low, score.high) == wilson(0.25, 4)


def test_the_interval_covers_the_mean_of_its_distribution_about_95_times_of_100():
    rng = np.random.default_rng(5)
    hits = 0
    for trial in range(200):
        low, high = bootstrap_of_mean(rng.exponential(1.0, 60), seed=trial)
        hits += low <= 1.0 <= high
    assert 176 <= hits <= 199
