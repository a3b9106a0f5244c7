from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vsd2m.media.clip import played
from vsd2m.media.frame_indices import (
    flatten,
    flip_indices,
    linspace_indices,
    middle_indices,
    repeat_indices,
    resize,
    time_indices,
    uniform_indices,
)

counts = st.integers(1, 60)


@given(counts, counts)
def test_the_flip_is_the_papers_loop(num_in, num_out):
    frames = list(range(num_in))
    while len(frames) < num_out and num_in > 1:
        frames += frames[::-1][1:]
    expected = (frames if num_in > 1 else [0] * num_out)[:num_out]
    assert flip_indices(num_in, num_out).tolist() == expected


@given(st.integers(2, 60), counts)
def test_the_flip_never_jumps(num_in, num_out):
    assert set(np.abs(np.diff(flip_indices(num_in, num_out))).tolist()) <= {1}


@given(counts, st.integers(2, 60))
def test_linspace_takes_both_ends_in_equal_steps(num_in, num_out):
    indices = linspace_indices(num_in, num_out)
    assert (indices[0], indices[-1], len(indices)) == (0, num_in - 1, num_out)
    assert np.abs(indices - np.linspace(0, num_in - 1, num_out)).max() <= 0.5 + 1e-9
    assert indices.dtype == np.int64


@given(st.lists(st.integers(0, 500), min_size=1, max_size=40), st.integers(1, 12))
def test_the_frame_chosen_is_the_one_on_screen(durations, num_frames):
    seen_ms = [100 if d <= 10 else d for d in durations]
    screen = np.repeat(np.arange(len(seen_ms)), 2 * num_frames * np.array(seen_ms))
    step = len(screen) // num_frames
    expected = screen[step // 2 :: step][:num_frames]
    assert time_indices(played(durations), num_frames).tolist() == expected.tolist()


@given(counts, counts)
def test_starts_and_middles_of_equal_parts_are_where_exact_fractions_lie(num_in, num_out):
    parts = [(Fraction(num_in * step, num_out), Fraction(num_in, 2 * num_out)) for step in range(num_out)]
    assert uniform_indices(num_in, num_out).tolist() == [int(start) for start, _ in parts]
    assert middle_indices(num_in, num_out).tolist() == [int(start + half) for start, half in parts]


@given(counts, counts)
def test_middles_of_equally_long_frames_are_the_same_by_time(num_in, num_out):
    assert time_indices([40] * num_in, num_out).tolist() == middle_indices(num_in, num_out).tolist()


@given(counts, counts)
def test_repeating_starts_again_after_the_last_frame(num_in, num_out):
    assert repeat_indices(num_in, num_out).tolist() == [step % num_in for step in range(num_out)]


def test_linspace_of_one_is_the_first_frame():
    assert linspace_indices(7, 1).tolist() == [0]


@pytest.mark.parametrize("indices", [flip_indices, linspace_indices, uniform_indices, middle_indices, repeat_indices])
@pytest.mark.parametrize("sizes", [(0, 4), (4, 0)])
def test_nothing_in_or_out_is_refused(indices, sizes):
    with pytest.raises(ValueError, match="at least one frame"):
        indices(*sizes)


def test_flattening_is_rounded_to_nearest(rng):
    frames = rng.integers(0, 256, (3, 20, 30, 4)).astype(np.uint8)
    alpha = frames[..., 3:] / 255
    for background in ((255, 255, 255), (10, 200, 0)):
        expected = frames[..., :3] * alpha + np.array(background) * (1 - alpha)
        flat = flatten(frames, background)
        assert flat.shape == (3, 20, 30, 3)
        assert np.abs(flat - expected).max() <= 0.5 + 1e-9


def test_flattening_what_is_opaque_drops_alpha(rng):
    frames = rng.integers(0, 256, (2, 4, 4, 4)).astype(np.uint8) | np.array([0, 0, 0, 255], np.uint8)
    np.testing.assert_array_equal(flatten(frames), frames[..., :3])


@pytest.mark.parametrize("channels", [3, 4])
def test_resizing_squashes_every_frame_by_itself(rng, channels):
    frames = rng.integers(0, 256, (3, 40, 20, channels)).astype(np.uint8)
    resized = resize(frames, 16)
    assert resized.shape == (3, 16, 16, channels)
    for index in range(3):
        np.testing.assert_array_equal(resized[index], resize(frames[index : index + 1], 16)[0])
    assert resize(frames, (8, 12)).shape == (3, 8, 12, channels)
    np.testing.assert_array_equal(resize(frames, (40, 20)), frames)


def test_resizing_is_antialiased():
    stripes = np.zeros((1, 64, 64, 3), np.uint8)
    stripes[:, :, ::2] = 255
    assert np.abs(resize(stripes, 8).astype(int) - 127).max() <= 6


def test_hidden_colours_do_not_bleed_when_resized():
    frames = np.zeros((1, 16, 16, 4), np.uint8)
    frames[..., 0] = 255  # red, hidden
    frames[:, :8] = (0, 0, 255, 255)
    small = resize(frames, 4)
    assert small[0, 0, 0].tolist() == [0, 0, 255, 255]
    assert small[0, 1, 0, 0] <= 1
