import numpy as np
import pytest
from filter_clips import DURATIONS, character, filled, lossy
from PIL import Image

from vsd2m.filter.duplicates.alignment import align, warp
from vsd2m.filter.duplicates.distance import Pairs
from vsd2m.filter.duplicates.signatures import pictures
from vsd2m.media import fingerprint as layout
from vsd2m.media.fingerprint import fingerprint

CLIPS = [character(seed) for seed in range(6)] + [lossy(character(2)), filled(character(3), (250, 250, 250))]
WORDS = np.array([fingerprint(clip, DURATIONS) for clip in CLIPS], dtype=np.uint64)
FIRST, SECOND = (side.ravel() for side in np.indices((len(CLIPS), len(CLIPS))))


def test_a_clip_is_at_distance_0_from_itself():
    rows = np.arange(len(CLIPS))
    assert not Pairs(WORDS, rows, rows).distances(0.0).any()


@pytest.mark.parametrize("enough", [0.3, 1.4])
def test_stopping_early_never_changes_the_side_of_the_limit(enough):
    pairs = Pairs(WORDS, FIRST, SECOND)
    assert ((pairs.distances(enough) <= enough) == (pairs.distances(0.0) <= enough)).all()


def test_course_is_a_lower_bound_and_symmetrical():
    pairs, swapped = Pairs(WORDS, FIRST, SECOND), Pairs(WORDS, SECOND, FIRST)
    assert (pairs.course() <= pairs.distances(0.0)).all()
    assert (pairs.course() == swapped.course()).all()


def test_distances_do_not_depend_on_threads_or_neighbours_in_the_batch():
    pairs = Pairs(WORDS, FIRST, SECOND, num_threads=2)
    alone = [Pairs(WORDS, FIRST[[i]], SECOND[[i]]).distances(1.4)[0] for i in range(len(FIRST))]
    assert np.allclose(pairs.distances(1.4), alone, atol=1e-4)


def test_copies_are_nearer_than_strangers():
    distance = Pairs(WORDS, FIRST, SECOND).distances(0.0).reshape(len(CLIPS), -1)
    assert max(distance[2, 6], distance[3, 7]) < 1.4 < distance[:6, :6][~np.eye(6, dtype=bool)].min()


def test_a_known_shift_and_scale_is_found():
    coarse = np.random.default_rng(0).integers(0, 255, (6, 6), dtype=np.uint8)
    smooth = np.asarray(Image.fromarray(coarse).resize((32, 32), Image.Resampling.BICUBIC), np.float32)[None]
    truth = np.array([[1.5, 0.05, -1.0, -0.04]], np.float32)
    moved, _ = warp(smooth, truth)
    assert np.abs(align(moved, smooth, np.zeros((1, 4), np.float32)) - truth).max() < 0.25


def test_the_small_picture_is_the_mean_of_the_frames():
    gray = np.random.default_rng(5).integers(0, 256, (32, 32), dtype=np.uint8)
    frames = np.dstack([gray] * 3 + [np.full((32, 32), 255, np.uint8)])[None]
    shown = pictures(np.array([fingerprint(frames, [100])], dtype=np.uint64))[0]
    assert np.abs(shown - gray).max() <= layout.PICTURE_STEP / 2 + 2
