"""Small things around a character: tears, hearts, sleep's Z, notes, food. The origin is between the feet."""

import math
from itertools import pairwise

from vsd2m_samples.drawing.canvas import Canvas, arc, ellipse, smooth, superellipse
from vsd2m_samples.drawing.faces import heart_outline, sparkle_outline
from vsd2m_samples.drawing.palette import BLUE, INK, PINK, RED, RGB, WHITE, YELLOW, darker, lighter, mix

_CONFETTI: tuple[RGB, ...] = (RED, BLUE, YELLOW, (130, 200, 110), (190, 130, 230))


def rising_hearts(canvas: Canvas, t: float) -> None:
    """Hearts that rise and grow beside the head."""
    for index, (x, start) in enumerate(((50, 0.0), (-54, 0.35), (66, 0.6), (-38, 0.8))):
        phase = (t + start) % 1.0
        size = 5 + 8 * math.sin(math.pi * phase)
        colour = RED if index % 2 else PINK
        canvas.shape(
            heart_outline(x + 5 * math.sin(6 * phase), -70 - 75 * phase, size), colour, line=darker(colour, 0.35)
        )


def thrown_heart(canvas: Canvas, t: float) -> None:
    """One big heart that flies off to the side."""
    x, y = 34 + 44 * t, -72 - 40 * math.sin(math.pi * min(t * 1.1, 1.0))
    canvas.shape(heart_outline(x, y, 6 + 12 * t), RED, line=darker(RED, 0.35))
    canvas.shape(ellipse(x - 3 - 3 * t, y - 3 - 2 * t, 1 + 2 * t, 1.5 + 2 * t), lighter(RED, 0.6))


def streaming_tears(canvas: Canvas, t: float) -> None:
    """Two streams and flying drops."""
    for side in (-1, 1):
        for start in (0.0, 0.33, 0.66):
            phase = (t * 2 + start) % 1.0
            x, y = side * (26 + 34 * phase), -94 + 10 * phase + 54 * phase * phase
            _drop(canvas, x, y, 6.0)


def floating_z(canvas: Canvas, t: float) -> None:
    """Three letters Z that drift up from the head."""
    for start in (0.0, 0.33, 0.66):
        phase = (t + start) % 1.0
        size = 5 + 8 * phase
        with canvas.moved(38 + 30 * phase, -112 - 42 * phase, degrees=-10 + 14 * math.sin(6 * phase)):
            corners = [(-size, -size), (size, -size), (-size, size), (size, size)]
            for first, second in pairwise(corners):
                canvas.stroke(smooth([first, second], closed=False, steps=2), 3.6, (96, 116, 190), line=WHITE)


def sleep_bubble(canvas: Canvas, t: float) -> None:
    """A bubble that swells with each breath, and the Zs."""
    radius = 7 + 6 * math.sin(2 * math.pi * t)
    canvas.dot(14 + radius, -84, radius, (214, 238, 252), line=(120, 160, 200))
    canvas.dot(11 + radius, -87, radius * 0.25, WHITE)
    floating_z(canvas, t)


def floating_notes(canvas: Canvas, t: float) -> None:
    """Quavers that float away on both sides."""
    for x, start, colour in ((54, 0.0, BLUE), (-56, 0.5, PINK), (66, 0.55, (150, 104, 208))):
        phase = (t + start) % 1.0
        with canvas.moved(x + 6 * math.sin(8 * phase), -70 - 66 * phase, degrees=14 * math.sin(7 * phase)):
            canvas.stroke(smooth([(4, 0), (4, -19)], closed=False, steps=2), 3, colour, line=INK)
            canvas.stroke(smooth([(4, -19), (13, -13)], closed=False, steps=2), 4, colour, line=INK)
            canvas.shape(ellipse(0, 0, 6, 4.6), colour, line=INK)


def confetti(canvas: Canvas, t: float) -> None:
    """Coloured paper that falls all around."""
    for index in range(22):
        x = -92 + 184 * ((index * 0.618) % 1.0)
        y = -172 + 176 * ((index * 0.37 + t) % 1.0)
        with canvas.moved(x + 4 * math.sin(2 * math.pi * t + index), y, degrees=index * 47 + 360 * t):
            canvas.shape(superellipse(0, 0, 4.6, 2.6, power=5, num_points=16), _CONFETTI[index % 5])


