import distance_reference as reference
import numpy as np
import picture_reference
import planes_reference
import pytest
from filter_clips import DURATIONS, character, filled, lossy
from PIL import Image

from vsd2m.filter.duplicates.alignment import align, warp
from vsd2m.filter.duplicates.distance import COURSE_UNIT, distances
from vsd2m.filter.duplicates.hashes import NUM_BITS, course, runs_backwards
from vsd2m.filter.duplicates.unpacked import picture
from vsd2m.media.fingerprints import layout
from vsd2m.media.fingerprints.fingerprint import fingerprint

CLIPS = [character(seed) for seed in range(6)] + [lossy(character(2)), filled(character(3), (250, 250, 250))]
WORDS = np.array([fingerprint(clip, DURATIONS) for clip in CLIPS], dtype=np.uint64)
FIRST, SECOND = (side.ravel() for side in np.indices((len(CLIPS), len(CLIPS))))


def cloud(seed: int, cells: int) -> np.ndarray:
    """A smooth random picture `[32, 32]`."""
    coarse = np.random.default_rng(seed).integers(0, 255, (cells, cells), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((32, 32), Image.Resampling.BICUBIC), np.float32)


def words_of_copies() -> np.ndarray:
    """Characters, texts, and copies: cropped, padded, filled, cut out of their window, re-timed; a still, a photo."""
    made = [character(4), character(4, text="hello"), character(4, text="NO WAY"), lossy(character(4))]
    made += [character(4)[:, 4:-3, 3:-5], np.pad(character(4), ((0, 0), (9, 4), (2, 6), (0, 0)))]
    made += [filled(character(4), colour) for colour in ((255, 255, 255), (0, 0, 0), (40, 160, 70))]
    wide = np.ascontiguousarray(character(4)[:, 22:78, 34:94])
    made += [wide, filled(wide, (0, 0, 0)), character(4)[::-1], character(4)[[0] * 8], character(7, size=80)]
    photo = np.dstack([cloud(seed, 9).clip(0, 255) for seed in range(3)] + [np.full((32, 32), 255)]).astype(np.uint8)
    made += [photo[None].repeat(8, axis=0), photo[None, 1:-1, 1:].repeat(8, axis=0)]
    return np.array([fingerprint(frames, DURATIONS) for frames in made], dtype=np.uint64)


@pytest.mark.parametrize("enough", [0.0, 0.7, 1.35])
def test_distances_are_those_of_the_reference(enough):
    words = words_of_copies()
    first, second = (side.ravel() for side in np.indices((len(words), len(words))))
    found, expected = distances(words, first, second, enough), reference.distances(words, first, second, enough)
    assert (np.isfinite(found) == np.isfinite(expected)).all()
    measured = np.isfinite(found)
    assert measured.sum() > 2 * len(words)
    assert np.allclose(found[measured], expected[measured], rtol=1e-4, atol=1e-4)


def test_a_clip_is_at_distance_0_from_itself():
    rows = np.arange(len(CLIPS))
    assert not distances(WORDS, rows, rows, 0.0).any()


@pytest.mark.parametrize("enough", [0.3, 1.4])
def test_stopping_early_never_changes_the_side_of_the_limit(enough):
    early, whole = (distances(WORDS, FIRST, SECOND, limit) for limit in (enough, 0.0))
    assert ((early <= enough) == (whole <= enough)).all()


def test_course_is_a_lower_bound_and_symmetrical():
    pairs = list(zip(WORDS[FIRST], WORDS[SECOND], strict=True))
    bits = np.array([course(one, other) for one, other in pairs])
    assert (bits / (COURSE_UNIT * NUM_BITS) <= distances(WORDS, FIRST, SECOND, 0.0) + 1e-6).all()
    assert (bits == [course(other, one) for one, other in pairs]).all()


