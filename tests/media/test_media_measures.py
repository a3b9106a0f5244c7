import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from vsd2m.media.measures import aspect_ratio, measure


def plainly(frames):
    """The same measures, one pixel after the other."""
    red, green, blue, alpha = np.moveaxis(frames.astype(np.int64), -1, 0)
    luma = (19595 * red + 38470 * green + 7471 * blue + 32768) >> 16
    visible = alpha >= 128
    bits = []
    for gray, seen in zip(luma, visible, strict=True):
        rows, columns = np.nonzero(seen)
        box = np.s_[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1] if len(rows) else np.s_[:0, :0]
        levels = np.where(seen, gray, -1)[box]  # what is not visible is a level of its own
        shares = np.unique(levels, return_counts=True)[1] / max(levels.size, 1)
        bits.append(-sum(share * np.log2(share) for share in shares))
    planes = [np.where(visible, luma, background) for background in (0, 255)]
    motion = np.mean([np.abs(np.diff(plane, axis=0)).mean() / 255 for plane in planes]) if len(frames) > 1 else 0.0
    return {
        "num_distinct_frames": len({frame.tobytes() for frame in frames}),
        "entropy": np.mean(bits),
        "transparent_share": 1 - visible.mean(),
        "motion_energy": motion,
        "sharpness": np.mean([laplacian_variance(planes[1][index]) for index in four(len(frames))]),
    }


def four(num_frames):
    return np.floor(np.linspace(0, num_frames - 1, min(4, num_frames)) + 0.5).astype(int)


def laplacian_variance(plane):
    if min(plane.shape) < 3:
        return 0.0
    height, width = plane.shape
    values = [
        plane[y - 1, x] + plane[y + 1, x] + plane[y, x - 1] + plane[y, x + 1] - 4 * plane[y, x]
        for y in range(1, height - 1)
        for x in range(1, width - 1)
    ]
    return np.var(values)


def check(frames):
    found = measure(frames)
    for name, expected in plainly(frames).items():
        assert getattr(found, name) == pytest.approx(expected, abs=2e-6, rel=1e-9), name


@given(
    hnp.arrays(
        np.uint8,
        st.tuples(st.integers(1, 6), st.integers(1, 8), st.integers(1, 8), st.just(4)),
        elements=st.sampled_from([0, 1, 127, 128, 254, 255]),
    )
)
@settings(max_examples=200)
def test_the_measures_equal_their_definitions(frames):
    check(frames)


@pytest.mark.parametrize("opaque_frames", [np.s_[:0], np.s_[:2], np.s_[:5], np.s_[3:], np.s_[:9]])
def test_clips_longer_than_what_is_worked_on_at_a_time_too(rng, opaque_frames):
    frames = rng.integers(0, 256, (9, 240, 250, 4)).astype(np.uint8)
    frames[opaque_frames, ..., 3] = 255
    frames[6] = frames[3]
    check(frames)


def test_the_grey_levels_are_pillows(rng):
    frame = rng.integers(0, 256, (50, 50, 4)).astype(np.uint8) | np.array([0, 0, 0, 255], np.uint8)
    counts = np.array(Image.fromarray(frame).convert("L").histogram())
    shares = counts[counts > 0] / counts.sum()
    assert measure(frame[None]).entropy == pytest.approx(-(shares * np.log2(shares)).sum(), abs=1e-6)


def bits(*shares):
    return pytest.approx(-sum(share * np.log2(share) for share in shares), abs=1e-6)


def test_transparency_within_the_figure_is_a_level_of_its_own_and_the_margin_is_not():
    frame = np.zeros((1, 10, 10, 4), np.uint8)
    frame[0, 2:7, 1:9] = (90, 90, 90, 255)
    assert measure(frame).entropy == 0  # a plain block, whatever the margin
    frame[0, 2] = 0
    frame[0, 2, 1] = (200, 200, 200, 255)
    assert measure(frame).entropy == bits(1 / 40, 7 / 40, 32 / 40)


def one_colour(mask, color=(20, 20, 20)):
    return np.concatenate([np.full((*mask.shape, 3), color), mask[..., None] * 255], axis=-1).astype(np.uint8)[None]


def disc(side, radius):
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    return np.hypot(y, x) < radius


def test_the_shape_of_a_one_colour_figure_is_content_and_blanks_and_plain_blocks_have_none():
    share = disc(120, 50).sum() / 100**2
    assert measure(one_colour(disc(120, 50))).entropy == bits(share, 1 - share)
    ring = disc(120, 50) & ~disc(120, 48)
    assert measure(one_colour(ring)).entropy == bits(ring.sum() / 100**2, 1 - ring.sum() / 100**2)
    assert measure(one_colour(ring)).entropy > 0.2
    for blank in (np.zeros((30, 40), bool), np.ones((30, 40), bool)):
        assert measure(one_colour(blank)).entropy == 0


def test_the_color_of_a_figure_makes_no_difference_to_its_shape():
    outline = disc(90, 40) & ~disc(90, 37)
    black, white = (measure(one_colour(outline, color)).entropy for color in ((0, 0, 0), (255, 255, 255)))
    assert black == white > 0.2


def test_256_equal_shares_are_8_bits():
    frame = np.repeat(np.arange(256, dtype=np.uint8)[:, None, None], 4, axis=2).reshape(1, 16, 16, 4).copy()
    frame[..., 3] = 255
    assert measure(frame).entropy == 8


def test_a_black_thing_moving_over_transparency_is_motion():
    frames = np.zeros((2, 4, 4, 4), np.uint8)
    frames[0, 0, 0, 3] = frames[1, 3, 3, 3] = 255
    assert measure(frames).motion_energy == pytest.approx(2 / 16 / 2)


def test_frames_that_return_are_not_distinct(rng):
    one, two = rng.integers(0, 256, (2, 8, 8, 4)).astype(np.uint8)
    assert measure(np.stack([one, two, one, two, two])).num_distinct_frames == 2
    shuffled = rng.permutation(one.reshape(-1, 4)).reshape(one.shape)  # the same histogram, another picture
    assert measure(np.stack([one, shuffled])).num_distinct_frames == 2


def test_a_blurred_picture_is_less_sharp(rng):
    image = Image.fromarray(rng.integers(0, 256, (64, 64, 3)).astype(np.uint8)).convert("RGBA")
    blurred = image.resize((16, 16)).resize((64, 64))
    assert measure(np.asarray(blurred)[None]).sharpness < measure(np.asarray(image)[None]).sharpness / 10


def test_views_that_are_not_contiguous_are_measured(rng):
    frames = rng.integers(0, 256, (4, 9, 9, 4)).astype(np.uint8)
    assert measure(frames[::2, :, ::-1]) == measure(np.ascontiguousarray(frames[::2, :, ::-1]))


def test_the_aspect_ratio_is_longer_by_shorter():
    assert aspect_ratio(30, 10) == aspect_ratio(10, 30) == 3
    assert aspect_ratio(7, 7) == 1
