"""The difference of two stickers' mean pictures, laid on each other. P pairs at a time.

What differs is counted in units of the deviation that compression, motion, resampling and an exchanged background
explain in a cell. The worst 4 x 4 of the 32 x 32 cells decides, three times over: what is fine in the deviation (the
letters of a text), what is even in it (a surface in another grey), and the two pictures' details beyond 32 x 32. A
surface may differ more than letters: a palette of few colours moves surfaces, hardly ever shapes.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vsd2m.filter.duplicates import signatures as of
from vsd2m.filter.duplicates.alignment import align, between_windows, warp
from vsd2m.filter.duplicates.signatures import Planes, Words

Distances = npt.NDArray[np.float32]

TOLD_SHARE = 0.97
LEAST_OVERLAP = 0.6
FAR = np.float32(1000)


@dataclass(frozen=True)
class Explained:
    """What explains a deviation of grey levels: always, by the size of the gradient, by the motion, and by the share
    of two details."""

    always: float
    by_slope: float = 0.0
    by_motion: float = 0.0
    by_detail: float = 0.0
    by_background: float = 1.0


FINE = Explained(always=7, by_slope=0.32, by_motion=0.2)
EVEN = Explained(always=13, by_slope=0.25, by_motion=0.3)
DETAIL = Explained(always=6.5, by_motion=0.2, by_detail=0.27, by_background=2.0)
_BACKGROUND_SHARE = 0.8
_EVEN_SIDE, _BLOCK = 5, 4


def difference(first: Words, second: Words, enough: Distances) -> Distances:
    """The least over the hypotheses: on each background, as they lie, then aligned, then aligned from where their
    windows lie in the frame. A pair found within its `enough` is not tried further."""
    best: Distances = np.full(len(first), FAR, dtype=np.float32)
    backgrounds, worth = _backgrounds(first, second)
    same_window = (of.windows(first) == of.windows(second)).all(axis=1)
    for hypothesis in (_as_they_lie, _aligned, _by_window):
        for background, open_pairs in zip(backgrounds, worth, strict=True):
            rows = np.flatnonzero((best > enough) & open_pairs & ~(same_window & (hypothesis is _by_window)))
            if len(rows):
                sides = Sides.made_of(first[rows], second[rows], background[rows])
                best[rows] = np.minimum(best[rows], hypothesis(sides))
    return best


def told_from_background(words: Words) -> npt.NDArray[np.bool_]:
    """Whether a figure was told from a background, or the whole picture is taken for it."""
    told: npt.NDArray[np.bool_] = of.coarse_coverages(words).mean(axis=(1, 2)) < TOLD_SHARE
    return told


def _backgrounds(first: Words, second: Words) -> tuple[Planes, npt.NDArray[np.bool_]]:
    """Backgrounds `[3, P]` on which to compare, and which of them are worth it: the first picture's, the second's,
    and, where only one has a background told from its figure, the grey that the other shows around that figure."""
    own = [of.backgrounds(words) for words in (first, second)]
    told = [told_from_background(words) for words in (first, second)]
    around = np.zeros(len(first), np.float32)
    for figure, full, rows in ((first, second, told[0] & ~told[1]), (second, first, told[1] & ~told[0])):
        if rows.any():
            around[rows] = _grey_around(figure[rows], full[rows])
    worth = np.stack([np.ones(len(first), np.bool_), own[0] != own[1], told[0] != told[1]])
    return np.stack([*own, around]), worth


def _grey_around(figure: Words, full: Words) -> npt.NDArray[np.float32]:
    """The mean of the `full` pictures where the figures of the others, brought to their windows, are not."""
    covered, inside = warp(of.coverages(figure), between_windows(of.windows(full), of.windows(figure), of.SIDE))
    free = (1 - np.clip(covered * inside, 0, 1)) ** 4 + np.float32(1e-4)
    grey: npt.NDArray[np.float32] = (free * of.pictures(full)).sum(axis=(1, 2)) / free.sum(axis=(1, 2))
    return grey


def _as_they_lie(sides: "Sides") -> Distances:
    return sides.difference(sides.second)


def _aligned(sides: "Sides") -> Distances:
    """A border was cut off or added: what lies beyond the other picture is not compared."""
    return sides.moved_difference(np.zeros((len(sides.background), 4), np.float32), framed=False)


def _by_window(sides: "Sides") -> Distances:
    """The figure was framed otherwise: beyond its window a picture shows background, and is compared as such."""
    swapped = Sides(sides.second, sides.first, sides.background)
    both = (s.moved_difference(between_windows(s.first.window, s.second.window, of.SIDE), framed=True)
            for s in (sides, swapped))  # fmt: skip
    return np.maximum(*both)


@dataclass(frozen=True)
class Side:
    """Pictures of 32 x 32 on a common background, and what goes with each cell. `unsure`: deviation to expect along
    the figure's edge, where the background was exchanged."""

    shown: Planes
    detail: Planes
    motion: Planes
    unsure: Planes
    window: Planes

    @classmethod
    def made_of(cls, words: Words, background: npt.NDArray[np.float32]) -> "Side":
        shown, covered = of.pictures(words), of.coverages(words)
        change = (background - of.backgrounds(words))[:, None, None]
        unsure: Planes = np.zeros_like(shown)
        if change.any():
            shown = np.clip(shown + (1 - covered) * change, 0, 255)
            unsure = np.float32(_BACKGROUND_SHARE) * covered * (1 - covered) * np.abs(change)
        detail, motion = of.enlarged(of.details(words)), of.enlarged(of.motions(words))
        return cls(shown, detail, motion, unsure, of.windows(words))

    def warped(self, motion: Planes, outside: Planes | None) -> tuple["Side", Planes]:
        """Moved, and where the result lies inside; `outside` is the background to be shown beyond, if any."""
        shown, inside = warp(self.shown, motion)
        detail, moved, unsure = (warp(planes, motion)[0] for planes in (self.detail, self.motion, self.unsure))
        if outside is not None:
            shown, detail = outside + (shown - outside) * inside, detail * inside
        return Side(shown, detail, moved, unsure, self.window), inside


