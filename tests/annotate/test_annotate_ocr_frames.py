import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from vsd2m.annotate.ocr.ocr_frames import are_alike, background, pictures_to_read

Frames = NDArray[np.uint8]


def _blob(colour: int, *, also: int | None = None) -> Frames:
    """One transparent frame with an opaque grey square, and beside it another."""
    frames = np.zeros((1, 40, 80, 4), np.uint8)
    frames[0, 10:30, 10:30] = (colour, colour, colour, 255)
    if also is not None:
        frames[0, 10:30, 50:70] = (also, also, also, 255)
    return frames


@pytest.mark.parametrize(("frames", "grey"), [(_blob(255), 0), (_blob(0), 255), (_blob(255, also=0), 128)])
def test_the_background_is_the_one_every_outline_stands_out_on(frames: Frames, grey: int) -> None:
    assert background(frames) == grey


def test_what_is_inside_an_outline_does_not_choose_the_background() -> None:
    frames = _blob(255)
    frames[0, 12:28, 12:28, :3] = 0  # most pixels are black, but they lie on white
    assert background(frames) == 0


@given(st.integers(1, 300), st.integers(1, 12))
def test_frames_are_spread_without_repeats_over_the_clip(num_frames: int, count: int) -> None:
    frames = np.full((num_frames, 8, 8, 4), 255, np.uint8)
    frames[..., :3] = np.random.default_rng(0).integers(0, 256, (num_frames, 8, 8, 3))
    pictures = pictures_to_read(frames, max_frames=count, min_side=8, max_side=8)
    indices = np.array([next(i for i in range(num_frames) if (frames[i, ..., :3] == p).all()) for p in pictures])
    assert len(set(indices.tolist())) == len(indices) == min(num_frames, count)
    if num_frames > count:
        assert abs(indices + indices[::-1] - (num_frames - 1)).max() <= 1  # both ends alike


def test_frames_that_look_alike_are_read_once_and_text_that_appears_is_seen() -> None:
    frames = np.full((3, 120, 120, 4), 255, np.uint8)
    frames[1, ..., 0] = 250  # no block changes by more than a few levels
    sizes = {"max_frames": 3, "min_side": 120, "max_side": 120}
    assert len(pictures_to_read(frames, **sizes)) == 1
    frames[2, 100:112, 60:72, :3] = 0
    assert len(pictures_to_read(frames, **sizes)) == 2


@given(st.integers(1, 40), st.integers(1, 40))
def test_a_changed_corner_of_a_picture_of_any_size_is_not_missed(height: int, width: int) -> None:
    picture = np.full((height, width, 3), 100, np.uint8)
    assert are_alike(picture, picture)
    changed = picture.copy()
    changed[-8:, -8:] = 255
    assert not are_alike(picture, changed)


@pytest.mark.parametrize(
    ("shape", "expected"), [((60, 120), (160, 320)), ((900, 300), (640, 213)), ((400, 500), (400, 500))]
)
def test_pictures_are_enlarged_and_reduced_to_legible_sizes(shape: tuple[int, int], expected: tuple[int, int]) -> None:
    frames = np.full((1, *shape, 4), 255, np.uint8)
    (picture,) = pictures_to_read(frames, max_frames=3, min_side=320, max_side=640)
    assert picture.shape == (*expected, 3)