def test_distances_do_not_depend_on_threads_or_neighbours_in_the_batch():
    first, second = np.tile(FIRST, 70), np.tile(SECOND, 70)
    together = distances(WORDS, first, second, 1.4, num_threads=2)
    alone = [distances(WORDS, FIRST[[i]], SECOND[[i]], 1.4)[0] for i in range(len(FIRST))]
    assert (together == np.tile(alone, 70)).all()


def test_no_pairs_have_no_distances():
    nothing = np.empty(0, np.int64)
    assert len(distances(WORDS, nothing, nothing, 1.0)) == 0


def test_copies_are_nearer_than_strangers():
    distance = distances(WORDS, FIRST, SECOND, 0.0).reshape(len(CLIPS), -1)
    assert max(distance[2, 6], distance[3, 7]) < 1.4 < distance[:6, :6][~np.eye(6, dtype=bool)].min()


@pytest.mark.parametrize("phase", [0, 3])
def test_a_clip_played_backwards_is_another_sticker_and_one_begun_elsewhere_is_not_backwards(phase):
    crossing = np.zeros((8, 64, 64, 4), np.uint8)
    for t in range(8):
        crossing[t, 8 * t : 8 * t + 8, 20:40] = 255
        crossing[t, 10:30, 4 * t : 4 * t + 20] = (90, 30, 200, 255)
    clips = crossing, np.roll(crossing, phase, axis=0), np.roll(crossing[::-1], phase, axis=0)
    words = np.array([fingerprint(frames, DURATIONS) for frames in clips], dtype=np.uint64)
    assert not runs_backwards(words[0], words[1])
    assert runs_backwards(words[0], words[2])
    assert np.isinf(distances(words, np.array([0]), np.array([2]), 0.0)).all()


def test_a_known_shift_and_scale_is_found():
    truth = np.array([1.5, 0.05, -1.0, -0.04], np.float32)
    moved, _ = warp(cloud(0, 6)[None], truth)
    assert np.abs(align(moved[0], cloud(0, 6), np.zeros(4, np.float32)) - truth).max() < 0.25


def test_the_alignment_finds_a_shift_and_a_scale_whatever_lies_beyond_the_common_part():
    truth = np.array([1.2, -0.06, -0.7, 0.05], np.float32)
    moved, inside = warp(cloud(5, 9)[None], truth)
    torn = np.where(inside > 0, moved[0], 255).astype(np.float32)
    torn[:3] = 0
    assert np.abs(align(torn, cloud(5, 9), np.zeros(4, np.float32)) - truth).max() < 0.25


def test_warping_and_aligning_are_those_of_the_reference():
    rng = np.random.default_rng(2)
    for motion in rng.uniform((-4, -0.2, -4, -0.2), (4, 0.2, 4, 0.2), (20, 4)).astype(np.float32):
        planes = np.stack([cloud(1, 5), cloud(2, 11)])
        moved, inside = warp(planes, motion)
        expected, expected_inside = picture_reference.warp(planes, np.stack([motion] * 2))
        assert np.allclose(moved, expected, atol=1e-2) and (inside == expected_inside[0]).all()
    for seed in range(6):
        still, moving = cloud(seed, 8), cloud(seed, 8) * 0.8 + cloud(seed + 10, 8) * 0.2
        start = np.array([0, 0, 1, 0.05], np.float32)
        expected = picture_reference.align(still[None], moving[None], start[None])[0]
        assert np.allclose(align(still, moving, start), expected, atol=1e-3)


def test_the_small_picture_is_the_mean_of_the_frames():
    gray = np.random.default_rng(5).integers(0, 256, (32, 32), dtype=np.uint8)
    frames = np.dstack([gray] * 3 + [np.full((32, 32), 255, np.uint8)])[None]
    words = np.array([fingerprint(frames, [100])], dtype=np.uint64)
    assert np.abs(picture(words[0]) - gray).max() <= layout.PICTURE_STEP / 2 + 2
    assert (picture(words[0]) == planes_reference.pictures(words)[0]).all()
