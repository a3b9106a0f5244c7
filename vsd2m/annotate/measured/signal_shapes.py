"""Names for the shape of a one- or two-dimensional signal over time: travel, swing, shake, growth, fade, flashes.

N moments, evenly spaced. Positions are in units of the picture's longer side; y grows downwards.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MIN_EXTENT = 0.035  # a path's extent that counts as moving: 2 pixels of a 64-pixel thumbnail
_ONE_WAY = 0.8  # share of the extent between the start and the end of a one-way movement
_CIRCLE_AREA = 0.5  # area a circling path encloses, over that of the ellipse with its extents
_SHAKE_TURNS = 0.6  # share of a shake's steps that reverse the direction
_SHAKE_EXTENT = 0.15
_MIN_GROWTH = 1.15
_DARK, _FADE_RANGE, _JUMP = 0.35, 0.5, 0.4

_SECTORS = (
    "to the right", "down and to the right", "down", "down and to the left",
    "to the left", "up and to the left", "up", "up and to the right",
)  # fmt: skip


@dataclass(frozen=True)
class PathShape:
    """`kind` is still, travel, swing, circle or shake; `direction` in words; `cycles` (there and back) per loop."""

    kind: str
    direction: str = ""
    cycles: int = 1


def path_shape(path: Floats) -> PathShape:
    """The shape of the positions [N, 2] (x, y); N >= 2."""
    extent = np.ptp(path, axis=0)
    if float(extent.max()) < MIN_EXTENT:
        return PathShape("still")
    net = path[-1] - path[0]
    axis = _main_axis(path)
    along = (path - path.mean(axis=0)) @ axis
    if len(path) >= 5 and float(extent.max()) < _SHAKE_EXTENT and _turning_share(along) >= _SHAKE_TURNS:
        return PathShape("shake", _line(axis), crossings(along))
    if len(path) >= 4 and float(abs(net @ axis)) >= _ONE_WAY * float(np.ptp(along)) and _turning_share(along) < 0.3:
        sector = int(np.round(np.arctan2(net[1], net[0]) / (np.pi / 4))) % 8
        return PathShape("travel", _SECTORS[sector])
    if abs(_enclosed(path)) >= _CIRCLE_AREA * np.pi / 4 * float(extent[0] * extent[1]) and _roundness(path) > 0.5:
        return PathShape("circle", "clockwise" if _enclosed(path) > 0 else "counter-clockwise")
    return PathShape("swing", _line(axis), crossings(along))


def crossings(signal: Floats) -> int:
    """How many times per loop the signal swings from its upper to its lower part and back, at least 1."""
    low, high = float(signal.min()), float(signal.max())
    upper = signal > high - 0.4 * (high - low)
    lower = signal < low + 0.4 * (high - low)
    states = [bool(up) for up, down in zip(upper, lower, strict=True) if up or down]
    changes = sum(now != before for before, now in zip([states[-1], *states[:-1]], states, strict=True))
    return max(1, changes // 2)


def growth(size: Floats) -> str | None:
    """How a size [N] changes: grows, shrinks, or pulsates; None if it stays within 15 %."""
    low, high = float(size.min()), float(size.max())
    if low <= 0 or high / low < _MIN_GROWTH:
        return None
    net = float(size[-1] - size[0]) / (high - low)
    if abs(net) < _ONE_WAY:
        return "grows and shrinks"
    return "grows" if net > 0 else "shrinks"


def fade(level: Floats) -> tuple[str | None, int]:
    """(fade: in, out, in and out; flashes per loop) of a visibility [N] in 0..1.

    A fade is gradual. If the visibility jumps, the number of disappearances per loop is counted as flashes.
    """
    peak = float(level.max())
    if peak <= 0 or float(level.min()) > (1 - _FADE_RANGE) * peak:
        return None, 0
    relative = level / peak
    inner = np.abs(np.diff(relative))
    if float(inner.max(initial=0.0)) > _JUMP:
        return None, _runs(relative < _DARK)
    starts_low, ends_low = bool(relative[0] < 0.6), bool(relative[-1] < 0.6)
    names = {(True, False): "in", (False, True): "out", (True, True): "in and out", (False, False): "out and in"}
    return names[starts_low, ends_low], 0


def brightness_flashes(brightness: Floats) -> int:
    """How often per loop the mean brightness [N] in 0..1 jumps by a fifth of the scale and back; 0 or at least 2."""
    jumps = np.abs(np.diff(np.append(brightness, brightness[0]))) > 0.2
    count = int(jumps.sum()) // 2
    return count if count >= 2 else 0


def whole_turns(angles: Floats) -> int:
    """Whole turns in a loop from the angles between successive frames [N] in radians, the last back to the first."""
    total = float(angles.sum()) / (2 * np.pi)
    turns = round(total)
    steady = float((np.sign(angles) == np.sign(total)).mean()) if turns else 0.0
    return turns if abs(total - turns) < 0.15 and steady > 0.8 else 0


def _main_axis(path: Floats) -> Floats:
    centred = path - path.mean(axis=0)
    _, vectors = np.linalg.eigh(centred.T @ centred)
    axis: Floats = vectors[:, -1]
    return axis


def _line(axis: Floats) -> str:
    degrees = float(np.degrees(np.arctan2(abs(axis[1]), abs(axis[0]))))
    return "from side to side" if degrees < 25 else "up and down" if degrees > 65 else "diagonally to and fro"


def _turning_share(along: Floats) -> float:
    """Share of the steps that reverse the previous step; steps below a tenth of the extent are ignored."""
    steps = np.diff(along)
    steps = steps[np.abs(steps) > 0.1 * np.ptp(along)]
    return float((np.sign(steps[1:]) != np.sign(steps[:-1])).mean()) if len(steps) > 2 else 0.0


def _enclosed(path: Floats) -> float:
    """Signed area of the closed path; positive is clockwise on the screen."""
    x, y = (path - path.mean(axis=0)).T
    return float((x * np.roll(y, -1) - y * np.roll(x, -1)).sum()) / 2


def _roundness(path: Floats) -> float:
    centred = path - path.mean(axis=0)
    values = np.linalg.eigvalsh(centred.T @ centred)
    return float(np.sqrt(max(values[0], 0.0) / values[1])) if values[1] > 0 else 0.0


def _runs(flags: NDArray[np.bool_]) -> int:
    """Runs of True around the loop."""
    if flags.all() or not flags.any():
        return 0
    return int((flags & ~np.roll(flags, 1)).sum())
