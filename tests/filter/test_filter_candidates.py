from concurrent.futures import ThreadPoolExecutor

import numpy as np
import planes_reference as planes
import pytest
from filter_clips import DURATIONS, character, filled
from scipy.fft import dctn

from vsd2m.filter.duplicates.candidates import NUM_NEIGHBOURS, links
from vsd2m.filter.duplicates.features import BACKGROUNDS, views
from vsd2m.filter.duplicates.groups import families
from vsd2m.media.fingerprints import layout
from vsd2m.media.fingerprints.fingerprint import fingerprint


def words_of(clips) -> np.ndarray:
    return np.array([fingerprint(frames, DURATIONS) for frames in clips], dtype=np.uint64)


def all_views(words: np.ndarray) -> list[np.ndarray]:
    """`[view][line, feature]` in cells."""
    with ThreadPoolExecutor(1) as pool:
        return [features * unit for features, unit in views(words, np.arange(len(words)), pool)]


@pytest.mark.parametrize("part", ["window", "frame"])
def test_features_are_low_coefficients_of_the_cosine_transform_on_each_background(part):
    """The frame is put together here from its cells, each 8 times enlarged."""
    words = words_of([character(seed) for seed in range(3)] + [character(3)[:, 20:90, 30:100]])
    first = 0 if part == "window" else len(BACKGROUNDS["window"])
    for view, grey in enumerate(BACKGROUNDS[part], start=first):
        for line, features in enumerate(all_views(words)[view]):
            expected = dctn(shown(words[[line]], grey, framed=part == "frame"), norm="ortho")[:6, :6] / 8
            used = [(v, h) for v in range(6) for h in range(6 - v) if v + h]
            scaled = [expected[v, h] / round(800 / (1 + v + h) ** 1.3) for v, h in used]
            assert np.allclose(features, scaled, rtol=0.01, atol=0.15)  # a wave is taken at the middles of cells


def shown(words: np.ndarray, grey: float, *, framed: bool) -> np.ndarray:
    """`[256, 256]`: the picture on `grey`, alone or in its window of the frame."""
    change = grey - planes.backgrounds(words)[0]
    coverage = np.kron(planes.coarse_coverages(words)[0], np.ones((2, 2)))
    picture = np.kron(planes.pictures(words)[0] + (1 - coverage) * change, np.ones((8, 8)))
    if not framed:
        return picture
    top, bottom, left, right = planes.windows(words)[0]
    places = (np.arange(256) + 0.5) / 256
    rows, columns = ((places - low) / (high - low) * 256 for low, high in ((top, bottom), (left, right)))
    inside = ((rows >= 0) & (rows < 256))[:, None] & ((columns >= 0) & (columns < 256))
    clipped = [np.clip(place.astype(int), 0, 255) for place in (rows, columns)]
    return np.where(inside, picture[np.ix_(*clipped)], grey)


def test_the_last_view_counts_frames_with_and_without_each_bit():
    words = words_of([character(1), character(2)])
    hashes = np.ascontiguousarray(words[:, layout.WHOLE]).view(np.uint8).reshape(2, layout.NUM_FRAMES, 8)
    bits = np.unpackbits(hashes, axis=2, bitorder="little").astype(int)
    assert np.allclose(all_views(words)[-1], 1.5 * (bits.mean(axis=1) - 0.5))


def test_copies_on_filled_backgrounds_come_into_one_family_and_strangers_do_not():
    colours = [(255, 255, 255), (0, 0, 0), (40, 160, 70)]
    words = words_of(
        frames for s in range(12) for frames in (character(s), *(filled(character(s), c) for c in colours))
    )
    family, _ = families(words, np.arange(len(words)), 1.35, is_still=np.zeros(len(words), bool))
    assert family.tolist() == [4 * (line // 4) for line in range(len(words))]


def test_links_join_neighbours_of_whatever_table_and_their_number_is_bounded():
    words = words_of([character(seed % 3) for seed in range(30)])
    lots = list(links(words, np.arange(len(words)), num_threads=2))
    assert len(lots) == (sum(map(len, BACKGROUNDS.values())) + 1) * 8 * NUM_NEIGHBOURS
    assert all((first < second).all() and len(first) < len(words) for first, second in lots)
