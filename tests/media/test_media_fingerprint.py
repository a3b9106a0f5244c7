import fingerprint_reference as reference
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image, ImageDraw

from vsd2m.media.decode import decode
from vsd2m.media.fingerprints import layout
from vsd2m.media.fingerprints.fingerprint import fingerprint
from vsd2m.media.fingerprints.phash import phash
from vsd2m.media.fingerprints.reduced import Reduced, reduce
from vsd2m.media.fingerprints.resampling import UNIT, Window, resample
from vsd2m.media.fingerprints.silhouette import silhouette, window


def disc(num_frames: int = 6, size: tuple[int, int] = (120, 100), background=(0, 0, 0, 0)) -> np.ndarray:
    """A disc with a face that moves to the right; `size` is width and height."""
    frames = []
    for t in range(num_frames):
        picture = Image.new("RGBA", size, background)
        draw = ImageDraw.Draw(picture)
        x = 15 + 6 * t
        draw.ellipse((x, 20, x + 50, 80), fill=(240, 180, 30, 255), outline=(20, 20, 20, 255), width=3)
        draw.ellipse((x + 12, 38, x + 18, 46), fill=(0, 0, 0, 255))
        draw.ellipse((x + 32, 38, x + 38, 46), fill=(0, 0, 0, 255))
        frames.append(np.asarray(picture))
    return np.stack(frames)


def as_reduced(frames: np.ndarray) -> Reduced:
    return Reduced(frames.view(np.uint32)[..., 0], reference.luma(frames))


def drawn(rng: np.random.Generator) -> np.ndarray:
    """Blocks of a few colours on a flat background, opaque or not, and some noise; sizes by chance."""
    shape = (rng.integers(1, 12), *rng.integers(1, rng.choice([20, 140, 330]), 2), 4)
    frames = np.empty(shape, np.uint8)
    frames[:] = rng.integers(0, 256, 4)
    for frame in frames:
        for _ in range(rng.integers(0, 4)):
            top, left = (int(rng.integers(0, side)) for side in shape[1:3])
            frame[top : top + int(rng.integers(1, 90)), left : left + int(rng.integers(1, 90))] = rng.integers(
                0, 256, 4
            )
    if rng.random() < 0.4:
        frames[rng.random(shape[:3]) < 0.05] = rng.integers(0, 256, 4)
    if rng.random() < 0.5:
        frames[..., 3] = rng.choice([255, 255, 0])
    if rng.random() < 0.3:
        frames[-1] = frames[0]
    frames[frames[..., 3] == 0] = 0
    return frames


def imagehash_word(gray: np.ndarray) -> int:
    imagehash = pytest.importorskip("imagehash")
    return int(str(imagehash.phash(Image.fromarray(gray))), 16)


@given(hnp.arrays(np.uint8, (32, 32)))
@settings(max_examples=60)
def test_the_hash_is_that_of_imagehash_bit_for_bit_where_no_coefficient_ties_with_the_median(gray):
    basis = np.cos(np.pi * np.arange(8)[:, None] * (2 * np.arange(32) + 1) / 64)
    low = (basis @ gray.astype(float) @ basis.T).ravel()
    clear = np.abs(low - np.median(low)) > 0.5
    ours, theirs = (np.array(list(f"{word:064b}")) for word in (int(phash(gray[None])[0]), imagehash_word(gray)))
    assert (ours[clear] == theirs[clear]).all()


def test_the_hash_is_that_of_imagehash_on_drawings_and_noise():
    generator = np.random.default_rng(3)
    noise = generator.integers(0, 256, (64, 32, 32), dtype=np.uint8)
    drawn = [np.asarray(Image.fromarray(f).convert("L").resize((32, 32))) for f in disc(background=(9, 99, 200, 255))]
    for gray in [*noise, *drawn]:
        assert int(phash(gray[None])[0]) == imagehash_word(gray)


def test_the_hash_of_many_is_the_hash_of_each():
    gray = np.random.default_rng(0).integers(0, 256, (20, 32, 32), dtype=np.uint8)
    assert phash(gray).tolist() == [int(phash(one[None])[0]) for one in gray]


