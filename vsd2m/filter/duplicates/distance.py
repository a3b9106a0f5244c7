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
WINDOW_SLACK, TOLD_SHARE = 0.06, 0.97
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
    """Difference of blue and red: mean over the cells that both figures cover, or, where their windows differ, of the
    figures' means; 0 where only one is told from a background, since then other parts would be compared."""
    colours = [of.chromas(words) for words in (first, second)]
    cover = [of.figures(words)[:, None] for words in (first, second)]
    both = np.minimum(*cover)
    cells = np.hypot(*np.moveaxis((colours[0] - colours[1]) * both, 1, 0)).sum(axis=(1, 2)) / _total(both)[:, 0]
    means = [colour.sum(axis=(2, 3)) / _total(share) for colour, share in zip(colours, cover, strict=True)]
    figures = np.hypot(*np.moveaxis(means[0] - means[1], 1, 0))
    same_window = np.abs(of.windows(first) - of.windows(second)).max(axis=1) <= WINDOW_SLACK
    both_told = (cover[0].mean(axis=(1, 2, 3)) < TOLD_SHARE) == (cover[1].mean(axis=(1, 2, 3)) < TOLD_SHARE)
    tones: Distances = np.where(same_window, cells, np.where(both_told, figures, 0)).astype(np.float32)
    return tones


def _total(share: Planes) -> Planes:
    total: Planes = share.sum(axis=(2, 3)).clip(1)
    return total


def _picture(first: Words, second: Words, enough: float) -> Distances:
    """The least difference over the hypotheses: on either background, as they lie, then aligned, then aligned from
    where their windows lie in the frame."""
    best: Distances = np.full(len(first), FAR, dtype=np.float32)
    backgrounds = np.stack([of.backgrounds(first), of.backgrounds(second)])
    same_background = backgrounds[0] == backgrounds[1]
    same_window = (of.windows(first) == of.windows(second)).all(axis=1)
    for hypothesis in (_as_they_lie, _aligned, _by_window):
        for which in (0, 1):
            open_pairs = (
                (best > enough) & ~(same_background & (which == 1)) & ~(same_window & (hypothesis is _by_window))
            )
            rows = np.flatnonzero(open_pairs)
            if len(rows):
                sides = Sides.made_of(first[rows], second[rows], backgrounds[which, rows])
                best[rows] = np.minimum(best[rows], hypothesis(sides))
    return best


def _as_they_lie(sides: "Sides") -> Distances:
    return sides.difference(sides.shown[1], sides.expected(sides.motion[1], sides.unsure[1], sides.shown[1]))


def _aligned(sides: "Sides") -> Distances:
    """A border was cut off or added: what lies beyond the other picture is not compared."""
    return sides.moved_difference(np.zeros((len(sides.shown[0]), 4), np.float32), framed=False)


def _by_window(sides: "Sides") -> Distances:
    """The figure was framed otherwise: beyond its window a picture shows background, and is compared as such."""
    there = sides.moved_difference(between_windows(*sides.windows, of.SIDE), framed=True)
    swapped = sides.swapped()
    back = swapped.moved_difference(between_windows(*swapped.windows, of.SIDE), framed=True)
    return np.maximum(there, back)


@dataclass(frozen=True)
class Sides:
    """Two sets of pictures brought to the same backgrounds, and what deviation is to be expected in them."""

    shown: tuple[Planes, Planes]
    motion: tuple[Planes, Planes]
    unsure: tuple[Planes, Planes]
    windows: tuple[Planes, Planes]
    background: Planes

    @classmethod
    def made_of(cls, first: Words, second: Words, background: npt.NDArray[np.float32]) -> "Sides":
        return cls(
            (_on_background(first, background), _on_background(second, background)),
            (of.enlarged(of.motions(first)), of.enlarged(of.motions(second))),
            (_unsure(first, background), _unsure(second, background)),
            (of.windows(first), of.windows(second)),
            background[:, None, None],
        )

    def swapped(self) -> "Sides":
        return Sides(self.shown[::-1], self.motion[::-1], self.unsure[::-1], self.windows[::-1], self.background)

    def moved_difference(self, start: npt.NDArray[np.float32], *, framed: bool) -> Distances:
        """The difference once the second pictures are aligned from `start`."""
        motion = align(self.shown[0], self.shown[1], start)
        shown, inside = warp(self.shown[1], motion)
        if framed:
            shown = self.background + (shown - self.background) * inside
        expected = self.expected(warp(self.motion[1], motion)[0], warp(self.unsure[1], motion)[0], shown)
        if framed:
            return self.difference(shown, expected)
        worst = self.difference(self.shown[0] + (shown - self.shown[0]) * inside, expected)
        worst[inside.mean(axis=(1, 2)) < LEAST_OVERLAP] = FAR
        return worst

    def expected(self, motion: Planes, unsure: Planes, shown: Planes) -> Planes:
        """The deviation that compression, motion, resampling and an exchanged background explain."""
        explained: Planes = np.minimum(self.motion[0], motion)
        explained *= np.float32(MOTION_SHARE)
        explained += np.float32(NOISE)
        explained += np.float32(SLOPE_SHARE * of.SIDE / 24) * _slopes(shown)
        explained += self.unsure[0]
        explained += unsure
        return explained

    def difference(self, shown: Planes, expected: Planes) -> Distances:
        """The greatest mean deviation of the first pictures from `shown` over a block of cells."""
        worst: Distances = _block_means(np.abs(self.shown[0] - shown) / expected).max(axis=(1, 2))
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


def _unsure(words: Words, background: npt.NDArray[np.float32]) -> Planes:
    """Deviation to expect along the figure's edge, where the background was exchanged."""
    change = np.abs(background - of.backgrounds(words))[:, None, None]
    if not change.any():
        return np.zeros((len(words), of.SIDE, of.SIDE), np.float32)
    covered = of.coverages(words)
    unsure: Planes = np.float32(4 * BACKGROUND_SHARE) * covered * (1 - covered) * change
    return unsure


def _block_means(planes: Planes) -> Planes:
    """Means over every block of 4 x 4."""
    down = planes[:, :-3] + planes[:, 1:-2] + planes[:, 2:-1] + planes[:, 3:]
    across: Planes = down[:, :, :-3] + down[:, :, 1:-2] + down[:, :, 2:-1] + down[:, :, 3:]
    across /= np.float32(16)
    return across
