"""Things with a face: one outline with thin arms and legs. The outline's centre is the origin."""

import math

from vsd2m_samples.drawing.canvas import Canvas, ellipse, smooth, superellipse
from vsd2m_samples.drawing.faces import heart_outline
from vsd2m_samples.drawing.look import Look
from vsd2m_samples.drawing.palette import WHITE, darker, lighter


def draw_thing(canvas: Canvas, look: Look, sway: float) -> None:
    """The thing without its face and limbs; `sway` in degrees moves loose parts."""
    _THINGS[look.species](canvas, look, sway)


def _sun(canvas: Canvas, look: Look, sway: float) -> None:
    for ray in range(12):
        with canvas.moved(degrees=ray * 30 + sway):
            canvas.shape(smooth([(-9, -48), (0, -69), (9, -48)], steps=4), look.accent, line=look.line)
    canvas.shape(ellipse(0, 0, 47, 47), look.fur, line=look.line)


def _star(canvas: Canvas, look: Look, sway: float) -> None:
    del sway
    corners = []
    for index in range(10):
        radius = 62 if index % 2 == 0 else 40
        angle = math.radians(-90 + 36 * index)
        corners.append((radius * math.cos(angle), radius * math.sin(angle) + 4))
    canvas.shape(smooth(corners, steps=5), look.fur, line=look.line)


def _heart(canvas: Canvas, look: Look, sway: float) -> None:
    del sway
    canvas.shape(heart_outline(0, 4, 56), look.fur, line=look.line)
    canvas.shape(ellipse(-32, -22, 7, 10), lighter(look.fur, 0.55))


def _cloud(canvas: Canvas, look: Look, sway: float) -> None:
    puffs = [(-38, 10, 26), (38, 10, 26), (-20, -18, 30), (22, -16, 28), (0, 18, 34)]
    for x, y, radius in puffs:
        canvas.dot(x + sway * 0.1, y, radius, look.fur, line=look.line)
    for x, y, radius in puffs:
        canvas.dot(x + sway * 0.1, y, radius, look.fur)


def _moon(canvas: Canvas, look: Look, sway: float) -> None:
    del sway
    canvas.shape(ellipse(0, 0, 52, 52), look.fur, line=look.line)
    for x, y, radius in ((-30, -26, 8), (32, 24, 6), (20, -36, 5), (-38, 18, 4)):
        canvas.dot(x, y, radius, darker(look.fur, 0.14))


def _ghost(canvas: Canvas, look: Look, sway: float) -> None:
    hem = [
        (48, 44 + sway * 0.2),
        (30, 58),
        (16, 46 - sway * 0.2),
        (0, 58),
        (-16, 46 + sway * 0.2),
        (-30, 58),
        (-48, 44),
    ]
    top = [(-48, 0), (-38, -40), (0, -58), (38, -40), (48, 0)]
    canvas.shape(smooth([*top, *hem], steps=6), look.fur, line=look.line)


def _robot(canvas: Canvas, look: Look, sway: float) -> None:
    with canvas.moved(0, -44, degrees=sway):
        canvas.stroke(smooth([(0, 0), (0, -20)], closed=False, steps=3), 4, look.line)
        canvas.dot(0, -24, 7, look.accent, line=look.line)
    for side in (-1, 1):
        canvas.shape(superellipse(side * 55, 0, 8, 14, power=4), look.accent, line=look.line)
    canvas.shape(superellipse(0, 0, 54, 45, power=5), look.fur, line=look.line)
    canvas.shape(superellipse(0, 2, 43, 33, power=5), lighter(look.fur, 0.75))


def _onigiri(canvas: Canvas, look: Look, sway: float) -> None:
    del sway
    canvas.shape(
        smooth([(0, -58), (22, -42), (54, 24), (44, 46), (-44, 46), (-54, 24), (-22, -42)]), look.fur, line=look.line
    )
    canvas.shape(superellipse(0, 41, 25, 15, power=6), look.accent, line=look.line, width=1.5)


def _strawberry(canvas: Canvas, look: Look, sway: float) -> None:
    body = [(0, 58), (-38, 20), (-48, -20), (-24, -40), (0, -36), (24, -40), (48, -20), (38, 20)]
    canvas.shape(smooth(body), look.fur, line=look.line)
    for x, y in ((-30, -20), (30, -20), (-34, 4), (34, 4), (-20, 32), (20, 32), (0, 44), (0, -26)):
        canvas.shape(ellipse(x, y, 1.9, 3.0, num_points=12), (255, 226, 130))
    for degrees in (-64, -32, 0, 32, 64):
        with canvas.moved(0, -38, degrees=degrees + sway * 0.3):
            canvas.shape(smooth([(-7, 0), (0, -24), (7, 0)], steps=4), look.accent, line=look.line)


def _cactus(canvas: Canvas, look: Look, sway: float) -> None:
    canvas.shape(superellipse(0, -6, 34, 50, power=2.6), look.fur, line=look.line)
    for x in (-19, 0, 19):
        for y in (-36, 28):
            canvas.stroke(smooth([(x, y), (x, y + 7)], closed=False, steps=3), 2.0, darker(look.fur, 0.35))
    for degrees in range(0, 360, 72):
        with canvas.moved(12, -54, degrees=degrees + sway):
            canvas.dot(0, -7, 6, (255, 150, 180), line=look.line)
    canvas.dot(12, -54, 4.5, (255, 220, 110))
    canvas.shape(smooth([(-40, 34), (40, 34), (32, 62), (-32, 62)], steps=2), look.accent, line=look.line)


