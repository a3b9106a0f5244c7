"""What moves in a clip and how, measured from its pixels.

N frames, h height, w width of the thumbnails. A sticker is a loop: the first frame follows the last.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vsd2m.annotate.measured.colours import NAMES, name_indices
from vsd2m.annotate.measured.foreground import Foreground, find_foreground
from vsd2m.annotate.measured.frame_alignment import Similarity, fit_similarity
from vsd2m.annotate.measured.signal_shapes import PathShape, brightness_flashes, fade, growth, path_shape, whole_turns
from vsd2m.annotate.measured.thumbnails import Thumbnails

Floats = NDArray[np.float64]

STILL = PathShape("still")

_STILL = 0.0015  # largest mean change between two frames (0..1) that counts as still
_CHANGED = 0.08  # change of one pixel that counts
_LOCAL = 0.5  # largest share of the foreground that changes if only parts of it move
_EXPLAINED = 0.4  # share of a difference that a motion must explain to be accepted
_MIN_CHROMA = 0.12
_COLOUR_TURN = 100.0  # degrees of hue


@dataclass(frozen=True)
class Motion:
    """Measured movement; None, 0 or empty for a kind of movement that was not detected.

    `subject`: "foreground", or "picture" if no background was detected. `path`: its movement as a whole. `growth`:
    grows, shrinks, grows and shrinks. `fade`: in, out, in and out, out and in. `flashes`: per loop. `turns`: whole
    turns per loop, clockwise positive. `colours`: names its colour passes through. `repeats`: identical cycles in one
    loop of the file. `local`: only parts of it move. `place`: where most of the change is ("top left"), or "".
    """

    still: bool
    subject: str
    duration_ms: int
    path: PathShape = STILL
    growth: str | None = None
    fade: str | None = None
    flashes: int = 0
    turns: int = 0
    colours: tuple[str, ...] = ()
    repeats: int = 1
    local: bool = False
    place: str = ""


def measure_motion(thumbs: Thumbnails, foreground: Foreground | None) -> Motion:
    """The motion in the thumbnails; `foreground` is what `find_foreground` found in them."""
    subject = "picture" if foreground is None else "foreground"
    change = _pixel_change(thumbs)
    if len(thumbs) < 2 or float(change.mean(axis=(1, 2)).max()) < _STILL:
        return Motion(True, subject, thumbs.duration_ms)
    level, brightness, rgb = _appearance(thumbs, foreground)
    fade_name, num_disappearances = fade(level)
    flashes = num_disappearances or brightness_flashes(brightness)
    steps = _steps(thumbs, foreground)
    path, growth_name = (
        _whole_picture(steps) if foreground is None else _foreground_movement(foreground, faded=fade_name is not None)
    )
    changed: NDArray[np.bool_] = np.asarray((change > _CHANGED).any(axis=0))
    return Motion(
        still=False,
        subject=subject,
        duration_ms=thumbs.duration_ms,
        path=path,
        growth=growth_name,
        fade=fade_name,
        flashes=flashes,
        turns=_turns(steps),
        colours=_colour_turn(rgb),
        repeats=count_repeats(thumbs.pixels),
        local=_share_of_foreground(changed, foreground) < _LOCAL,
        place=_place(change.sum(axis=0)),
    )


def motion_of(thumbs: Thumbnails) -> Motion:
    """`measure_motion` with the foreground found in the thumbnails themselves."""
    return measure_motion(thumbs, find_foreground(thumbs))


def count_repeats(pixels: Floats) -> int:
    """How many identical cycles the loop [N, h, w, C] consists of; 1 where it does not repeat within itself."""
    count = len(pixels)
    flat = pixels.reshape(count, -1)
    distance = np.array([np.abs(flat - np.roll(flat, -lag, axis=0)).mean() for lag in range(count // 2 + 1)])
    for lag in (lag for lag in range(2, count // 2 + 1) if count % lag == 0):
        before = float(distance[:lag].max())
        if before > _STILL and float(distance[lag]) < 0.2 * before:
            return count // lag
    return 1


def _pixel_change(thumbs: Thumbnails) -> Floats:
    """Largest change of any channel between successive frames around the loop [N, h, w]."""
    change: Floats = np.abs(np.roll(thumbs.pixels, -1, axis=0) - thumbs.pixels).max(axis=3)
    return change


def _appearance(thumbs: Thumbnails, foreground: Foreground | None) -> tuple[Floats, Floats, Floats]:
    """Per frame: visibility [N], brightness [N] and mean colour [N, 3] of the foreground, or of the whole picture."""
    if foreground is None:
        rgb = thumbs.over(np.ones(3))
        contrast = rgb.std(axis=(1, 2)).mean(axis=1)
        mean = rgb.mean(axis=(1, 2))
        return contrast / max(float(contrast.max()), 0.05), mean.mean(axis=1), mean
    weights = (foreground.mask * thumbs.alpha)[..., None]
    mass = weights.sum(axis=(1, 2))
    mean = (thumbs.pixels[..., :3] * foreground.mask[..., None]).sum(axis=(1, 2)) / np.where(mass > 0, mass, np.nan)
    filled = np.where(np.isnan(mean), np.nanmean(mean, axis=0), mean)
    return foreground.level, filled.mean(axis=1), filled


def _foreground_movement(foreground: Foreground, *, faded: bool) -> tuple[PathShape, str | None]:
    """The foreground's path and growth, from the frames that show it."""
    present = foreground.present
    if int(present.sum()) < 2:
        return PathShape("still"), None
    centre, area, spread = foreground.centre[present], foreground.area[present], foreground.spread[present]
    by_area, by_spread = growth(np.sqrt(area)), growth(spread)
    agreed = by_area if by_area == by_spread and not faded else None
    return path_shape(centre), agreed


