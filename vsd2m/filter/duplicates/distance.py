"""How far apart two stickers are, from their fingerprints alone. P pairs at a time.

The distance is the greatest of three differences, each scaled so that the same limit serves all:

- course: bits in which the frames' hashes differ, each frame beside the best of three neighbours in time;
- tones: mean difference of the figure's colours;
- picture: the mean pictures laid on each other on either sticker's background; the greatest mean deviation in any
  4 x 4 of the 32 x 32 cells, in units of the deviation that compression, motion and resampling explain there. This is
  what keeps two texts under one drawing apart.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from vsd2m.filter.duplicates import signatures as of
from vsd2m.filter.duplicates.alignment import align, between_windows, warp
from vsd2m.filter.duplicates.signatures import Planes, Rows, Words
from vsd2m.media import fingerprint as layout

Distances = npt.NDArray[np.float32]
Measure = Callable[[Words, Words], Distances]

COURSE_UNIT, TONE_UNIT = 0.2, 13.0  # share of bits, and grey levels, that count as a distance of 1
WINDOW_SLACK = 0.06
NOISE, MOTION_SHARE, SLOPE_SHARE, BACKGROUND_SHARE = 8.0, 0.3, 0.25, 0.2
LEAST_OVERLAP = 0.6
FAR = np.float32(1000)


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

    def distances(self, enough: float) -> Distances:
        """The distance of each pair. A pair found within `enough` is not measured further, and one whose course or
        tones differ by more neither: only on which side of `enough` a distance lies is sure. 0 measures all."""
        out = self.course()
        near = np.flatnonzero(out <= enough) if enough > 0 else np.arange(len(out))
        out[near] = np.maximum(out[near], self.take(near)._in_chunks(partial(_tones_and_picture, enough=enough), 128))
        return out

    def _in_chunks(self, measure: Measure, size: int) -> Distances:
        def one(start: int) -> Distances:
            part = slice(start, start + size)
            return measure(self.words[self.first[part]], self.words[self.second[part]])

        starts = range(0, len(self.first), size)
        if not starts:
            return np.empty(0, np.float32)
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


def _tones_and_picture(first: Words, second: Words, enough: float) -> Distances:
    out = _tones(first, second) / np.float32(TONE_UNIT)
    near = np.flatnonzero(out <= enough) if enough > 0 else np.arange(len(out))
    out[near] = np.maximum(out[near], _picture(first[near], second[near], enough))
    return out


def _tones(first: Words, second: Words) -> Distances:
    """Mean difference of blue and red where both show their figure; 0 where their windows differ, since then other
    parts would be compared."""
    difference = of.chromas(first) - of.chromas(second)
    both = np.minimum(of.figures(first), of.figures(second))
    mean: Distances = (np.hypot(difference[:, 0], difference[:, 1]) * both).sum(axis=(1, 2)) / both.sum(
        axis=(1, 2)
    ).clip(1)
    same_window = np.abs(of.windows(first) - of.windows(second)).max(axis=1) <= WINDOW_SLACK
    return np.where(same_window, mean, np.float32(0))


def _picture(first: Words, second: Words, enough: float) -> Distances:
    """The least difference over the hypotheses: on either background, as they lie, then aligned, then aligned from
    where their windows lie in the frame."""
    best: Distances = np.full(len(first), FAR, dtype=np.float32)
    backgrounds = np.stack([of.backgrounds(first), of.backgrounds(second)])
    windows = np.stack([of.windows(first), of.windows(second)])
    same_background = backgrounds[0] == backgrounds[1]
    same_window = (windows[0] == windows[1]).all(axis=1)
    for start in ("as they lie", "aligned", "by window"):
        for which in (0, 1):
            open_pairs = (best > enough) & ~(same_background & (which == 1)) & ~(same_window & (start == "by window"))
            rows = np.flatnonzero(open_pairs)
            if len(rows):
                sides = Sides(first[rows], second[rows], backgrounds[which, rows])
                best[rows] = np.minimum(best[rows], sides.difference(_motion(sides, windows[:, rows], start)))
    return best


def _motion(sides: "Sides", windows: npt.NDArray[np.float32], start: str) -> npt.NDArray[np.float32] | None:
    """How to move the second pictures; None: not at all."""
    if start == "as they lie":
        return None
    still = np.zeros((len(sides.shown[0]), 4), np.float32)
    around = still if start == "aligned" else between_windows(windows[0], windows[1], of.SIDE)
    return align(sides.shown[0], sides.shown[1], around)


class Sides:
    """Two sets of pictures brought to the same backgrounds, and what deviation is to be expected in them."""

    def __init__(self, first: Words, second: Words, background: npt.NDArray[np.float32]) -> None:
        self.shown = [_on_background(words, background) for words in (first, second)]
        self.motion = [of.motions(words) for words in (first, second)]
        self.unsure = [_unsure(words, background) for words in (first, second)]

    def difference(self, motion: npt.NDArray[np.float32] | None) -> Distances:
        """The greatest mean deviation over a block of cells, with the second pictures moved by `motion`."""
        if motion is None:
            shown, inside = self.shown[1], None
            expected = of.enlarged(np.minimum(*self.motion))
            unsure = self.unsure[1]
        else:
            shown, inside = warp(self.shown[1], motion)
            expected = np.minimum(of.enlarged(self.motion[0]), warp(of.enlarged(self.motion[1]), motion)[0])
            unsure = None if self.unsure[1] is None else warp(self.unsure[1], motion)[0]
        expected *= np.float32(MOTION_SHARE)
        expected += np.float32(NOISE)
        expected += np.float32(SLOPE_SHARE * of.SIDE / 24) * _slopes(shown)
        for part in (self.unsure[0], unsure):
            if part is not None:
                expected += part
        deviation = np.abs(self.shown[0] - shown) / expected
        if inside is None:
            worst: Distances = _block_means(deviation).max(axis=(1, 2))
            return worst
        worst = _block_means(deviation * inside).max(axis=(1, 2))
        worst[inside.mean(axis=(1, 2)) < LEAST_OVERLAP] = FAR
        return worst


def _slopes(planes: Planes) -> Planes:
    """Size of the gradient."""
    down, across = np.gradient(planes, axis=(1, 2))
    down *= down
    across *= across
    down += across
    slopes: Planes = np.sqrt(down, out=down)
    return slopes


def _on_background(words: Words, background: npt.NDArray[np.float32]) -> Planes:
    change = (background - of.backgrounds(words))[:, None, None]
    shown = of.pictures(words)
    return np.clip(shown + (1 - of.coverages(words)) * change, 0, 255) if change.any() else shown


def _unsure(words: Words, background: npt.NDArray[np.float32]) -> Planes | None:
    """Deviation to expect along the figure's edge, where the background was exchanged; None: it was not."""
    change = np.abs(background - of.backgrounds(words))[:, None, None]
    if not change.any():
        return None
    covered = of.coverages(words)
    unsure: Planes = np.float32(4 * BACKGROUND_SHARE) * covered * (1 - covered) * change
    return unsure


def _block_means(planes: Planes) -> Planes:
    """Means over every block of 4 x 4."""
    down = planes[:, :-3] + planes[:, 1:-2] + planes[:, 2:-1] + planes[:, 3:]
    across: Planes = down[:, :, :-3] + down[:, :, 1:-2] + down[:, :, 2:-1] + down[:, :, 3:]
    across /= np.float32(16)
    return across