def fallen_rain(canvas: Canvas, t: float) -> None:
    """A small cloud over the head, and its rain."""
    for index in range(10):
        x = -50 + 100 * ((index * 0.618) % 1.0)
        y = -150 + 130 * ((index * 0.29 + 2 * t) % 1.0)
        canvas.stroke(smooth([(x, y), (x - 2, y + 9)], closed=False, steps=2), 3, BLUE)
    for x, y, radius in ((-24, -160, 15), (0, -168, 19), (24, -160, 15)):
        canvas.dot(x, y, radius, (190, 202, 220), line=(120, 134, 160))
    canvas.shape(ellipse(0, -158, 36, 11), (190, 202, 220))


def anger(canvas: Canvas, t: float) -> None:
    """The crossed vein of comics and two puffs of steam."""
    size = 9 + 2 * math.sin(4 * math.pi * t)
    with canvas.moved(36, -132, scale=size / 9):
        for degrees in (0, 90, 180, 270):
            with canvas.moved(degrees=degrees):
                canvas.stroke(smooth([(3, 10), (3, 3), (10, 3)], closed=False, steps=4), 3.6, RED)
    for side in (-1, 1):
        phase = (t * 2) % 1.0
        canvas.dot(side * (54 + 16 * phase), -112 - 10 * phase, 4 + 6 * phase, WHITE, line=(170, 170, 180))


def sweat(canvas: Canvas, t: float) -> None:
    """One big drop on the temple."""
    _drop(canvas, 42, -124 + 16 * t, 9.0)


def shivers(canvas: Canvas, t: float) -> None:
    """Wavy lines on both sides and a few snowflakes."""
    for side in (-1, 1):
        shift = 3 * math.sin(8 * math.pi * t)
        points = [(side * (58 + (3 if k % 2 else -3)) + shift, -110.0 + 12 * k) for k in range(6)]
        canvas.stroke(smooth(points, closed=False, steps=4), 2.8, BLUE)
    for x, start in ((-72, 0.1), (74, 0.6), (-30, 0.8), (40, 0.3)):
        y = -170 + 150 * ((t + start) % 1.0)
        for degrees in (0, 60, 120):
            with canvas.moved(x, y, degrees=degrees):
                canvas.stroke(smooth([(0, -6), (0, 6)], closed=False, steps=2), 2.2, (150, 200, 240))


def question(canvas: Canvas, t: float) -> None:
    """Question marks that pop up."""
    for x, y, start in ((50, -140, 0.0), (-52, -134, 0.5)):
        size = 0.6 + 0.5 * abs(math.sin(math.pi * ((t + start) % 1.0)))
        with canvas.moved(x, y, degrees=10 if x > 0 else -12, scale=size):
            hook = [*arc(0, -8, 9, 9, 190, 400, num_points=10).tolist(), [0, 4], [0, 8]]
            canvas.stroke(smooth([(a, b) for a, b in hook], closed=False, steps=2), 5.5, (88, 128, 220), line=WHITE)
            canvas.dot(0, 18, 3.6, (88, 128, 220), line=WHITE)


def exclamation(canvas: Canvas, t: float) -> None:
    """A big exclamation mark on each side of the head."""
    size = 0.8 + 0.3 * abs(math.sin(2 * math.pi * t))
    for side in (-1, 1):
        with canvas.moved(side * 58, -132, degrees=side * 14, scale=size):
            canvas.shape(smooth([(-6, -22), (6, -22), (3, 6), (-3, 6)], steps=3), RED, line=WHITE)
            canvas.dot(0, 15, 4.5, RED, line=WHITE)


def sparkles(canvas: Canvas, t: float) -> None:
    """Glints that come and go."""
    for x, y, start in ((-58, -130, 0.0), (60, -118, 0.3), (-66, -60, 0.6), (64, -52, 0.8), (22, -158, 0.5)):
        size = 13 * max(math.sin(2 * math.pi * (t + start)), 0.0)
        if size > 1.5:
            canvas.shape(sparkle_outline(x, y, size), YELLOW, line=darker(YELLOW, 0.35), width=1.6)


def dizziness(canvas: Canvas, t: float) -> None:
    """Stars that circle above the head."""
    for index in range(4):
        angle = 2 * math.pi * (t + index / 4)
        x, y = 42 * math.cos(angle), -146 + 10 * math.sin(angle)
        canvas.shape(sparkle_outline(x, y, 10), YELLOW, line=darker(YELLOW, 0.4), width=1.6)


