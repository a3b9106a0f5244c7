"""Eyes, mouths and cheeks, drawn around the origin in the units of a head about 45 in radius."""

from dataclasses import dataclass

from vsd2m_samples.drawing.canvas import Canvas, Points, arc, ellipse, smooth
from vsd2m_samples.drawing.palette import BLUE, INK, PINK, RED, RGB, WHITE, YELLOW, mix

_TONGUE: RGB = (246, 116, 124)
_MOUTH: RGB = (128, 40, 52)


@dataclass(frozen=True)
class Face:
    """The positions and shapes of a character's features."""

    eye_x: float = 18.0
    eye_y: float = 0.0
    mouth_y: float = 16.0
    eye_size: float = 1.0
    eye_style: str = "shiny"  # shiny | bead | white
    mouth_style: str = "plain"  # plain | cat | beak
    ink: RGB = INK
    beak: RGB = (250, 160, 40)
    cheek: RGB = PINK


def draw_face(canvas: Canvas, face: Face, skin: RGB, *, eyes: str, mouth: str, blush: bool) -> None:
    """The face in one mood: `eyes` and `mouth` are names of `EYES` and `MOUTHS`."""
    if blush:
        _cheeks(canvas, face, skin)
    for side in (-1, 1):
        with canvas.moved(side * face.eye_x, face.eye_y, scale=face.eye_size):
            EYES[eyes](canvas, face, side)
    with canvas.moved(0, face.mouth_y):
        if face.mouth_style == "beak":
            _beak(canvas, face, mouth)
        elif mouth == "smile" and face.mouth_style == "cat":
            _cat_smile(canvas, face)
        else:
            MOUTHS[mouth](canvas, face)


def _cheeks(canvas: Canvas, face: Face, skin: RGB) -> None:
    tint = mix(skin, face.cheek, 0.55)
    for side in (-1, 1):
        canvas.shape(ellipse(side * (face.eye_x + 9), face.eye_y + 12, 7, 4.5, num_points=20), tint)


def _open_eye(canvas: Canvas, face: Face, side: int) -> None:
    del side
    if face.eye_style == "bead":
        canvas.dot(0, 0, 4.2, face.ink)
        canvas.dot(-1.3, -1.5, 1.3, WHITE)
    elif face.eye_style == "white":
        canvas.dot(0, 0, 8.5, WHITE, line=face.ink)
        canvas.dot(0, 1, 4.6, face.ink)
        canvas.dot(-1.4, -0.8, 1.5, WHITE)
    else:
        canvas.shape(ellipse(0, 0, 5.6, 7.2, num_points=24), face.ink)
        canvas.dot(-1.7, -2.8, 2.2, WHITE)
        canvas.dot(1.8, 2.6, 1.1, WHITE)


def _wide_eye(canvas: Canvas, face: Face, side: int) -> None:
    del side
    canvas.dot(0, -1, 9.5, WHITE, line=face.ink)
    canvas.dot(0, -1, 3.2, face.ink)


def _closed_eye(canvas: Canvas, face: Face, side: int) -> None:
    del side
    canvas.stroke(arc(0, -2, 7, 5, 20, 160), 2.8, face.ink)


def _happy_eye(canvas: Canvas, face: Face, side: int) -> None:
    del side
    canvas.stroke(arc(0, 3, 7, 7.5, 200, 340), 3.0, face.ink)


def _squeezed_eye(canvas: Canvas, face: Face, side: int) -> None:
    inner, outer = -side * 5.0, side * 5.0
    for end_y in (-5.0, 5.0):
        canvas.stroke(smooth([(outer, end_y), (inner, 0)], closed=False, steps=3), 2.8, face.ink)


def _sad_eye(canvas: Canvas, face: Face, side: int) -> None:
    _open_eye(canvas, face, side)
    canvas.stroke(smooth([(-side * 6, -14), (side * 6, -9)], closed=False, steps=3), 2.6, face.ink)
    canvas.shape(ellipse(0, 5.5, 5.0, 2.6, num_points=16), mix(BLUE, WHITE, 0.45))


def _angry_eye(canvas: Canvas, face: Face, side: int) -> None:
    _open_eye(canvas, face, side)
    canvas.stroke(smooth([(-side * 7, -6), (side * 7, -13)], closed=False, steps=3), 3.4, face.ink)


def _heart_eye(canvas: Canvas, face: Face, side: int) -> None:
    del face, side
    canvas.shape(heart_outline(0, 0, 9), RED)
    canvas.dot(-3, -3, 1.6, WHITE)


def _star_eye(canvas: Canvas, face: Face, side: int) -> None:
    del side
    canvas.dot(0, 0, 9, face.ink)
    canvas.shape(sparkle_outline(0, 0, 8), YELLOW)


def _dizzy_eye(canvas: Canvas, face: Face, side: int) -> None:
    del side
    canvas.dot(0, 0, 8.5, WHITE, line=face.ink)
    spiral = [arc(0, 0, r, r, a, a + 90, num_points=5) for a, r in ((0, 6.0), (90, 4.8), (180, 3.6), (270, 2.4))]
    for piece in spiral:
        canvas.stroke(piece, 1.9, face.ink)


