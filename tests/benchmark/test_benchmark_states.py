"""What metrics keep: reset, merged, synchronised between processes; and what their intervals are worth."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pixel_metrics import FirstPixels, Frechet, Mmd

from vsd2m.benchmark.distances.feature_distances import FrechetMetric
from vsd2m.benchmark.distances.frechet import gaussian_distance
from vsd2m.benchmark.distances.moments import RunningMoments
from vsd2m.benchmark.metric import Weights
from vsd2m.benchmark.metrics.clip_retrieval import ClipRetrieval
from vsd2m.benchmark.metrics.flicker import Flicker
from vsd2m.benchmark.metrics.frame_blur import FrameBlur, blur_of
from vsd2m.benchmark.metrics.frame_noise import FrameNoise
from vsd2m.benchmark.metrics.fvd_infinite import FvdInfinite
from vsd2m.benchmark.metrics.motion_amount import MotionAmount
from vsd2m.benchmark.selfcheck.stand_ins import moving_clip
from vsd2m.benchmark.suite.clips import JudgedClip
from vsd2m.core.errors import ConfigError
from vsd2m.networks.torchvision_cpu import allow_torchvision_beside_cpu_torch


def noise(seed: int, count: int) -> list[JudgedClip]:
    pixels = np.random.default_rng(seed).integers(0, 256, (count, 3, 6, 6, 3), np.uint8)
    return [JudgedClip(f"{seed}-{number}", frames, None) for number, frames in enumerate(pixels)]


def fed(metric, generated, real=()):
    for clip in generated:
        metric.update(clip)
    for clip in real:
        metric.update_reference(clip)
    return metric


@pytest.mark.parametrize("kind", [Frechet, Mmd, Flicker, MotionAmount])
@settings(max_examples=10)
@given(st.integers(0, 30), st.integers(0, 30))
def test_metrics_that_share_the_clips_between_them_and_are_merged_score_as_one(kind, cut, other_cut):
    generated, real = noise(1, 30), noise(2, 30)
    whole = fed(kind(Weights()), generated, real).compute(seed=0)
    first = fed(kind(Weights()), generated[:cut], real[other_cut:])
    first.merge_state(fed(kind(Weights()), generated[cut:], real[:other_cut]))
    merged = first.compute(seed=0)
    assert (merged.value, merged.low, merged.high) == pytest.approx((whole.value, whole.low, whole.high), rel=1e-9)
    assert merged.num_clips == whole.num_clips and merged.protocol == whole.protocol


@pytest.mark.parametrize("kind", [Frechet, Mmd, Flicker])
def test_a_metric_that_was_reset_knows_nothing_of_before(kind):
    used = fed(kind(Weights()), noise(5, 9), noise(6, 9))
    used.reset()
    again = fed(used, noise(1, 12), noise(2, 12)).compute(seed=0)
    assert again == fed(kind(Weights()), noise(1, 12), noise(2, 12)).compute(seed=0)


def test_only_metrics_of_one_kind_are_merged():
    for one, two in ((Frechet, Mmd), (Flicker, MotionAmount), (ClipRetrieval, Flicker)):
        with pytest.raises(ConfigError, match="cannot be merged with"):
            one(Weights()).merge_state(two(Weights()))


def test_merged_moments_are_those_of_all_vectors_far_from_zero_and_in_blocks():
    vectors = np.random.default_rng(0).normal(1e4, 1.0, (300, 5))
    first, second = RunningMoments(), RunningMoments()
    for number, vector in enumerate(vectors):
        (first if number < 130 else second).update(vector)
    second.merge(RunningMoments())
    empty = RunningMoments()
    empty.merge(second)
    first.merge(empty)
    assert first.mean == pytest.approx(vectors.mean(0), rel=1e-12)
    assert first.covariance == pytest.approx(np.cov(vectors, rowvar=False), abs=1e-8)
    assert empty.num_vectors == second.num_vectors == 170


def torchmetric(kind, **options):
    pytest.importorskip("torch")
    allow_torchvision_beside_cpu_torch()
    from vsd2m.benchmark.torchmetric import FrechetOverClips, MeanOverClips

    return (FrechetOverClips if issubclass(kind, FrechetMetric) else MeanOverClips)(kind(Weights()), **options)


def test_torchmetrics_classes_give_our_values_and_can_be_reset_and_merged():
    generated, real = noise(1, 40), noise(2, 30)
    expected = fed(Frechet(Weights()), generated, real).compute(seed=0).value
    one, two = torchmetric(Frechet), torchmetric(Frechet)
    one.update(generated[:25], real=False)
    two.update(generated[25:], real=False)
    two.update(real, real=True)
    one.merge_state(two)  # before the first compute, whose result torchmetrics keeps until the next update
    assert float(one.compute()) == pytest.approx(expected, rel=1e-6)
    one.reset()
    one.update(generated, real=False)
    one.update(generated, real=True)
    assert float(one.compute()) == pytest.approx(0, abs=1e-6)
    mean = torchmetric(Flicker)
    mean.update(generated)
    assert float(mean.compute()) == pytest.approx(fed(Flicker(Weights()), generated).compute(seed=0).value)


@pytest.mark.parametrize("kind", [Frechet, Flicker])
def test_processes_with_unequal_shares_compute_the_value_of_all_clips(kind):
    """torchmetrics asks for each state of every process in turn; here the other process answers from its own."""
    generated, real = noise(1, 40), noise(2, 30)
    there = torchmetric(kind)
    states = (getattr(there, name) for name in there._reductions)
    options = {"dist_sync_fn": lambda here, group=None: [here, next(states)], "distributed_available_fn": lambda: True}
    here = torchmetric(kind, **options)
    for metric, part, real_part in ((here, generated[:13], real[:20]), (there, generated[13:], real[20:])):
        if kind is Frechet:
            metric.update(part, real=False)
            metric.update(real_part, real=True)
        else:
            metric.update(part)
    expected = fed(kind(Weights()), generated, real if kind is Frechet else ()).compute(seed=0).value
    assert float(here.compute()) == pytest.approx(expected, rel=1e-6)


class FarPixels(FirstPixels):
    """Far from 0 with little between them: sums of products that are not centred lose all of their difference."""

    def features(self, clip):
        return np.float32(1e4) + super().features(clip) * np.float32(2**-10)


class FarFrechet(FrechetMetric):
    name = "far_frechet"
    extractor_name = f"{__name__}:FarPixels"


def test_features_far_from_zero_keep_their_covariance_in_torchmetrics_class():
    generated, real = noise(1, 40), noise(2, 30)
    one, two = torchmetric(FarFrechet), torchmetric(FarFrechet)
    one.update(generated[:11], real=False)
    one.update(real[:7], real=True)
    two.update(generated[11:], real=False)
    two.update(real[7:], real=True)
    one.merge_state(two)
    sides = [np.stack([one.metric.extractor.vector(clip) for clip in side]) for side in (generated, real)]
    assert {vectors.dtype for vectors in sides} == {np.dtype(np.float32)}
    exact = [vectors.astype(np.float64) for vectors in sides]
    expected = [m for vectors in exact for m in (vectors.mean(0), np.cov(vectors, rowvar=False))]
    assert float(one.compute()) == pytest.approx(gaussian_distance(*expected), rel=1e-6)


def test_a_metric_by_name_is_loaded_or_says_what_it_needs():
    pytest.importorskip("torch")
    allow_torchvision_beside_cpu_torch()
    from vsd2m.benchmark.torchmetric import as_torchmetric

    assert as_torchmetric("flicker", Weights()).metric.name == "flicker"
    for name, message in (
        ("fvd", "i3d_torchscript"),
        ("flickr", "unknown metric 'flickr' .did you mean 'flicker'"),
        ("pixel_metrics:FirstPixels", "is not a metric"),
        ("mmd_efficientnet_lite0", "not available as a torchmetrics metric"),
    ):
        with pytest.raises(ConfigError, match=message):
            as_torchmetric(name, Weights())


@pytest.mark.parametrize(
    ("size", "count", "kind"), [(16, 50, Frechet), (16, 200, Frechet), (40, 60, Frechet), (16, 60, Mmd)]
)
def test_the_interval_of_a_distance_holds_its_expected_value_about_95_times_of_100(size, count, kind):
    """Two Gaussians that differ; at N about D, where a bootstrap interval would hold it almost never."""
    rng = np.random.default_rng(0)
    metric = kind(Weights())
    found = []
    for _ in range(40):
        a, b = rng.normal(size=(count, size)), 1.2 * rng.normal(size=(count, size)) + 0.3
        value = metric.distance(a, b)
        found.append((value, metric.errors(a, b, value, seed=0)[1]))
    values, errors = np.array(found).T
    assert 0.85 <= (np.abs(values - values.mean()) <= errors).mean() <= 1
    assert np.std(values) < np.mean(errors) / 2.02 < 2 * np.std(values)


def test_the_interval_of_the_extrapolated_distance_holds_the_true_distance():
    rng = np.random.default_rng(0)
    metric = FvdInfinite(Weights())
    hits = 0
    for trial in range(12):
        a, b = rng.normal(size=(64, 8)), 1.2 * rng.normal(size=(64, 8)) + 0.3
        value = metric.distance(a, b)
        low, high = metric.errors(a, b, value, seed=trial)
        hits += value + low <= 8 * 0.3**2 + 8 * 0.2**2 <= value + high
    assert hits >= 10


def test_blur_and_noise_grow_with_the_blur_and_the_noise_and_flat_frames_are_the_most_blurred():
    from PIL import Image, ImageFilter

    sharp = moving_clip(0, num_frames=2, height=96, width=96)
    blurs, noises = [], []
    for strength in (0, 1, 2, 4):
        soft = [np.asarray(Image.fromarray(f).filter(ImageFilter.GaussianBlur(strength))) for f in sharp.frames]
        blurs.append(FrameBlur(Weights()).measure(JudgedClip("x", np.stack(soft), None)))
        grain = np.random.default_rng(0).normal(0, 3 * strength, sharp.frames.shape)
        noises.append(
            FrameNoise(Weights()).measure(JudgedClip("x", np.clip(sharp.frames + grain, 0, 255).astype(np.uint8), None))
        )
    assert blurs == sorted(blurs) and noises == sorted(noises)
    assert blur_of(np.full((30, 30), 7.0)) == 1
    half_blank = np.stack([sharp.frames[0], np.zeros_like(sharp.frames[0])])
    assert FrameBlur(Weights()).measure(JudgedClip("x", half_blank, None)) == pytest.approx(
        (blurs[0] + 1) / 2, abs=0.02
    )


def test_the_noise_is_that_which_was_added():
    grain = np.random.default_rng(0).normal(127, 12, (2, 80, 80, 3)).clip(0, 255).astype(np.uint8)
    assert FrameNoise(Weights()).measure(JudgedClip("x", grain, None)) == pytest.approx(12 / 255, rel=0.03)