@pytest.mark.parametrize("num_levels", [1, 2, 3, 256])
def test_frames_are_hashed_as_pictures_are(num_levels, rng):
    """Few levels in large blocks give coefficients that tie with the median."""
    from vsd2m.media.fingerprints.fingerprint import cosines_as_integers
    from vsd2m.media.fingerprints.fingerprint_words import write_hashes

    side = 32 if num_levels == 256 else 2
    on_black, covered, whole = np.kron(
        rng.integers(0, num_levels, (3, 5, side, side)), np.ones((32 // side, 32 // side), np.int64)
    )
    covered = 255 - covered
    words = np.zeros((3, 8), np.uint64)
    order = np.array([0, 0, 1, 2, 3, 4, 4, 2])
    write_hashes(on_black * UNIT, covered * UNIT, whole * UNIT, order, cosines_as_integers(), words)
    expected = [phash(np.clip(gray, 0, 255))[order] for gray in (on_black + 255 - covered, on_black, whole)]
    np.testing.assert_array_equal(words, expected)


def test_a_fingerprint_has_one_length_and_fits_the_column():
    for shape in ((1, 40, 30, 4), (9, 200, 300, 4), (30, 7, 500, 4), (2, 2, 1, 4)):
        words = fingerprint(np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8), [40] * shape[0])
        assert len(words) == layout.NUM_WORDS
        assert all(isinstance(word, int) and 0 <= word < 2**64 for word in words)


def test_playing_faster_or_slower_changes_nothing():
    frames = disc()
    assert fingerprint(frames, [50] * 6) == fingerprint(frames, [130] * 6)


def test_a_frame_stored_twice_is_a_frame_shown_longer():
    frames = disc()
    assert fingerprint(np.repeat(frames, 2, axis=0), [30] * 12) == fingerprint(frames, [60] * 6)


def test_delays_that_browsers_clamp_count_as_browsers_play_them():
    frames = disc(4)
    assert fingerprint(frames, [0, 10, 100, 100]) == fingerprint(frames, [100] * 4)


@pytest.mark.parametrize("frame", [(0, 0, 0, 0), (255, 0, 0, 0), (255, 255, 255, 255), (7, 8, 9, 255)])
def test_a_clip_that_shows_nothing_has_no_fingerprint(frame):
    frames = np.broadcast_to(np.array(frame, np.uint8), (3, 50, 40, 4))
    assert fingerprint(frames, [100] * 3) == []


@pytest.mark.parametrize("side", [64, 100, 128, 200, 240, 256, 320, 512])
@pytest.mark.parametrize("share", [1 / 16, 1 / 8])
def test_a_solid_bar_on_transparent_has_no_fingerprint_at_any_size(side, share):
    """It fills its window at some sizes, and ends between two pixels at others."""
    bar = np.zeros((1, side, side, 4), np.uint8)
    bar[:, :, round(side * (0.5 - share / 2)) : round(side * (0.5 + share / 2))] = (255, 0, 0, 255)
    for frames in (bar, bar.transpose(0, 2, 1, 3).copy()):
        assert fingerprint(frames, [100]) == []
    marked = bar.copy()
    marked[:, side // 4 : side // 2][marked[:, side // 4 : side // 2, :, 3] > 0] = (255, 255, 0, 255)
    assert fingerprint(marked, [100])


def test_a_blank_first_frame_does_not_make_strangers_alike():
    blank = np.zeros((1, 100, 120, 4), np.uint8)
    one, other = disc(), disc()[:, ::-1]
    words = [fingerprint(np.concatenate([blank, frames]), [400] + [50] * 6) for frames in (one, other)]
    bits = [np.bitwise_count(np.uint64(a) ^ np.uint64(b)) for a, b in zip(*(w[1:9] for w in words), strict=True)]
    assert min(bits) > 8


def test_colour_under_full_transparency_is_not_seen():
    frames = disc()
    coloured = frames.copy()
    coloured[frames[..., 3] == 0] = (255, 0, 255, 0)
    assert fingerprint(coloured, [50] * 6) == fingerprint(frames, [50] * 6)


def test_frames_need_not_lie_in_one_piece():
    frames = disc()
    assert fingerprint(frames[:, :, ::-1][:, :, ::-1], [50] * 6) == fingerprint(frames, [50] * 6)


def test_the_figure_is_what_a_flat_background_leaves():
    frames = disc(background=(10, 200, 90, 255))
    found = silhouette(as_reduced(frames))
    truth = disc()[..., 3]
    assert np.mean((found.coverage > 127) == (truth > 127)) > 0.98
    assert found.background == reference.luma(frames)[0, 0, 0]
    seen = np.argwhere((truth > 127).any(axis=0))
    assert (
        np.abs(
            np.array(window(found.coverage))
            - [*seen[:, 0:1].min(0), *seen[:, 0:1].max(0) + 1, *seen[:, 1:2].min(0), *seen[:, 1:2].max(0) + 1]
        ).max()
        <= 1
    )


def test_a_patch_of_the_background_s_colour_within_the_figure_belongs_to_the_figure():
    frames = disc(1, background=(255, 255, 255, 255)).copy()
    frames[0, 55:65, 35:45] = 255
    assert (silhouette(as_reduced(frames)).coverage[0, 55:65, 35:45] == 255).all()


@pytest.mark.parametrize("seed", range(40))
def test_the_words_are_those_of_the_reference(seed):
    rng = np.random.default_rng(seed)
    frames = drawn(rng)
    durations_ms = rng.integers(0, 200, len(frames))
    assert fingerprint(frames, durations_ms) == reference.fingerprint(frames, durations_ms)


def test_the_words_of_real_stickers_are_those_of_the_reference(real_stickers):
    for name, data in list(real_stickers.items())[::40]:
        clip = decode(data)
        found = fingerprint(clip.frames, clip.durations_ms)
        assert found == reference.fingerprint(clip.frames, clip.durations_ms), name


@pytest.mark.parametrize("kind", ["opaque", "binary", "any alpha"])
@pytest.mark.parametrize("size", [(1, 1), (70, 30), (64, 127), (128, 129), (200, 331), (900, 65), (40, 1100)])
def test_frames_are_reduced_as_pillow_reduces_them(kind, size, rng):
    frames = rng.integers(0, 256, (3, *size, 4)).astype(np.uint8)
    alpha = {"opaque": 255, "binary": np.where(frames[..., 3] > 99, 255, 0), "any alpha": frames[..., 3]}[kind]
    frames[..., 3] = alpha
    frames[1, : size[0] // 2] = frames[0, : size[0] // 2]
    found = reduce(frames, np.array([0, 1, 2]))
    expected = reference.reduced(frames)
    np.testing.assert_array_equal(found.pixels.view(np.uint8).reshape(expected.shape), expected)
    np.testing.assert_array_equal(found.luma, reference.luma(expected))


@given(st.integers(1, 127), st.integers(0, 126), st.integers(1, 127), st.sampled_from([8, 32, 64]))
@settings(max_examples=100)
def test_resampling_is_a_product_of_matrices(length, start, span, size):
    start = start % length
    around = Window(start, min(start + span, length), 0, 5)
    planes = np.random.default_rng(length).integers(0, 256, (2, length, 5)).astype(np.uint8)
    np.testing.assert_array_equal(resample(planes, around, size) / UNIT, reference.resampled(planes, around, size))