def dust(canvas: Canvas, t: float) -> None:
    """Puffs behind somebody who runs to the right."""
    for start in (0.0, 0.33, 0.66):
        phase = (t * 2 + start) % 1.0
        canvas.dot(-34 - 40 * phase, -8 - 12 * phase, 4 + 7 * phase, (236, 228, 214), line=(190, 178, 160))


def speed_lines(canvas: Canvas, t: float) -> None:
    """Lines of speed and dust."""
    dust(canvas, t)
    for index, y in enumerate((-120, -90, -58)):
        shift = 14 * math.sin(2 * math.pi * t + index * 2)
        canvas.stroke(smooth([(-92 + shift, y), (-64 + shift, y)], closed=False, steps=2), 3.2, (150, 160, 180))


def cake(canvas: Canvas, t: float) -> None:
    """A birthday cake with a flickering candle, held in front."""
    with canvas.moved(0, -36):
        canvas.shape(superellipse(0, 8, 32, 16, power=5), (255, 228, 196), line=INK)
        canvas.shape(
            smooth([(-33, -8), (33, -8), (33, 2), (22, 8), (11, 1), (0, 8), (-11, 1), (-22, 8), (-33, 2)], steps=3),
            PINK,
            line=INK,
        )
        canvas.stroke(smooth([(0, -9), (0, -22)], closed=False, steps=2), 5, BLUE, line=INK)
        canvas.shape(ellipse(1.5 * math.sin(6 * math.pi * t), -31, 4, 6.5), YELLOW, line=(240, 140, 40))


def bitten_cookie(canvas: Canvas, t: float) -> None:
    """A biscuit that gets smaller, held at the mouth; crumbs fall."""
    bites = int(t * 4) % 4
    with canvas.moved(3, -60):
        canvas.dot(0, 0, 16, (222, 170, 104), line=darker((222, 170, 104), 0.45))
        for x, y in ((-6, -5), (5, 3), (-4, 7), (7, -7)):
            canvas.dot(x, y, 2.5, (112, 70, 48))
        for index in range(bites):
            canvas.dot(-13 + 7 * index, -12 + 1.5 * index, 7.5, (246, 226, 200))
    for x, start in ((-6, 0.0), (8, 0.5), (18, 0.25)):
        canvas.dot(x, -56 + 44 * ((t * 2 + start) % 1.0), 2.2, (200, 150, 90))


def noodles(canvas: Canvas, t: float) -> None:
    """A steaming bowl, held in front."""
    with canvas.moved(0, -38):
        canvas.shape(ellipse(0, -6, 30, 8), (255, 236, 190), line=INK)
        for x in (-14, -4, 6, 16):
            canvas.stroke(smooth([(x, -8), (x + 4, -4), (x - 2, -2)], closed=False, steps=3), 2.6, (244, 196, 90))
        canvas.shape(arc(0, -5, 32, 28, 0, 180), RED, line=INK)
        canvas.stroke(smooth([(-26, 6), (26, 6)], closed=False, steps=2), 3.5, WHITE)
    for x, start in ((-14, 0.0), (4, 0.4), (18, 0.7)):
        phase = (t + start) % 1.0
        y = -56 - 22 * phase
        canvas.stroke(smooth([(x, y), (x + 4, y - 6), (x, y - 12)], closed=False, steps=3), 2.6, (200, 206, 216))


def cup(canvas: Canvas, t: float) -> None:
    """A cup of something hot at the mouth."""
    with canvas.moved(2, -58 - 3 * math.sin(2 * math.pi * t), degrees=-6):
        canvas.stroke(arc(14, 2, 8, 8, -80, 80), 4.5, (250, 246, 240), line=INK)
        canvas.shape(smooth([(-14, -12), (14, -12), (11, 14), (-11, 14)], steps=2), (250, 246, 240), line=INK)
        canvas.shape(heart_outline(0, 2, 6), RED)
    for x in (-44, 44):
        y = -78 - 10 * ((t * 2 + x / 30) % 1.0)
        canvas.stroke(smooth([(x, y), (x + 4, y - 6), (x, y - 12)], closed=False, steps=3), 2.6, (186, 192, 204))