def _winking_eye(canvas: Canvas, face: Face, side: int) -> None:
    (_happy_eye if side > 0 else _open_eye)(canvas, face, side)


def _smile(canvas: Canvas, face: Face) -> None:
    canvas.stroke(arc(0, -3, 7.5, 6.5, 25, 155), 2.8, face.ink)


def _cat_smile(canvas: Canvas, face: Face) -> None:
    for side in (-1, 1):
        canvas.stroke(arc(side * 4.6, -1, 4.6, 4.6, 5, 175), 2.6, face.ink)


def _open_mouth(canvas: Canvas, face: Face) -> None:
    canvas.shape(arc(0, -3, 9.5, 13, 0, 180), _MOUTH, line=face.ink, width=2.0)
    canvas.shape(ellipse(0, 5.6, 5.4, 3.6, num_points=18), _TONGUE)


def _grin(canvas: Canvas, face: Face) -> None:
    canvas.shape(arc(0, -5, 13, 16, 0, 180), _MOUTH, line=face.ink, width=2.0)
    canvas.shape(smooth([(-11, -5), (11, -5), (9.5, -0.5), (-9.5, -0.5)], steps=2), WHITE)
    canvas.shape(ellipse(0, 6.4, 6.5, 3.8, num_points=18), _TONGUE)


def _sad_mouth(canvas: Canvas, face: Face) -> None:
    canvas.stroke(arc(0, 6, 7, 6.5, 205, 335), 2.8, face.ink)


def _wail(canvas: Canvas, face: Face) -> None:
    canvas.shape(smooth([(-10, 9), (-8, -3), (0, -5), (8, -3), (10, 9), (0, 6.5)]), _MOUTH, line=face.ink, width=2.0)


def _round_mouth(canvas: Canvas, face: Face) -> None:
    canvas.shape(ellipse(0, 1, 4.4, 5.4, num_points=20), _MOUTH, line=face.ink, width=1.8)


def _flat_mouth(canvas: Canvas, face: Face) -> None:
    canvas.stroke(smooth([(-6, 1), (6, 1)], closed=False, steps=3), 2.8, face.ink)


def _wavy_mouth(canvas: Canvas, face: Face) -> None:
    wave = [(-9, 2), (-6, -1), (-3, 2), (0, -1), (3, 2), (6, -1), (9, 2)]
    canvas.stroke(smooth([(float(x), float(y)) for x, y in wave], closed=False, steps=4), 2.5, face.ink)


def _chewing_mouth(canvas: Canvas, face: Face) -> None:
    canvas.shape(ellipse(0, 0, 6, 3.4, num_points=20), _MOUTH, line=face.ink, width=2.0)


def _beak(canvas: Canvas, face: Face, mouth: str) -> None:
    opening = {"open": 8.0, "grin": 9.0, "wail": 8.0, "o": 6.0, "chew": 4.0}.get(mouth, 0.0)
    if opening:
        canvas.shape(smooth([(-7, -2), (7, -2), (0, 4 + opening)], steps=4), _MOUTH, line=face.ink, width=2.0)
        canvas.shape(smooth([(-5, opening), (5, opening), (0, opening + 5)], steps=4), face.beak)
    canvas.shape(smooth([(-9, -1), (0, -6), (9, -1), (0, 5)], steps=4), face.beak, line=face.ink, width=2.0)


def heart_outline(x: float, y: float, size: float) -> Points:
    """A heart `2 * size` wide around (x, y)."""
    half = [(0, -0.45), (0.42, -0.92), (0.95, -0.68), (0.95, -0.1), (0.5, 0.5)]
    corners = [*half, (0, 0.98), *[(-a, b) for a, b in half[:0:-1]]]
    return smooth([(x + a * size, y + b * size) for a, b in corners], steps=5)


def sparkle_outline(x: float, y: float, size: float) -> Points:
    """A four-pointed glint."""
    corners = [(0, -1), (0.22, -0.22), (1, 0), (0.22, 0.22), (0, 1), (-0.22, 0.22), (-1, 0), (-0.22, -0.22)]
    return smooth([(x + a * size, y + b * size) for a, b in corners], steps=3)


EYES = {
    "open": _open_eye,
    "wide": _wide_eye,
    "closed": _closed_eye,
    "happy": _happy_eye,
    "squeezed": _squeezed_eye,
    "sad": _sad_eye,
    "angry": _angry_eye,
    "hearts": _heart_eye,
    "stars": _star_eye,
    "dizzy": _dizzy_eye,
    "wink": _winking_eye,
}
MOUTHS = {
    "smile": _smile,
    "open": _open_mouth,
    "grin": _grin,
    "sad": _sad_mouth,
    "wail": _wail,
    "o": _round_mouth,
    "flat": _flat_mouth,
    "wavy": _wavy_mouth,
    "chew": _chewing_mouth,
}
