"""The distance of near duplicates in numpy, whole arrays of pairs at a time: what the compiled one must equal."""

import numpy as np
from picture_reference import difference, told_from_background
from planes_reference import chromas, figures, windows

from vsd2m.media.fingerprints import layout


def distances(words, first, second, enough):
    """As `vsd2m.filter.duplicates.distance.distances`."""
    one, other = words[first], words[second]
    so_far = np.hypot(_course(one, other), _tones(one, other) / np.float32(TONE_UNIT))
    near = np.flatnonzero(~_backwards(one, other) & ((so_far <= enough) | (enough == 0)))
    allowed = np.sqrt(np.maximum(np.float32(enough) ** 2 - so_far[near] ** 2, 0))
    out = np.full(len(one), np.inf, np.float32)
    out[near] = np.hypot(so_far[near], difference(one[near], other[near], allowed))
    return out


COURSE_UNIT, TONE_UNIT = 0.3, 20.0  # share of bits, and grey levels, that count as a distance of 1
WINDOW_SLACK = 0.06


def _backwards(first, second):
    """Clearly fewer bits differ once the second is played backwards, each from whichever frame."""
    least = []
    for step in (1, -1):
        orders = [(start + step * np.arange(8)) % 8 for start in range(8)]
        parts = [(first[:, part], second[:, part]) for part in (layout.ON_WHITE, layout.ON_BLACK, layout.WHOLE)]
        bits = [np.bitwise_count(a ^ b[:, order]).sum(axis=1, dtype=np.int32) for a, b in parts for order in orders]
        least.append(np.min(bits, axis=0))
    return least[0] - least[1] > 16


def _course(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    parts = (layout.ON_WHITE, layout.ON_BLACK, layout.WHOLE)
    least = np.min([_hash_difference(first[:, part], second[:, part]) for part in parts], axis=0)
    share: np.ndarray = (least / np.float32(COURSE_UNIT)).astype(np.float32, copy=False)
    return share


def _hash_difference(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Share of differing bits: for each frame the nearest of the three frames about its time, the worse direction."""
    bits = np.stack([np.bitwise_count(first ^ np.roll(second, shift, axis=1)) for shift in (-1, 0, 1)])
    forth = bits.min(axis=0).sum(axis=1, dtype=np.int32)
    back = np.stack([np.roll(bits[k], 1 - k, axis=1) for k in range(3)]).min(axis=0).sum(axis=1, dtype=np.int32)
    share: np.ndarray = np.maximum(forth, back).astype(np.float32) / np.float32(64 * layout.NUM_FRAMES)
    return share


def _tones(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Difference of blue and red: mean over the cells that both figures cover, or, where their windows differ, of the
    figures' means; 0 where only one is told from a background, since then other parts would be compared."""
    colours = [chromas(words) for words in (first, second)]
    cover = [figures(words)[:, None] for words in (first, second)]
    both = np.minimum(*cover)
    cells = np.hypot(*np.moveaxis((colours[0] - colours[1]) * both, 1, 0)).sum(axis=(1, 2)) / _total(both)[:, 0]
    means = [colour.sum(axis=(2, 3)) / _total(share) for colour, share in zip(colours, cover, strict=True)]
    whole = np.hypot(*np.moveaxis(means[0] - means[1], 1, 0))
    same_window = np.abs(windows(first) - windows(second)).max(axis=1) <= WINDOW_SLACK
    both_told = told_from_background(first) == told_from_background(second)
    tones: np.ndarray = np.where(same_window, cells, np.where(both_told, whole, 0)).astype(np.float32)
    return tones


def _total(share: np.ndarray) -> np.ndarray:
    total: np.ndarray = share.sum(axis=(2, 3)).clip(1)
    return total
