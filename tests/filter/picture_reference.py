"""The difference of pictures and their alignment in numpy, whole arrays of pairs at a time."""

from dataclasses import dataclass

import numpy as np
from planes_reference import (
    SIDE,
    backgrounds,
    coarse_coverages,
    coverages,
    details,
    enlarged,
    motions,
    pictures,
    windows,
)

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


def difference(first: np.ndarray, second: np.ndarray, enough: np.ndarray) -> np.ndarray:
    """The least over the hypotheses: on each background, as they lie, then aligned, then aligned from where their
    windows lie in the frame. A pair found within its `enough` is not tried further."""
    best: np.ndarray = np.full(len(first), FAR, dtype=np.float32)
    backgrounds, worth = _backgrounds(first, second)
    same_window = (windows(first) == windows(second)).all(axis=1)
    for hypothesis in (_as_they_lie, _aligned, _by_window):
        for background, open_pairs in zip(backgrounds, worth, strict=True):
            rows = np.flatnonzero((best > enough) & open_pairs & ~(same_window & (hypothesis is _by_window)))
            if len(rows):
                sides = Sides.made_of(first[rows], second[rows], background[rows])
                best[rows] = np.minimum(best[rows], hypothesis(sides))
    return best


def told_from_background(words: np.ndarray) -> np.ndarray:
    """Whether a figure was told from a background, or the whole picture is taken for it."""
    told: np.ndarray = coarse_coverages(words).mean(axis=(1, 2)) < TOLD_SHARE
    return told