def _whole_picture(steps: list[Similarity]) -> tuple[PathShape, str | None]:
    """Pan and zoom of a picture that fills its frame; motion that the steps do not explain is not reported.

    The step from the last frame to the first is a jump back, not part of the movement.
    """
    inner = steps[:-1]
    moving = [step for step in inner if abs(step.scale - 1) > 0.003 or max(map(abs, step.shift)) > 0.003]
    if len(moving) < 0.5 * len(inner) or np.mean([step.explained for step in moving] or [0.0]) < _EXPLAINED:
        return PathShape("still"), None
    shifts = np.array([[0.0, 0.0], *(step.shift for step in inner)])
    scales = np.array([0.0, *(np.log(step.scale) for step in inner)])
    return path_shape(np.cumsum(shifts, axis=0)), growth(np.exp(np.cumsum(scales)))


def _steps(thumbs: Thumbnails, foreground: Foreground | None) -> list[Similarity]:
    """Similarities between successive frames, the last back to the first; a foreground is centred first."""
    grey = np.stack([thumbs.pixels[..., :3].mean(axis=3), thumbs.alpha], axis=3)
    if foreground is not None:
        height, width = grey.shape[1:3]
        unit = max(height, width)
        centre = np.where(np.isnan(foreground.centre), 0.5, foreground.centre)
        offsets = np.round(centre * unit - np.array([width, height]) / 2).astype(np.int64)
        grey = np.stack(
            [np.roll(frame, (-dy, -dx), axis=(0, 1)) for frame, (dx, dy) in zip(grey, offsets, strict=True)]
        )
    grey = _halved(grey)
    return [fit_similarity(grey[index], grey[(index + 1) % len(grey)]) for index in range(len(grey))]


def _halved(frames: Floats) -> Floats:
    """Frames [N, h, w, C] at half the size; an odd last row or column is omitted."""
    height, width = max(frames.shape[1] // 2, 1), max(frames.shape[2] // 2, 1)
    rows = frames[:, : 2 * height].reshape(len(frames), height, -1, *frames.shape[2:]).mean(axis=2)
    halved: Floats = rows[:, :, : 2 * width].reshape(len(frames), height, width, -1, frames.shape[3]).mean(axis=3)
    return halved


def _turns(steps: list[Similarity]) -> int:
    if np.mean([step.explained for step in steps]) < _EXPLAINED:
        return 0
    return whole_turns(np.array([step.angle for step in steps]))


def _colour_turn(rgb: Floats) -> tuple[str, ...]:
    """Names the mean colour [N, 3] passes through, in order, where its hue covers more than 100 degrees; else ()."""
    chromatic = rgb[np.ptp(rgb, axis=1) > _MIN_CHROMA]
    if len(chromatic) < max(2, len(rgb) // 2):
        return ()
    red, green, blue = chromatic.T
    hues = np.sort(np.degrees(np.arctan2(np.sqrt(3) * (green - blue), 2 * red - green - blue)) % 360)
    gaps = np.diff(np.append(hues, hues[0] + 360))
    if 360 - float(gaps.max()) < _COLOUR_TURN:
        return ()
    names = [NAMES[index] for index in name_indices(chromatic)]
    return tuple(dict.fromkeys(names))


def _share_of_foreground(changed: NDArray[np.bool_], foreground: Foreground | None) -> float:
    """Pixels that ever change, over those the foreground ever covers (of all pixels for a whole picture)."""
    covered = np.ones_like(changed) if foreground is None else foreground.mask.any(axis=0)
    return float(changed.sum() / max(1, covered.sum()))


def _place(change: Floats) -> str:
    """Where a map of change [h, w] is concentrated: 60 % of it in a third (or ninth) of the picture; else ""."""
    total = float(change.sum())
    if total <= 0:
        return ""
    rows = [float(part.sum()) / total for part in np.array_split(change, 3, axis=0)]
    columns = [float(part.sum()) / total for part in np.array_split(change, 3, axis=1)]
    vertical = ["top", "", "bottom"][int(np.argmax(rows))] if max(rows) > 0.6 else ""
    horizontal = ["left", "", "right"][int(np.argmax(columns))] if max(columns) > 0.6 else ""
    middle = "middle" if max(rows) > 0.6 and max(columns) > 0.6 and not vertical and not horizontal else ""
    return f"{vertical} {horizontal}".strip() or middle
