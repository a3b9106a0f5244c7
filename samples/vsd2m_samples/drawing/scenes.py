"""Backgrounds, drawn once per sticker: plain, striped, dotted, rayed, landscapes."""

import math
from collections.abc import Callable

import numpy as np

from vsd2m_samples.drawing.canvas import Canvas, Points, ellipse, smooth
from vsd2m_samples.drawing.palette import RGB, WHITE, darker, lighter, mix

Scene = Callable[[Canvas, float, float, RGB], None]

TINTS: tuple[RGB, ...] = (
    (255, 226, 232),
    (214, 236, 252),
    (226, 246, 214),
    (255, 242, 200),
    (234, 224, 252),
    (255, 228, 206),
    (206, 244, 238),
    (250, 166, 178),
    (134, 196, 244),
    (150, 214, 150),
    (255, 210, 110),
    (186, 160, 236),
    (70, 86, 140),
    (246, 246, 250),
)


def draw_scene(canvas: Canvas, name: str, width: float, height: float, tint: RGB) -> None:
    """Fills `width` x `height` units from the origin with the scene called `name`."""
    canvas.shape(_rectangle(0, 0, width, height), tint)
    SCENES[name](canvas, width, height, tint)


def _plain(canvas: Canvas, width: float, height: float, tint: RGB) -> None:
    del canvas, width, height, tint


def _dots(canvas: Canvas, width: float, height: float, tint: RGB) -> None:
    for row in range(int(height / 22) + 2):
        for column in range(int(width / 22) + 2):
            canvas.dot(column * 22 + (row % 2) * 11, row * 22, 4.5, lighter(tint, 0.5))


def _stripes(canvas: Canvas, width: float, height: float, tint: RGB) -> None:
    for x in np.arange(-height, width + 20, 36):
        canvas.shape(
            np.array([(x, height), (x + 18, height), (x + 18 + height, 0), (x + height, 0)]), lighter(tint, 0.35)
        )


def _rays(canvas: Canvas, width: float, height: float, tint: RGB) -> None:
    cx, cy, reach = width / 2, height * 0.55, width + height
    for ray in range(12):
        first, second = math.radians(30 * ray), math.radians(30 * ray + 15)
        corners = [(cx, cy), *((cx + reach * math.cos(a), cy + reach * math.sin(a)) for a in (first, second))]
        canvas.shape(np.array(corners), lighter(tint, 0.4))


def _halo(canvas: Canvas, width: float, height: float, tint: RGB) -> None:
    for share, size in ((0.3, 0.56), (0.6, 0.44)):
        radius = size * min(width, height)
        canvas.shape(ellipse(width / 2, height * 0.56, radius, radius), lighter(tint, share))


def _meadow(canvas: Canvas, width: float, height: float, tint: RGB) -> None:
    for x, y, radius in ((0.2, 0.16, 16), (0.3, 0.14, 20), (0.4, 0.17, 14), (0.82, 0.3, 13), (0.9, 0.28, 16)):
        canvas.dot(x * width, y * height, radius, lighter(tint, 0.75))
    hill = [
        (-20.0, height * 0.82),
        (width * 0.3, height * 0.74),
        (width * 0.7, height * 0.82),
        (width + 20, height * 0.76),
    ]
    canvas.shape(smooth([*hill, (width + 20, height + 30), (-20, height + 30)]), (150, 208, 118))
    for x in np.linspace(0.08, 0.94, 6):
        canvas.dot(x * width, height * (0.88 + 0.06 * math.sin(20 * x)), 3.4, WHITE)


def _night(canvas: Canvas, width: float, height: float, tint: RGB) -> None:
    sky: RGB = mix(tint, (40, 48, 96), 0.8)
    canvas.shape(_rectangle(0, 0, width, height), sky)
    canvas.dot(width * 0.84, height * 0.16, 15, (255, 240, 180))
    canvas.dot(width * 0.84 - 7, height * 0.16 - 4, 13, sky)
    for index in range(22):
        x, y = (index * 0.618) % 1.0, (index * 0.414) % 1.0
        canvas.dot(x * width, y * height, 1.2 + (index % 3) * 0.7, (255, 250, 220))


def _room(canvas: Canvas, width: float, height: float, tint: RGB) -> None:
    canvas.shape(_rectangle(0, height * 0.78, width, height), darker(mix(tint, (214, 170, 120), 0.7), 0.05))
    frame = _rectangle(width * 0.06, height * 0.12, width * 0.34, height * 0.42)
    canvas.shape(frame, (190, 226, 250), line=WHITE, width=4)
    canvas.stroke(smooth([(width * 0.2, height * 0.12), (width * 0.2, height * 0.42)], closed=False, steps=2), 3, WHITE)
    canvas.shape(ellipse(width / 2, height * 0.92, width * 0.36, height * 0.06), lighter(tint, 0.3))


def _checks(canvas: Canvas, width: float, height: float, tint: RGB) -> None:
    for row in range(int(height / 25) + 1):
        for column in range(row % 2, int(width / 25) + 1, 2):
            square = _rectangle(column * 25, row * 25, column * 25 + 25, row * 25 + 25)
            canvas.shape(square, lighter(tint, 0.3))


def _rectangle(left: float, top: float, right: float, bottom: float) -> Points:
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)], dtype=np.float64)


SCENES: dict[str, Scene] = {
    "plain": _plain,
    "dots": _dots,
    "stripes": _stripes,
    "rays": _rays,
    "halo": _halo,
    "meadow": _meadow,
    "night": _night,
    "room": _room,
    "checks": _checks,
}