def _backgrounds(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Backgrounds `[3, P]` on which to compare, and which of them are worth it: the first picture's, the second's,
    and, where only one has a background told from its figure, the grey that the other shows around that figure."""
    own = [backgrounds(words) for words in (first, second)]
    told = [told_from_background(words) for words in (first, second)]
    around = np.zeros(len(first), np.float32)
    for figure, full, rows in ((first, second, told[0] & ~told[1]), (second, first, told[1] & ~told[0])):
        if rows.any():
            around[rows] = _grey_around(figure[rows], full[rows])
    worth = np.stack([np.ones(len(first), np.bool_), own[0] != own[1], told[0] != told[1]])
    return np.stack([*own, around]), worth


def _grey_around(figure: np.ndarray, full: np.ndarray) -> np.ndarray:
    """The mean of the `full` pictures where the figures of the others, brought to their windows, are not."""
    covered, inside = warp(coverages(figure), between_windows(windows(full), windows(figure), SIDE))
    free = (1 - np.clip(covered * inside, 0, 1)) ** 4 + np.float32(1e-4)
    grey: np.ndarray = (free * pictures(full)).sum(axis=(1, 2)) / free.sum(axis=(1, 2))
    return grey


def _as_they_lie(sides: "Sides") -> np.ndarray:
    return sides.difference(sides.second)


def _aligned(sides: "Sides") -> np.ndarray:
    """A border was cut off or added: what lies beyond the other picture is not compared."""
    return sides.moved_difference(np.zeros((len(sides.background), 4), np.float32), framed=False)


def _by_window(sides: "Sides") -> np.ndarray:
    """The figure was framed otherwise: beyond its window a picture shows background, and is compared as such."""
    swapped = Sides(sides.second, sides.first, sides.background)
    both = (s.moved_difference(between_windows(s.first.window, s.second.window, SIDE), framed=True)
            for s in (sides, swapped))  # fmt: skip
    return np.maximum(*both)


@dataclass(frozen=True)
class Side:
    """Pictures of 32 x 32 on a common background, and what goes with each cell. `unsure`: deviation to expect along
    the figure's edge, where the background was exchanged."""

    shown: np.ndarray
    detail: np.ndarray
    motion: np.ndarray
    unsure: np.ndarray
    window: np.ndarray

    @classmethod
    def made_of(cls, words: np.ndarray, background: np.ndarray) -> "Side":
        shown, covered = pictures(words), coverages(words)
        change = (background - backgrounds(words))[:, None, None]
        unsure: np.ndarray = np.zeros_like(shown)
        if change.any():
            shown = np.clip(shown + (1 - covered) * change, 0, 255)
            unsure = np.float32(_BACKGROUND_SHARE) * covered * (1 - covered) * np.abs(change)
        detail, motion = enlarged(details(words)), enlarged(motions(words))
        return cls(shown, detail, motion, unsure, windows(words))

    def warped(self, motion: np.ndarray, outside: np.ndarray | None) -> tuple["Side", np.ndarray]:
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
    background: np.ndarray

    @classmethod
    def made_of(cls, first: np.ndarray, second: np.ndarray, background: np.ndarray) -> "Sides":
        return cls(Side.made_of(first, background), Side.made_of(second, background), background)

    def moved_difference(self, start: np.ndarray, *, framed: bool) -> np.ndarray:
        """The difference once the second pictures are aligned from `start`."""
        motion = align(self.first.shown, self.second.shown, start)
        if framed:
            return self.difference(self.second.warped(motion, self.background[:, None, None])[0])
        second, inside = self.second.warped(motion, None)
        worst = self.difference(second, inside)
        worst[inside.mean(axis=(1, 2)) < LEAST_OVERLAP] = FAR
        return worst

    def difference(self, second: Side, inside: np.ndarray | None = None) -> np.ndarray:
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
        worst: np.ndarray = np.max([block.max(axis=(1, 2)) for block in blocks], axis=0)
        return worst


def _expected(
    by: Explained, slope: np.ndarray, motion: np.ndarray, unsure: np.ndarray, detail: np.ndarray | None = None
) -> np.ndarray:
    expected: np.ndarray = np.float32(by.always) + np.float32(by.by_motion) * motion
    expected += np.float32(by.by_background) * unsure
    if by.by_slope:
        expected += np.float32(by.by_slope) * slope
    if detail is not None:
        expected += np.float32(by.by_detail) * detail
    return expected


def _slopes(planes: np.ndarray) -> np.ndarray:
    """Size of the gradient."""
    down, across = np.gradient(planes, axis=(1, 2))
    down *= down
    across *= across
    down += across
    slopes: np.ndarray = np.sqrt(down, out=down)
    return slopes


def _even(planes: np.ndarray) -> np.ndarray:
    """The mean of the cells around each, mirrored at the edge."""
    margin = _EVEN_SIDE // 2
    return _means(np.pad(planes, ((0, 0), (margin, margin), (margin, margin)), mode="reflect"), _EVEN_SIDE)


def _block_means(planes: np.ndarray) -> np.ndarray:
    return _means(planes, _BLOCK)


def _means(planes: np.ndarray, side: int) -> np.ndarray:
    """Means over every block of `side` x `side`."""
    size = planes.shape[-1] - side + 1
    down = planes[:, :size].copy()
    for k in range(1, side):
        down += planes[:, k : k + size]
    means: np.ndarray = down[:, :, :size].copy()
    for k in range(1, side):
        means += down[:, :, k : k + size]
    means /= np.float32(side * side)
    return means


NUM_SMOOTH_STEPS, NUM_STEPS = 2, 5
MAX_SHIFT, MAX_SCALE = 3.3, 0.13  # cells and share: borders of up to 5 % cut off or added on each side
OUTLIER, OUTLIER_SLOPE = 8.0, 0.5  # grey levels, and share of the gradient, past which a cell loses weight
_RIDGE, _RIGID = 50.0, 1e9


def align(first: np.ndarray, second: np.ndarray, start: np.ndarray) -> np.ndarray:
    """The motion, near `start`, that lays `second` (`[P, n, n]`) best on `first`: smoothed first, since thin lines
    draw the search only over a cell, and a shift alone in the first step. Cells that differ lose weight (Cauchy's),
    so that what lies beyond the pictures' common part does not pull at them."""
    size = first.shape[-1]
    offset = (np.arange(size) - (size - 1) / 2).astype(np.float32)
    bounds = np.array([MAX_SHIFT, MAX_SCALE, MAX_SHIFT, MAX_SCALE], np.float32)
    ridge = np.diag([1, size * size / 6, 1, size * size / 6]).astype(np.float32) * np.float32(_RIDGE)
    rigid = ridge + np.diag([0, _RIGID, 0, _RIGID]).astype(np.float32)
    smoothed = _smoothed(first), _smoothed(second)
    motion: np.ndarray = start.copy()
    for step in range(NUM_STEPS):
        still, moving = smoothed if step < NUM_SMOOTH_STEPS else (first, second)
        moved, inside = warp(moving, motion)
        down, across = np.gradient(moved, axis=(1, 2))
        slopes = np.stack([down, down * offset[:, None], across, across * offset], axis=1) * inside[:, None]
        slopes = slopes.reshape(len(first), 4, -1)
        error = (still - moved) * inside
        outlying = error / (np.float32(OUTLIER) + np.float32(OUTLIER_SLOPE) * np.hypot(down, across))
        weighted = slopes / (1 + outlying * outlying).reshape(len(first), 1, -1)
        normal = weighted @ slopes.transpose(0, 2, 1) + (ridge if step else rigid)
        motion += np.linalg.solve(normal, weighted @ error.reshape(len(first), -1, 1))[..., 0]
        np.clip(motion, start - bounds, start + bounds, out=motion)
    return motion


def warp(planes: np.ndarray, motion: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`planes` moved, and where (1 or 0) the result lies inside them."""
    size = planes.shape[-1]
    middle = np.float32((size - 1) / 2)
    place = np.arange(size, dtype=np.float32)
    places = [place + motion[:, k, None] + motion[:, k + 1, None] * (place - middle) for k in (0, 2)]
    down, across = (_cubic(where, size) for where in places)
    moved: np.ndarray = (down @ planes @ across.transpose(0, 2, 1)).astype(np.float32, copy=False)
    rows, columns = ((where >= -0.5) & (where <= size - 0.5) for where in places)
    inside: np.ndarray = (rows[:, :, None] & columns[:, None]).astype(np.float32)
    return moved, inside


def between_windows(first: np.ndarray, second: np.ndarray, size: int) -> np.ndarray:
    """The motion for pictures that show the windows `first` and `second` (`[P, 4]`) of one and the same frame."""
    middle = (size - 1) / 2
    motion = np.empty((len(first), 4), np.float32)
    for k in (0, 2):
        length, other = first[:, k + 1] - first[:, k], second[:, k + 1] - second[:, k]
        centre = (first[:, k] + length / 2 - second[:, k]) / other * size - 0.5
        motion[:, k], motion[:, k + 1] = centre - middle, length / other - 1
    return motion


def _cubic(places: np.ndarray, size: int) -> np.ndarray:
    """The weights `[P, n, n]` of cubic convolution (Keys, ASSP 1981) at `places`: linear ones would blur."""
    away = np.abs(np.clip(places, 0, size - 1)[:, :, None] - np.arange(size, dtype=np.float32))
    near, far = np.minimum(away, 1), np.clip(away, 1, 2)
    weights: np.ndarray = (1.5 * near - 2.5) * near * near + 1
    weights += ((2.5 - 0.5 * far) * far - 4) * far + 2
    weights /= weights.sum(axis=2, keepdims=True)
    return weights


def _smoothed(planes: np.ndarray) -> np.ndarray:
    """Binomial means over five cells each way."""
    for axis in (1, 2):
        width = [(2, 2) if axis == k else (0, 0) for k in range(3)]
        padded = np.moveaxis(np.pad(planes, width, mode="edge"), axis, 0)
        rows = padded[:-4] + padded[4:] + 4 * (padded[1:-3] + padded[3:-1]) + 6 * padded[2:-2]
        planes = np.moveaxis(rows, 0, axis) / np.float32(16)
    return planes
