"""The clothes of characters: on the head (origin: the head's centre) and on the body (origin: between the feet)."""

import numpy as np

from vsd2m_samples.drawing.canvas import Canvas, Points, arc, ellipse, smooth, superellipse
from vsd2m_samples.drawing.look import Look
from vsd2m_samples.drawing.palette import INK, WHITE, YELLOW, darker, lighter, mix


def draw_hat(canvas: Canvas, look: Look) -> None:
    """The hat, if any."""
    if look.hat:
        HATS[look.hat](canvas, look)


def draw_garment(canvas: Canvas, look: Look) -> None:
    """The garment, if any; drawn before the head."""
    if look.garment:
        GARMENTS[look.garment](canvas, look)


def _bow(canvas: Canvas, look: Look) -> None:
    with canvas.moved(28, -34, degrees=24):
        _ribbon(canvas, look)


def _ribbon(canvas: Canvas, look: Look) -> None:
    for side in (-1, 1):
        canvas.shape(smooth([(0, 0), (side * 17, -11), (side * 20, 0), (side * 17, 11)]), look.cloth, line=look.line)
    canvas.dot(0, 0, 5.5, lighter(look.cloth, 0.25), line=look.line)


def _party_hat(canvas: Canvas, look: Look) -> None:
    with canvas.moved(0, -34, degrees=-8):
        canvas.shape(smooth([(-20, 2), (-1, -42), (1, -42), (20, 2)], steps=3), look.cloth, line=look.line)
        for x, y in ((-6, -10), (7, -6), (0, -24)):
            canvas.dot(x, y, 3.4, YELLOW)
        canvas.dot(0, -42, 6.5, WHITE, line=look.line)


def _beanie(canvas: Canvas, look: Look) -> None:
    canvas.shape(arc(0, -22, 41, 34, 180, 360, num_points=20), look.cloth, line=look.line)
    canvas.shape(superellipse(0, -22, 44, 8, power=5), lighter(look.cloth, 0.35), line=look.line)
    canvas.dot(0, -58, 9, WHITE, line=look.line)


def _crown(canvas: Canvas, look: Look) -> None:
    with canvas.moved(0, -36):
        corners = [(-24, 4), (-26, -24), (-12, -10), (0, -30), (12, -10), (26, -24), (24, 4)]
        canvas.shape(smooth(corners, steps=2), YELLOW, line=look.line)
        for x in (-13, 0, 13):
            canvas.dot(x, -3, 3, look.cloth)


def _straw_hat(canvas: Canvas, look: Look) -> None:
    straw = (240, 206, 130)
    canvas.shape(ellipse(0, -28, 58, 11), straw, line=look.line)
    canvas.shape(arc(0, -30, 31, 28, 180, 360, num_points=18), straw, line=look.line)
    canvas.shape(superellipse(0, -33, 31, 5, power=5), look.cloth)


def _flower(canvas: Canvas, look: Look) -> None:
    with canvas.moved(-29, -33):
        for degrees in range(0, 360, 72):
            with canvas.moved(degrees=degrees):
                canvas.dot(0, -8, 6.6, look.cloth, line=look.line)
        canvas.dot(0, 0, 6, YELLOW)


def _leaf(canvas: Canvas, look: Look) -> None:
    with canvas.moved(0, -38):
        canvas.stroke(smooth([(0, 2), (0, -12)], closed=False, steps=3), 3, (88, 150, 70))
        for side in (-1, 1):
            leaf = [(0, -11), (side * 11, -24), (side * 24, -20), (side * 14, -10)]
            canvas.shape(smooth(leaf), (124, 194, 92), line=look.line)


def _headphones(canvas: Canvas, look: Look) -> None:
    canvas.stroke(arc(0, -4, 49, 46, 190, 350), 6, look.cloth, line=look.line)
    for side in (-1, 1):
        canvas.shape(superellipse(side * 48, 0, 9, 16, power=3), look.cloth, line=look.line)