def _egg(canvas: Canvas, look: Look, sway: float) -> None:
    del sway
    canvas.shape(
        smooth([(-58, 8), (-46, -34), (-6, -42), (34, -46), (58, -12), (52, 30), (14, 40), (-34, 44)]),
        look.fur,
        line=look.line,
    )
    canvas.shape(ellipse(0, 2, 34, 31), look.accent, line=darker(look.accent, 0.25), width=1.5)
    canvas.shape(ellipse(-15, -14, 7, 5), lighter(look.accent, 0.7))


def _mushroom(canvas: Canvas, look: Look, sway: float) -> None:
    del sway
    canvas.shape(superellipse(0, 24, 32, 34, power=2.6), look.belly, line=look.line)
    canvas.shape(smooth([(-58, 0), (-44, -40), (0, -58), (44, -40), (58, 0), (0, 10)]), look.fur, line=look.line)
    for x, y, rx, ry in ((-32, -20, 10, 9), (2, -38, 12, 9), (34, -18, 9, 9)):
        canvas.shape(ellipse(x, y, rx, ry), WHITE)


def _cup(canvas: Canvas, look: Look, sway: float) -> None:
    with canvas.moved(10, -44, degrees=12 + sway * 0.5):
        canvas.stroke(smooth([(0, 0), (0, -34)], closed=False, steps=3), 9, look.accent, line=look.line)
    canvas.shape(smooth([(-42, -36), (42, -36), (32, 56), (-32, 56)], steps=3), look.fur, line=look.line)
    canvas.shape(smooth([(-35, 20), (35, 20), (31, 53), (-31, 53)], steps=2), darker(look.fur, 0.12))
    for x, y in ((-20, 42), (-6, 46), (8, 41), (21, 46), (-13, 32), (14, 31)):
        canvas.dot(x, y, 5, (74, 48, 44))
    canvas.shape(superellipse(0, -38, 48, 8, power=4), WHITE, line=look.line)


def _avocado(canvas: Canvas, look: Look, sway: float) -> None:
    del sway
    body = [(0, -62), (20, -50), (30, -18), (48, 18), (38, 50), (0, 62), (-38, 50), (-48, 18), (-30, -18), (-20, -50)]
    canvas.shape(smooth(body), look.accent, line=look.line)
    canvas.shape(smooth([(x * 0.82, y * 0.86) for x, y in body]), look.fur)
    canvas.shape(ellipse(0, 36, 19, 17), (150, 98, 58), line=darker((150, 98, 58), 0.3), width=1.5)


def _planet(canvas: Canvas, look: Look, sway: float) -> None:
    with canvas.moved(degrees=-16 + sway * 0.4):
        canvas.shape(ellipse(0, 6, 74, 20), look.accent, line=look.line)
    canvas.shape(ellipse(0, 0, 48, 48), look.fur, line=look.line)
    canvas.shape(ellipse(-22, -26, 14, 6), lighter(look.fur, 0.4))
    with canvas.moved(degrees=-16 + sway * 0.4):
        front = [(74 * math.cos(a), 6 + 20 * math.sin(a)) for a in (k * math.pi / 16 for k in range(1, 16))]
        canvas.stroke(smooth([(x, y + 4) for x, y in front], closed=False, steps=2), 8, look.accent, line=look.line)


def _snowman(canvas: Canvas, look: Look, sway: float) -> None:
    del sway
    canvas.shape(ellipse(0, 34, 48, 36), look.fur, line=look.line)
    canvas.shape(ellipse(0, -14, 40, 36), look.fur, line=look.line)
    for y in (34, 48):
        canvas.dot(0, y, 4, look.line)
    canvas.shape(superellipse(0, -46, 32, 5, power=4), look.accent, line=look.line)
    canvas.shape(superellipse(0, -62, 20, 15, power=5), look.accent, line=look.line)
    canvas.shape(superellipse(0, -53, 20, 4, power=4), (226, 76, 76))
    canvas.shape(smooth([(-3, -9), (22, -4), (-3, 0)], steps=3), (250, 140, 50), line=look.line, width=1.5)


def _peach(canvas: Canvas, look: Look, sway: float) -> None:
    canvas.shape(
        smooth([(0, 56), (-46, 26), (-48, -18), (-22, -42), (0, -34), (22, -42), (48, -18), (46, 26)]),
        look.fur,
        line=look.line,
    )
    canvas.stroke(smooth([(4, -34), (12, -24), (13, -12)], closed=False), 2.4, darker(look.fur, 0.25))
    with canvas.moved(0, -38, degrees=sway * 0.4):
        for side in (-1, 1):
            canvas.shape(
                smooth([(0, 0), (side * 16, -16), (side * 34, -8), (side * 18, 4)]), look.accent, line=look.line
            )


def _octopus(canvas: Canvas, look: Look, sway: float) -> None:
    for index, x in enumerate((-38, -14, 14, 38)):
        bend = sway * (0.7 if index % 2 else -0.7)
        canvas.stroke(
            smooth([(x * 0.7, 20), (x, 44), (x * 1.2 + bend, 62)], closed=False), 18, look.fur, line=look.line
        )
    canvas.shape(
        smooth([(-50, 10), (-46, -34), (0, -60), (46, -34), (50, 10), (26, 36), (-26, 36)]), look.fur, line=look.line
    )
    canvas.shape(smooth([(-40, 20), (40, 20), (30, 40), (-30, 40)], steps=3), look.fur)


_THINGS = {
    "sun": _sun, "star": _star, "heart": _heart, "cloud": _cloud, "moon": _moon, "ghost": _ghost, "robot": _robot,
    "rice ball": _onigiri, "strawberry": _strawberry, "cactus": _cactus, "fried egg": _egg, "mushroom": _mushroom,
    "bubble tea": _cup, "avocado": _avocado, "planet": _planet, "snowman": _snowman, "peach": _peach,
    "octopus": _octopus,
}  # fmt: skip
THINGS = tuple(_THINGS)