def laptop(canvas: Canvas, t: float) -> None:
    """A computer in front; the keys clatter."""
    lift = 2 * math.sin(8 * math.pi * t)
    with canvas.moved(0, -22):
        canvas.shape(superellipse(0, 0, 40, 24, power=7), (120, 130, 148), line=INK)
        canvas.shape(heart_outline(0, 0, 7), mix(WHITE, PINK, 0.3))
        canvas.shape(superellipse(0, 24, 46, 4, power=5), (160, 170, 186), line=INK)
    for x in (-30, 30):
        canvas.stroke(
            smooth([(x, -62 + lift * (1 if x > 0 else -1)), (x * 1.15, -70)], closed=False, steps=2), 3, YELLOW
        )


def balloons(canvas: Canvas, t: float) -> None:
    """Three balloons on strings from the right hand."""
    sway = 5 * math.sin(2 * math.pi * t)
    for x, y, colour in ((46, -150, RED), (72, -138, BLUE), (60, -168, YELLOW)):
        canvas.stroke(smooth([(48, -84), (x + sway, y + 16)], closed=False, steps=2), 1.8, INK)
        canvas.shape(ellipse(x + sway, y, 14, 17), colour, line=darker(colour, 0.5))
        canvas.shape(ellipse(x + sway - 5, y - 7, 2.6, 4), lighter(colour, 0.6))


def flowers(canvas: Canvas, t: float) -> None:
    """A bunch of flowers, held out."""
    with canvas.moved(34, -52, degrees=16 + 5 * math.sin(2 * math.pi * t)):
        for x, y, colour in ((-13, -26, PINK), (0, -34, YELLOW), (13, -26, RED)):
            canvas.stroke(smooth([(0, 6), (x, y)], closed=False, steps=2), 3, (96, 160, 84))
            for degrees in range(0, 360, 72):
                with canvas.moved(x, y, degrees=degrees):
                    canvas.dot(0, -6, 5.2, colour, line=darker(colour, 0.4))
            canvas.dot(x, y, 4, lighter(YELLOW, 0.2))
        canvas.shape(smooth([(-14, -14), (14, -14), (3, 16), (-3, 16)], steps=2), (190, 224, 250), line=INK)


def umbrella(canvas: Canvas, t: float) -> None:
    """Rain, and an umbrella against it."""
    for index in range(14):
        x = -90 + 180 * ((index * 0.618) % 1.0)
        y = -175 + 172 * ((index * 0.29 + 2 * t) % 1.0)
        canvas.stroke(smooth([(x, y), (x - 2, y + 9)], closed=False, steps=2), 2.8, BLUE)
    with canvas.moved(32, -70, degrees=6 + 3 * math.sin(2 * math.pi * t)):
        canvas.stroke(smooth([(0, 14), (0, -66)], closed=False, steps=2), 4, (130, 100, 80), line=INK)
        canvas.shape(arc(-14, -60, 62, 46, 180, 360, num_points=22), RED, line=INK)
        for x in (-54, -14, 27):
            canvas.shape(arc(x, -60, 10, 40, 180, 360, num_points=12), lighter(RED, 0.35))


def soap_bubbles(canvas: Canvas, t: float) -> None:
    """Shining bubbles that rise."""
    for x, start, radius in ((-60, 0.0, 11), (58, 0.25, 14), (-34, 0.5, 8), (40, 0.7, 9), (70, 0.9, 7)):
        phase = (t + start) % 1.0
        bx, by = x + 6 * math.sin(7 * phase), -20 - 140 * phase
        canvas.dot(bx, by, radius, (222, 242, 254), line=(140, 190, 230))
        canvas.dot(bx - radius * 0.35, by - radius * 0.4, radius * 0.25, WHITE)


def clapping_lines(canvas: Canvas, t: float) -> None:
    """Short rays between the hands at each clap."""
    if math.cos(4 * math.pi * t) > 0.2:
        for degrees in (-50, -20, 20, 50):
            with canvas.moved(0, -48, degrees=degrees):
                canvas.stroke(
                    smooth([(0, -22), (0, -32)], closed=False, steps=2), 3.2, YELLOW, line=darker(YELLOW, 0.5)
                )


def _drop(canvas: Canvas, x: float, y: float, size: float) -> None:
    outline = smooth(
        [(x, y - size * 1.3), (x + size * 0.7, y + size * 0.2), (x, y + size * 0.9), (x - size * 0.7, y + size * 0.2)]
    )
    canvas.shape(outline, lighter(BLUE, 0.4), line=BLUE, width=1.6)
