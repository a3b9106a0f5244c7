"""Every metric of what happens in time puts made clips into the order of what is wrong with them."""

import numpy as np
import pytest
from benchmark_builders import write_frames, write_shards

from vsd2m.benchmark.config import BenchmarkConfig
from vsd2m.benchmark.extractors.efficientnet_lite0_motion import EfficientNetLite0Motion
from vsd2m.benchmark.metric import Weights
from vsd2m.benchmark.metrics.flicker import Flicker
from vsd2m.benchmark.metrics.frozen_share import FrozenShare
from vsd2m.benchmark.metrics.loop_closure import LoopClosure
from vsd2m.benchmark.metrics.motion_amount import MotionAmount
from vsd2m.benchmark.runner import run_benchmark
from vsd2m.benchmark.suite.clips import JudgedClip

SIDE = 128
SHUFFLED = [0, 4, 1, 5, 2, 7, 3, 6]


def ground(texture: str) -> np.ndarray:
    """White, or paper with a grain of the size of 2 pixels."""
    if texture == "white":
        return np.full((SIDE, SIDE, 3), 255, np.uint8)
    grain = np.random.default_rng(0).integers(120, 250, (SIDE // 2, SIDE // 2, 1), np.uint8)
    return np.repeat(grain.repeat(2, axis=0).repeat(2, axis=1), 3, axis=2)


def circling(speed: int, texture: str = "white") -> np.ndarray:
    """A square of 28 pixels once round a circle in 8 frames, `speed` its radius: a seamless loop."""
    frames = np.repeat(ground(texture)[None], 8, axis=0)
    for number, frame in enumerate(frames):
        angle = 2 * np.pi * number / 8
        top, left = round(50 + speed * np.sin(angle)), round(50 + speed * np.cos(angle))
        frame[top : top + 28, left : left + 28] = (20, 60, 160)
    return frames


def sliding(speed: int, texture: str = "white") -> np.ndarray:
    """The square from left to right, `speed` pixels a frame: it jumps back at the loop's end."""
    frames = np.repeat(ground(texture)[None], 8, axis=0)
    for number, frame in enumerate(frames):
        frame[50:78, 4 + speed * number : 32 + speed * number] = 0
    return frames


def flickering(frames: np.ndarray, level: float = 0.9) -> np.ndarray:
    dark = frames.copy()
    dark[1::2] = (dark[1::2] * level).astype(np.uint8)
    return dark


def still(frames: np.ndarray) -> np.ndarray:
    return np.repeat(frames[:1], len(frames), axis=0)


def measured(metric, frames: np.ndarray) -> float:
    return metric(Weights()).measure(JudgedClip("x", np.ascontiguousarray(frames), None))


@pytest.mark.parametrize("texture", ["white", "paper"])
@pytest.mark.parametrize("speed", [2, 4, 8])
@pytest.mark.parametrize("motion", [circling, sliding])
def test_smooth_motion_of_any_speed_and_direction_flickers_less_than_a_brightness_that_flickers(motion, speed, texture):
    frames = motion(speed, texture)
    smooth = measured(Flicker, frames)
    assert smooth < 0.002 and measured(Flicker, frames[::-1]) == pytest.approx(smooth, abs=1e-4)
    faint, strong = (measured(Flicker, flickering(frames, level)) for level in (0.97, 0.9))
    assert 3 * smooth < faint < strong < measured(Flicker, still(frames)) == 1


@pytest.mark.parametrize("speed", [8, 12])
def test_shuffled_frames_flicker_more_than_the_same_frames_in_order(speed):
    for motion in (circling, sliding):
        frames = motion(speed)
        assert measured(Flicker, frames[SHUFFLED]) > 3 * measured(Flicker, frames)


def test_noise_flickers_more_than_a_smooth_clip_with_little_noise():
    chance = np.random.default_rng(1)
    frames = circling(6)
    grainy = np.clip(frames + chance.normal(0, 8, frames.shape), 0, 255).astype(np.uint8)
    noise = chance.integers(0, 256, frames.shape, np.uint8)
    assert measured(Flicker, frames) < measured(Flicker, grainy) < measured(Flicker, noise) / 3


@pytest.mark.parametrize("texture", ["white", "paper"])
@pytest.mark.parametrize("speed", [2, 4, 8, 12])
def test_a_jump_at_the_loops_end_is_seen_at_any_speed_and_a_frozen_clip_is_the_worst(speed, texture):
    loop = circling(speed, texture)
    for seamless in (loop, loop[::-1], flickering(loop), loop[[*range(8), *range(8)]]):
        assert measured(LoopClosure, seamless) < 0.02
    for jumping in (np.concatenate([loop[:7], loop[3:4]]), sliding(speed, texture), sliding(speed, texture)[::-1]):
        assert 0.25 < measured(LoopClosure, jumping) < measured(LoopClosure, still(loop)) == 1
    assert measured(LoopClosure, loop[[0, 1, 2, 3, 4, 4, 4, 4]]) > 0.25  # stops, and starts again elsewhere


@pytest.mark.parametrize("frames", [sliding(12), circling(8), flickering(circling(8)), circling(8)[[0, 4]]])
def test_frames_that_are_shown_longer_change_neither_flicker_nor_loop(frames):
    """A clip of few frames, cut to more, shows each several times, and must not gain by that."""
    for metric in (Flicker, LoopClosure):
        assert measured(metric, frames.repeat(3, axis=0)) == pytest.approx(measured(metric, frames))


def test_a_loop_of_two_frames_is_seamless_and_two_pictures_in_turn_flicker():
    assert measured(LoopClosure, circling(8)[[0, 0, 0, 0, 4, 4, 4, 4]]) == 0
    assert measured(Flicker, flickering(still(circling(8)))[[0, 0, 0, 1, 1, 1]]) > 0.05


def test_motion_grows_with_the_speed_from_none_of_a_still():
    speeds = [measured(MotionAmount, sliding(speed)) for speed in (1, 2, 4, 8)]
    assert 0 == measured(MotionAmount, still(sliding(2))) < speeds[0] and speeds == sorted(speeds)
    assert measured(MotionAmount, sliding(4)[::-1]) == pytest.approx(speeds[2])
    assert measured(MotionAmount, sliding(4)[SHUFFLED]) > speeds[2]


def test_only_what_does_not_move_is_frozen():
    moving = circling(4)
    blinking = still(moving)
    blinking[3, 60:63, 60:63] = 255  # nine pixels for one frame
    for frames in (moving, moving[::-1], moving[SHUFFLED], flickering(moving), sliding(1), blinking):
        assert measured(FrozenShare, frames) == 0
    compressed = still(moving).astype(int) + np.random.default_rng(0).integers(-2, 3, moving.shape)
    for frames in (still(moving), moving[:1], np.clip(compressed, 0, 255).astype(np.uint8)):
        assert measured(FrozenShare, frames) == 1


def test_features_of_motion_are_none_of_a_still_the_same_backwards_and_more_of_larger_steps():
    """What is compared between sets; one clip's flicker and disorder are hardly seen in it (docs/metrics.md)."""
    pytest.importorskip("timm", reason="needs the benchmark extra")
    extractor = EfficientNetLite0Motion(Weights())
    extractor.load()

    def features(frames):
        return extractor.features(JudgedClip("x", np.ascontiguousarray(frames), None))

    smooth = features(circling(4))
    assert features(circling(4)[::-1]) == pytest.approx(smooth, abs=1e-4)
    assert features(still(circling(4))) == pytest.approx(0, abs=1e-4)
    speeds = [features(sliding(speed)).mean() for speed in (1, 4, 12)]
    assert speeds[0] > 0 and speeds == sorted(speeds)


def test_a_model_that_freezes_nearly_always_is_the_worst_wherever_models_are_ranked(tmp_path):
    """20 clips each: one model draws all of them well, the other is frozen in 18; both are judged on all 20."""
    shards = write_shards(tmp_path / "shards", num_stickers=50, splits=("vsd_c",))
    clips = [circling(2 + number % 5) for number in range(20)]
    for number, frames in enumerate(clips):
        write_frames(tmp_path / "moving" / f"{number:02d}.png", frames)
        write_frames(tmp_path / "frozen" / f"{number:02d}.png", frames if number < 2 else still(frames))
    config = BenchmarkConfig(
        shards=shards,
        splits=("vsd_c",),
        generated={name: str(tmp_path / name) for name in ("moving", "frozen")},
        metrics=("frozen_share", "flicker", "loop_closure", "motion_amount"),
        size=64,
    )
    scores = run_benchmark(config, str(tmp_path / "out")).scores
    assert {score.num_clips for name in ("moving", "frozen") for score in scores[name]} == {20}
    assert scores["frozen"][0].value == 0.9
    for moving, frozen in zip(scores["moving"], scores["frozen"], strict=True):
        if moving.better == "lower":
            assert moving.high < frozen.low, moving.metric