def _glasses(canvas: Canvas, look: Look) -> None:
    for side in (-1, 1):
        ring = ellipse(side * look.face.eye_x, look.face.eye_y, 14, 14)
        canvas.stroke(np.vstack([ring, ring[:2]]), 3.2, INK)
    gap = look.face.eye_x - 14
    canvas.stroke(smooth([(-gap, look.face.eye_y), (gap, look.face.eye_y)], closed=False, steps=3), 3.2, INK)


def _sunglasses(canvas: Canvas, look: Look) -> None:
    for side in (-1, 1):
        lens = superellipse(side * (look.face.eye_x + 1), look.face.eye_y + 1, 16, 12, power=3)
        canvas.shape(lens, (42, 42, 60), line=INK)
        glint = [(side * look.face.eye_x - 7, look.face.eye_y - 4), (side * look.face.eye_x, look.face.eye_y - 6)]
        canvas.stroke(smooth(glint, closed=False, steps=3), 3, (130, 140, 180))
    canvas.stroke(smooth([(-8, look.face.eye_y - 3), (8, look.face.eye_y - 3)], closed=False, steps=3), 4, INK)


def _scarf(canvas: Canvas, look: Look) -> None:
    canvas.shape(superellipse(0, -66, 29, 9, power=3), look.cloth, line=look.line)
    canvas.shape(smooth([(10, -62), (24, -62), (27, -36), (13, -35)], steps=3), look.cloth, line=look.line)
    for y in (-42, -50):
        canvas.stroke(smooth([(14, y), (25, y - 1)], closed=False, steps=3), 3, lighter(look.cloth, 0.6))


def _shirt(canvas: Canvas, look: Look) -> None:
    canvas.shape(_torso(-64, -20), look.cloth, line=look.line, width=1.6)


def _striped_shirt(canvas: Canvas, look: Look) -> None:
    canvas.shape(_torso(-64, -20), WHITE, line=look.line, width=1.6)
    for y in (-55, -42, -29):
        half = 29.0 - abs(y + 38) * 0.12
        canvas.stroke(smooth([(-half, y), (half, y)], closed=False, steps=3), 5, look.cloth)


def _overalls(canvas: Canvas, look: Look) -> None:
    canvas.shape(_torso(-44, -12), look.cloth, line=look.line, width=1.6)
    for side in (-1, 1):
        canvas.stroke(
            smooth([(side * 13, -42), (side * 17, -64)], closed=False, steps=3), 6, look.cloth, line=look.line
        )
        canvas.dot(side * 13, -42, 3, YELLOW)
    canvas.shape(superellipse(0, -30, 10, 8, power=4), darker(look.cloth, 0.18))


def _bow_tie(canvas: Canvas, look: Look) -> None:
    with canvas.moved(0, -58, scale=0.85):
        _ribbon(canvas, look)


def _cape(canvas: Canvas, look: Look) -> None:
    canvas.stroke(arc(0, -70, 24, 12, 10, 170), 5, look.cloth, line=look.line)
    canvas.dot(0, -57, 4.5, YELLOW, line=look.line)


def _bib(canvas: Canvas, look: Look) -> None:
    canvas.shape(
        smooth([(-20, -66), (20, -66), (15, -42), (0, -36), (-15, -42)]), mix(look.cloth, WHITE, 0.55), line=look.line
    )
    canvas.dot(0, -50, 4, look.cloth)


def _torso(top: float, bottom: float) -> Points:
    return smooth(
        [
            (-22, top),
            (22, top),
            (30, (top + bottom) / 2),
            (29, bottom),
            (0, bottom + 4),
            (-29, bottom),
            (-30, (top + bottom) / 2),
        ]
    )


HATS = {
    "bow": _bow, "party hat": _party_hat, "beanie": _beanie, "crown": _crown, "straw hat": _straw_hat,
    "flower": _flower, "leaf": _leaf, "headphones": _headphones, "glasses": _glasses, "sunglasses": _sunglasses,
}  # fmt: skip
GARMENTS = {
    "scarf": _scarf, "shirt": _shirt, "striped shirt": _striped_shirt, "overalls": _overalls, "bow tie": _bow_tie,
    "cape": _cape, "bib": _bib,
}  # fmt: skip
