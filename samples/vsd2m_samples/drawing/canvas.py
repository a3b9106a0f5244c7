"""A supersampled drawing surface with an affine transform: filled shapes with outlines, and strokes with round ends."""

import contextlib
import math
from collections.abc import Iterable, Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Colour = tuple[int, int, int] | tuple[int, int, int, int]
Points = NDArray[np.float64]  # [N, 2], x and y


@lru_cache(maxsize=4096)
def ellipse(cx: float, cy: float, rx: float, ry: float, *, num_points: int = 36) -> Points:
    """The outline of an ellipse. Outlines are cached: do not write into them."""
    angles = np.linspace(0.0, 2 * math.pi, num_points, endpoint=False)
    return np.stack([cx + rx * np.cos(angles), cy + ry * np.sin(angles)], axis=1)


def superellipse(cx: float, cy: float, rx: float, ry: float, *, power: float, num_points: int = 48) -> Points:
    """An outline between an ellipse (power 2) and a rectangle (power -> infinity)."""
    angles = np.linspace(0.0, 2 * math.pi, num_points, endpoint=False)
    cos, sin = np.cos(angles), np.sin(angles)
    x = cx + rx * np.sign(cos) * np.abs(cos) ** (2 / power)
    y = cy + ry * np.sign(sin) * np.abs(sin) ** (2 / power)
    return np.stack([x, y], axis=1)


@lru_cache(maxsize=4096)
def arc(cx: float, cy: float, rx: float, ry: float, start: float, end: float, *, num_points: int = 14) -> Points:
    """A piece of an ellipse from `start` to `end`, degrees, clockwise on the screen, 0 to the right."""
    angles = np.radians(np.linspace(start, end, num_points))
    return np.stack([cx + rx * np.cos(angles), cy + ry * np.sin(angles)], axis=1)


def smooth(corners: Iterable[tuple[float, float]], *, closed: bool = True, steps: int = 6) -> Points:
    """A Catmull-Rom curve through `corners`."""
    return _curve(tuple(corners), closed, steps)


@lru_cache(maxsize=4096)
def _curve(corners: tuple[tuple[float, float], ...], closed: bool, steps: int) -> Points:
    points = np.array(corners, dtype=np.float64)
    ends = (points[-1:], points[:2]) if closed else (points[:1], points[-1:])
    padded = np.concatenate([ends[0], points, ends[1]])
    p0, p1, p2, p3 = (padded[start : len(padded) - 3 + start, None, :] for start in range(4))
    u = np.arange(steps, dtype=np.float64)[None, :, None] / steps
    curve = 0.5 * (2 * p1 + (p2 - p0) * u + (2 * p0 - 5 * p1 + 4 * p2 - p3) * u**2 + (3 * p1 - p0 - 3 * p2 + p3) * u**3)
    flat = curve.reshape(-1, 2)
    return flat if closed else np.vstack([flat, points[-1:]])


class Canvas:
    """Finally `width` x `height` pixels; coordinates are the caller's, through the current transform.

    Drawing replaces what is below, also with a half-transparent colour: layers are blended by `Image.alpha_composite`.
    """

    def __init__(self, width: int, height: int, *, supersample: int = 2, line: float = 2.6) -> None:
        self._size = (width, height)
        self._supersample = supersample
        self._line = line
        self._image = Image.new("RGBA", (width * supersample, height * supersample))
        self._draw = ImageDraw.Draw(self._image)
        self._matrix = np.array([[supersample, 0, 0], [0, supersample, 0], [0, 0, 1]], dtype=np.float64)

    @contextlib.contextmanager
    def moved(
        self, x: float = 0.0, y: float = 0.0, *, degrees: float = 0.0, scale: float | tuple[float, float] = 1.0
    ) -> Iterator[None]:
        """Inside the block the origin lies at (x, y), turned clockwise by `degrees` and scaled."""
        sx, sy = scale if isinstance(scale, tuple) else (scale, scale)
        cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
        before = self._matrix
        self._matrix = before @ np.array([[cos * sx, -sin * sy, x], [sin * sx, cos * sy, y], [0, 0, 1]])
        try:
            yield
        finally:
            self._matrix = before

    def shape(self, outline: Points, fill: Colour, *, line: Colour | None = None, width: float | None = None) -> None:
        """A closed shape; `line` puts an outline of `width` around it (the canvas's width by default)."""
        points = self._transformed(outline)
        if line is not None:
            outline_points = _grow(points, (self._line if width is None else width) * self._scale())
            self._polygon(outline_points, line)
        self._polygon(points, fill)

    def stroke(self, path: Points, width: float, fill: Colour, *, line: Colour | None = None) -> None:
        """An open path drawn `width` thick with round ends; `line` puts an outline around it."""
        points = self._transformed(path)
        if line is not None:
            self._thick(points, width / 2 * self._scale() + self._line * self._scale(), line)
        self._thick(points, width / 2 * self._scale(), fill)

    def dot(self, x: float, y: float, radius: float, fill: Colour, *, line: Colour | None = None) -> None:
        """A disc."""
        self.shape(ellipse(x, y, radius, radius, num_points=24), fill, line=line)

    def finished(self) -> Image.Image:
        """The picture at its final size, RGBA with straight alpha."""
        return self._image.reduce(self._supersample)

    def _scale(self) -> float:
        (a, b, _), (c, d, _), _ = self._matrix.tolist()
        return math.sqrt(abs(a * d - b * c))

    def _transformed(self, points: Points) -> Points:
        moved: Points = points @ self._matrix[:2, :2].T + self._matrix[:2, 2]
        return moved

    def _polygon(self, points: Points, fill: Colour) -> None:
        self._draw.polygon(points.ravel().tolist(), fill=fill)

    def _thick(self, points: Points, radius: float, fill: Colour) -> None:
        normals = _normals(points, closed=False) * radius
        self._polygon(np.vstack([points + normals, (points - normals)[::-1]]), fill)
        for x, y in (points[0], points[-1]):
            self._draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=fill)


def _normals(points: Points, *, closed: bool) -> Points:
    ends = (points[-1:], points[:1]) if closed else (points[:1], points[-1:])
    padded = np.concatenate([ends[0], points, ends[1]])
    along = padded[2:] - padded[:-2]
    lengths = np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-9)
    normals: Points = along[:, ::-1] / lengths[:, None]
    normals[:, 1] *= -1
    return normals


def _grow(points: Points, distance: float) -> Points:
    x, y = points[:, 0], points[:, 1]
    area = float(x[:-1] @ y[1:] - x[1:] @ y[:-1] + x[-1] * y[0] - x[0] * y[-1])
    new_points: Points = points + _normals(points, closed=True) * (distance if area > 0 else -distance)
    return new_points