@dataclass(frozen=True)
class Sides:
    """Two sets of pictures on the same `background` (`[P]`)."""

    first: Side
    second: Side
    background: npt.NDArray[np.float32]

    @classmethod
    def made_of(cls, first: Words, second: Words, background: npt.NDArray[np.float32]) -> "Sides":
        return cls(Side.made_of(first, background), Side.made_of(second, background), background)

    def moved_difference(self, start: Planes, *, framed: bool) -> Distances:
        """The difference once the second pictures are aligned from `start`."""
        motion = align(self.first.shown, self.second.shown, start)
        if framed:
            return self.difference(self.second.warped(motion, self.background[:, None, None])[0])
        second, inside = self.second.warped(motion, None)
        worst = self.difference(second, inside)
        worst[inside.mean(axis=(1, 2)) < LEAST_OVERLAP] = FAR
        return worst

    def difference(self, second: Side, inside: Planes | None = None) -> Distances:
        """The difference of the first pictures from `second`, where they overlap."""
        deviation = self.first.shown - second.shown
        beyond = np.abs(self.first.detail - second.detail)
        if inside is not None:
            deviation *= inside
            beyond *= inside
        slope = (_slopes(self.first.shown) + _slopes(second.shown)) / np.float32(2)
        motion = np.minimum(self.first.motion, second.motion)
        unsure = self.first.unsure + second.unsure
        fine = np.abs(deviation - _even(deviation)) / _expected(FINE, slope, motion, unsure)
        even = deviation / _expected(EVEN, slope, motion, unsure)
        beyond /= _expected(DETAIL, slope, motion, unsure, np.maximum(self.first.detail, second.detail))
        blocks = (_block_means(fine), np.abs(_block_means(even)), _block_means(beyond))
        worst: Distances = np.max([block.max(axis=(1, 2)) for block in blocks], axis=0)
        return worst


def _expected(by: Explained, slope: Planes, motion: Planes, unsure: Planes, detail: Planes | None = None) -> Planes:
    expected: Planes = np.float32(by.always) + np.float32(by.by_motion) * motion
    expected += np.float32(by.by_background) * unsure
    if by.by_slope:
        expected += np.float32(by.by_slope) * slope
    if detail is not None:
        expected += np.float32(by.by_detail) * detail
    return expected


def _slopes(planes: Planes) -> Planes:
    """Size of the gradient."""
    down, across = np.gradient(planes, axis=(1, 2))
    down *= down
    across *= across
    down += across
    slopes: Planes = np.sqrt(down, out=down)
    return slopes


def _even(planes: Planes) -> Planes:
    """The mean of the cells around each, mirrored at the edge."""
    margin = _EVEN_SIDE // 2
    return _means(np.pad(planes, ((0, 0), (margin, margin), (margin, margin)), mode="reflect"), _EVEN_SIDE)


def _block_means(planes: Planes) -> Planes:
    return _means(planes, _BLOCK)


def _means(planes: Planes, side: int) -> Planes:
    """Means over every block of `side` x `side`."""
    size = planes.shape[-1] - side + 1
    down = planes[:, :size].copy()
    for k in range(1, side):
        down += planes[:, k : k + size]
    means: Planes = down[:, :, :size].copy()
    for k in range(1, side):
        means += down[:, :, k : k + size]
    means /= np.float32(side * side)
    return means
