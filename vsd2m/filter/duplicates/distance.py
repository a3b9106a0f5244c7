"""How far apart two stickers are, from their fingerprints alone. P pairs at a time.

The distance is the root of the sum of the squares of three differences, each scaled so that the same limit serves all.
Copies differ much in one of them at most; two stickers with one character, or one dance, a little in all:

- course: bits in which the frames' hashes differ, each frame beside the best of three neighbours in time;
- tones: mean difference of the figure's colours;
- picture: the mean pictures laid on each other (`picture.py`). This is what keeps two texts under one drawing apart.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from vsd2m.filter.duplicates import signatures as of
from vsd2m.filter.duplicates.picture import difference, told_from_background
from vsd2m.filter.duplicates.signatures import Planes, Rows, Words
from vsd2m.media import fingerprint as layout

Distances = npt.NDArray[np.float32]
Measure = Callable[..., Distances]

COURSE_UNIT, TONE_UNIT = 0.3, 20.0  # share of bits, and grey levels, that count as a distance of 1
WINDOW_SLACK = 0.06


@dataclass(frozen=True)
class Pairs:
    """Pairs of lines of `words`: `first[i]`, the better sticker, and `second[i]`."""

    words: Words
    first: Rows
    second: Rows
    num_threads: int = 1

    def take(self, places: Rows) -> "Pairs":
        return Pairs(self.words, self.first[places], self.second[places], self.num_threads)

    def course(self) -> Distances:
        """The difference of course alone, a lower bound of the distance and a thousand times cheaper."""
        hashes = self.words[:, : layout.WHOLE.stop]  # gathering whole lines would cost more than comparing
        return Pairs(hashes, self.first, self.second, self.num_threads)._in_chunks(_course, 1 << 15)

    def distances(self, enough: float, course: Distances | None = None) -> Distances:
        """The distance of each pair, given its course or not. A pair found within `enough` is not measured further,
        and one whose course or tones differ by more neither: only on which side of `enough` a distance lies is sure.
        0 measures all."""
        out = self.course() if course is None else course.copy()
        for measure in (_with_tones, partial(_with_picture, enough=enough)):  # in full chunks, each
            near = np.flatnonzero(out <= enough) if enough > 0 else np.arange(len(out))
            out[near] = self.take(near)._in_chunks(measure, 128, out[near])
        return out

    def _in_chunks(self, measure: Measure, size: int, *columns: Distances) -> Distances:
        """`measure` of both sets of words and of `columns`, which hold one value a pair."""

        def one(start: int) -> Distances:
            part = slice(start, start + size)
            words = self.words[self.first[part]], self.words[self.second[part]]
            return measure(*words, *(column[part] for column in columns))

        starts = range(0, len(self.first), size)
        if not starts:
            return np.empty(0, np.float32)
        if len(starts) == 1 or self.num_threads == 1:
            return np.concatenate(list(map(one, starts)))
        with ThreadPoolExecutor(self.num_threads) as pool:
            return np.concatenate(list(pool.map(one, starts)))


def _course(first: Words, second: Words) -> Distances:
    parts = (layout.ON_WHITE, layout.ON_BLACK, layout.WHOLE)
    least = np.min([_hash_difference(first[:, part], second[:, part]) for part in parts], axis=0)
    share: Distances = (least / np.float32(COURSE_UNIT)).astype(np.float32, copy=False)
    return share


def _hash_difference(first: Words, second: Words) -> Distances:
    """Share of differing bits: for each frame the nearest of the three frames about its time, the worse direction."""
    bits = np.stack([np.bitwise_count(first ^ np.roll(second, shift, axis=1)) for shift in (-1, 0, 1)])
    forth = bits.min(axis=0).sum(axis=1, dtype=np.int32)
    back = np.stack([np.roll(bits[k], 1 - k, axis=1) for k in range(3)]).min(axis=0).sum(axis=1, dtype=np.int32)
    share: Distances = np.maximum(forth, back).astype(np.float32) / np.float32(64 * layout.NUM_FRAMES)
    return share


def _with_tones(first: Words, second: Words, course: Distances) -> Distances:
    distances: Distances = np.hypot(course, _tones(first, second) / np.float32(TONE_UNIT))
    return distances


def _with_picture(first: Words, second: Words, so_far: Distances, enough: float) -> Distances:
    allowed = np.sqrt(np.maximum(np.float32(enough) ** 2 - so_far**2, 0))
    distances: Distances = np.hypot(so_far, difference(first, second, allowed))
    return distances


def _tones(first: Words, second: Words) -> Distances:
    """Difference of blue and red: mean over the cells that both figures cover, or, where their windows differ, of the
    figures' means; 0 where only one is told from a background, since then other parts would be compared."""
    colours = [of.chromas(words) for words in (first, second)]
    cover = [of.figures(words)[:, None] for words in (first, second)]
    both = np.minimum(*cover)
    cells = np.hypot(*np.moveaxis((colours[0] - colours[1]) * both, 1, 0)).sum(axis=(1, 2)) / _total(both)[:, 0]
    means = [colour.sum(axis=(2, 3)) / _total(share) for colour, share in zip(colours, cover, strict=True)]
    figures = np.hypot(*np.moveaxis(means[0] - means[1], 1, 0))
    same_window = np.abs(of.windows(first) - of.windows(second)).max(axis=1) <= WINDOW_SLACK
    both_told = told_from_background(first) == told_from_background(second)
    tones: Distances = np.where(same_window, cells, np.where(both_told, figures, 0)).astype(np.float32)
    return tones


def _total(share: Planes) -> Planes:
    total: Planes = share.sum(axis=(2, 3)).clip(1)
    return total
