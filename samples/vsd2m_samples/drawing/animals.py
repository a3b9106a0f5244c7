"""The parts in which animals differ: ears, muzzles, marks and tails. The head's centre is the origin."""

from vsd2m_samples.drawing.canvas import Canvas, Points, ellipse, smooth, superellipse
from vsd2m_samples.drawing.look import Look
from vsd2m_samples.drawing.palette import INK, PINK, WHITE, darker, lighter, mix


def draw_ears(canvas: Canvas, look: Look) -> None:
    """The parts behind the head."""
    if look.species in _EARS:
        _EARS[look.species](canvas, look)


def draw_marks(canvas: Canvas, look: Look) -> None:
    """The parts on the head, below the eyes and the mouth."""
    if look.species in _MARKS:
        _MARKS[look.species](canvas, look)


def draw_front(canvas: Canvas, look: Look) -> None:
    """The parts over the face: noses, whiskers, hanging ears."""
    if look.species in _FRONTS:
        _FRONTS[look.species](canvas, look)


def draw_tail(canvas: Canvas, look: Look, swing: float) -> None:
    """The tail behind the body; the origin is between the feet, `swing` in degrees."""
    if look.species in _TAILS:
        with canvas.moved(22, -18, degrees=swing):
            _TAILS[look.species](canvas, look)


def _pointed_ears(canvas: Canvas, look: Look, *, height: float = 62.0, tip: bool = False) -> None:
    for side in (-1, 1):
        corners = [
            (side * 43, -16),
            (side * 41, -height + 8),
            (side * 37, -height),
            (side * 30, -height + 7),
            (side * 9, -34),
        ]
        canvas.shape(smooth(corners), look.accent if tip else look.fur, line=look.line)
        inner = [(side * 37, -24), (side * 36, -height + 16), (side * 31, -height + 18), (side * 19, -34)]
        canvas.shape(smooth(inner), mix(PINK, look.fur, 0.25))


def _cat_ears(canvas: Canvas, look: Look) -> None:
    _pointed_ears(canvas, look)


def _fox_ears(canvas: Canvas, look: Look) -> None:
    _pointed_ears(canvas, look, height=68, tip=True)


def _round_ears(canvas: Canvas, look: Look, *, x: float = 34, y: float = -30, radius: float = 16) -> None:
    outer = look.accent if look.species == "panda" else look.fur
    inner = darker(look.accent, 0.0) if look.species == "panda" else mix(look.fur, look.belly, 0.75)
    for side in (-1, 1):
        canvas.dot(side * x, y, radius, outer, line=look.line)
        canvas.dot(side * x, y + 1, radius * 0.58, inner)


def _bear_ears(canvas: Canvas, look: Look) -> None:
    _round_ears(canvas, look)


def _koala_ears(canvas: Canvas, look: Look) -> None:
    _round_ears(canvas, look, x=46, y=-18, radius=22)


def _mouse_ears(canvas: Canvas, look: Look) -> None:
    for side in (-1, 1):
        canvas.dot(side * 38, -32, 25, look.fur, line=look.line)
        canvas.dot(side * 38, -31, 17, PINK)


def _hamster_ears(canvas: Canvas, look: Look) -> None:
    _round_ears(canvas, look, x=35, y=-32, radius=13)


def _rabbit_ears(canvas: Canvas, look: Look) -> None:
    for side in (-1, 1):
        bent = look.marks == "lop" and side > 0
        with canvas.moved(side * 19, -32, degrees=side * (48 if bent else 8)):
            canvas.shape(ellipse(0, -30, 13, 36), look.fur, line=look.line)
            canvas.shape(ellipse(0, -28, 7, 27), mix(PINK, WHITE, 0.15))


def _pig_ears(canvas: Canvas, look: Look) -> None:
    for side in (-1, 1):
        corners = [(side * 40, -14), (side * 47, -40), (side * 38, -52), (side * 14, -36)]
        canvas.shape(smooth(corners), look.fur, line=look.line)
        canvas.shape(smooth([(side * 43, -22), (side * 45, -40), (side * 28, -38)]), darker(look.fur, 0.12))


def _cow_ears(canvas: Canvas, look: Look) -> None:
    for side in (-1, 1):
        canvas.shape(
            smooth([(side * 18, -34), (side * 22, -54), (side * 32, -57), (side * 34, -32)]),
            (244, 226, 186),
            line=look.line,
        )
        with canvas.moved(side * 45, -20, degrees=side * 20):
            canvas.shape(ellipse(side * 9, 0, 17, 9), look.fur, line=look.line)
            canvas.shape(ellipse(side * 9, 1, 11, 5), PINK)


def _sheep_wool(canvas: Canvas, look: Look) -> None:
    for x, y, radius in ((-34, -24, 20), (-14, -38, 21), (14, -38, 21), (34, -24, 20), (-44, -2, 17), (44, -2, 17)):
        canvas.dot(x, y, radius, look.belly, line=look.line)
    for side in (-1, 1):
        with canvas.moved(side * 44, 2, degrees=side * 25):
            canvas.shape(ellipse(side * 8, 0, 15, 8), look.fur, line=look.line)


def _lion_mane(canvas: Canvas, look: Look) -> None:
    for degrees in range(0, 360, 30):
        with canvas.moved(degrees=degrees):
            canvas.dot(0, -46, 17, look.accent, line=look.line)
    canvas.shape(ellipse(0, 0, 50, 46), look.accent)
    _round_ears(canvas, look, x=34, y=-32, radius=13)


def _frog_eyes(canvas: Canvas, look: Look) -> None:
    for side in (-1, 1):
        canvas.dot(side * 24, -32, 17, look.fur, line=look.line)


def _unicorn_top(canvas: Canvas, look: Look) -> None:
    for side in (-1, 1):
        canvas.shape(
            smooth([(side * 36, -24), (side * 38, -50), (side * 30, -54), (side * 17, -36)]), look.fur, line=look.line
        )
    canvas.shape(smooth([(-9, -34), (-1, -76), (1, -76), (9, -34)], steps=3), (255, 214, 102), line=look.line)
    for y in (-46, -57):
        canvas.stroke(smooth([(-6, y), (6, y - 5)], closed=False, steps=3), 2.2, (232, 170, 60))


def _chick_tuft(canvas: Canvas, look: Look) -> None:
    for degrees in (-24, 0, 24):
        with canvas.moved(0, -36, degrees=degrees):
            canvas.shape(ellipse(0, -9, 4.5, 12), look.fur, line=look.line)


def _owl_tufts(canvas: Canvas, look: Look) -> None:
    for side in (-1, 1):
        canvas.shape(smooth([(side * 42, -8), (side * 46, -52), (side * 12, -36)], steps=4), look.fur, line=look.line)


def _stripes(canvas: Canvas, look: Look) -> None:
    if look.marks == "tabby" or look.species == "tiger":
        for x, length in ((-10, 10), (0, 14), (10, 10)):
            canvas.stroke(smooth([(x, -38), (x * 0.9, -38 + length)], closed=False, steps=3), 4.2, look.accent)
        for side in (-1, 1):
            for y in (2, 12):
                canvas.stroke(smooth([(side * 46, y), (side * 36, y - 1)], closed=False, steps=3), 4.0, look.accent)
    elif look.marks == "calico":
        canvas.shape(smooth([(-44, -14), (-30, -34), (-8, -38), (-8, -16), (-26, -4)]), look.accent)
        canvas.shape(smooth([(20, -36), (40, -20), (44, -4), (26, -14)]), (232, 148, 62))
    elif look.marks == "siamese":
        canvas.shape(ellipse(0, 8, 27, 25), look.accent)
    elif look.marks == "bicolour":
        canvas.shape(smooth([(0, -30), (10, -4), (36, 18), (0, 39), (-36, 18), (-10, -4)]), look.belly)
    if look.species == "tiger":
        canvas.shape(ellipse(0, 20, 26, 17), look.belly)


def _panda_patches(canvas: Canvas, look: Look) -> None:
    for side in (-1, 1):
        with canvas.moved(side * 20, 1, degrees=side * 24):
            canvas.shape(ellipse(0, 0, 12.5, 15.5), look.accent)


def _muzzle(canvas: Canvas, look: Look) -> None:
    canvas.shape(ellipse(0, 17, 22, 16), look.belly)
    if look.marks == "patch":
        canvas.shape(ellipse(19, -3, 16, 17), look.accent)
    if look.marks == "husky":
        canvas.shape(
            smooth([(0, -26), (20, -14), (40, 8), (26, 30), (0, 38), (-26, 30), (-40, 8), (-20, -14)]), look.belly
        )


def _fox_mask(canvas: Canvas, look: Look) -> None:
    for side in (-1, 1):
        canvas.shape(smooth([(0, 6), (side * 24, 8), (side * 46, 2), (side * 34, 26), (side * 6, 39)]), look.belly)


def _penguin_mask(canvas: Canvas, look: Look) -> None:
    for side in (-1, 1):
        canvas.shape(ellipse(side * 16, 2, 21, 24), look.belly)
    canvas.shape(ellipse(0, 16, 30, 20), look.belly)


def _owl_discs(canvas: Canvas, look: Look) -> None:
    for side in (-1, 1):
        canvas.dot(side * 18, 0, 19, look.belly)


def _hamster_cheeks(canvas: Canvas, look: Look) -> None:
    for side in (-1, 1):
        canvas.shape(ellipse(side * 24, 17, 23, 18), look.belly)
    canvas.shape(ellipse(0, -30, 7, 14), darker(look.fur, 0.2))


def _cow_patches(canvas: Canvas, look: Look) -> None:
    canvas.shape(smooth([(14, -37), (38, -24), (45, -2), (32, 10), (12, 2), (8, -20)]), look.accent)
    canvas.shape(ellipse(0, 22, 30, 15), (255, 196, 190), line=look.line, width=1.6)


def _sheep_fringe(canvas: Canvas, look: Look) -> None:
    for x in (-17, 0, 17):
        canvas.dot(x, -30, 13, look.belly)


def _unicorn_mane(canvas: Canvas, look: Look) -> None:
    for index, (x, y, radius) in enumerate(((-12, -36, 13), (-30, -28, 14), (-42, -10, 14), (-45, 10, 12))):
        colours = ((255, 150, 190), (190, 150, 240), (130, 200, 250), (150, 224, 190))
        canvas.dot(x, y, radius, colours[index], line=look.line)


def _whiskers(canvas: Canvas, look: Look) -> None:
    _small_nose(canvas, look)
    for side in (-1, 1):
        for y, drop in ((10, -3), (17, 1)):
            canvas.stroke(smooth([(side * 33, y), (side * 57, y + drop)], closed=False, steps=3), 1.7, look.line)


def _small_nose(canvas: Canvas, look: Look) -> None:
    colour = PINK if look.species in ("cat", "rabbit", "mouse", "hamster") else INK
    canvas.shape(smooth([(-5, 7), (5, 7), (0, 13)], steps=4), colour)


def _big_nose(canvas: Canvas, look: Look) -> None:
    if look.species == "koala":
        canvas.shape(ellipse(0, 8, 9, 13), INK)
        canvas.dot(-3, 2, 2.2, lighter(INK, 0.5))
    else:
        canvas.shape(ellipse(0, 9, 7.5, 5.5), INK)
        canvas.dot(-2.4, 7.4, 1.7, lighter(INK, 0.55))


def _dog_front(canvas: Canvas, look: Look) -> None:
    _big_nose(canvas, look)
    if look.marks == "husky":
        return
    for side in (-1, 1):
        corners = [
            (side * 24, -38),
            (side * 44, -34),
            (side * 58, -4),
            (side * 54, 20),
            (side * 42, 18),
            (side * 36, -8),
        ]
        canvas.shape(smooth(corners), look.accent, line=look.line)


def _dog_ears(canvas: Canvas, look: Look) -> None:
    if look.marks == "husky":
        _pointed_ears(canvas, look, height=60)


def _pig_snout(canvas: Canvas, look: Look) -> None:
    canvas.shape(ellipse(0, 9, 14, 10), darker(look.fur, 0.1), line=look.line, width=2.0)
    for side in (-1, 1):
        canvas.shape(ellipse(side * 5, 9, 2.4, 4), darker(look.fur, 0.55))


def _cow_nose(canvas: Canvas, look: Look) -> None:
    del look
    for side in (-1, 1):
        canvas.shape(ellipse(side * 11, 15, 3, 2.2), (190, 104, 104))


def _rabbit_front(canvas: Canvas, look: Look) -> None:
    _small_nose(canvas, look)


def _frog_front(canvas: Canvas, look: Look) -> None:
    for side in (-1, 1):
        canvas.dot(side * 4, 4, 1.4, darker(look.fur, 0.5))


def _long_tail(canvas: Canvas, look: Look) -> None:
    curve = smooth([(0, 0), (22, -4), (32, -22), (27, -42)], closed=False)
    canvas.stroke(curve, 11, look.fur, line=look.line)
    if look.species == "lion":
        canvas.dot(27, -46, 10, look.accent, line=look.line)


def _bushy_tail(canvas: Canvas, look: Look) -> None:
    canvas.shape(smooth([(-4, -4), (24, -2), (46, -26), (38, -54), (20, -36), (2, -20)]), look.fur, line=look.line)
    canvas.shape(smooth([(46, -30), (38, -54), (25, -41)]), look.belly)


def _wagging_tail(canvas: Canvas, look: Look) -> None:
    canvas.stroke(smooth([(0, 0), (16, -8), (24, -24)], closed=False), 12, look.fur, line=look.line)


def _bobtail(canvas: Canvas, look: Look) -> None:
    canvas.dot(6, 0, 11, look.belly if look.species == "rabbit" else look.fur, line=look.line)


def _thin_tail(canvas: Canvas, look: Look) -> None:
    canvas.stroke(smooth([(0, 0), (22, 2), (34, -14), (48, -12)], closed=False), 4.5, PINK, line=look.line)


def _curly_tail(canvas: Canvas, look: Look) -> None:
    canvas.stroke(smooth([(0, 0), (12, -10), (20, 0), (10, 4), (14, -14)], closed=False), 5, look.fur, line=look.line)


def _rainbow_tail(canvas: Canvas, look: Look) -> None:
    for shift, colour in ((0, (255, 150, 190)), (9, (190, 150, 240)), (18, (130, 200, 250))):
        canvas.stroke(smooth([(0, -4), (24, -26 + shift), (42, -4 + shift)], closed=False), 10, colour, line=look.line)


def head_outline(look: Look) -> Points:
    """The outline of the head: an ellipse, or a squarer one for some kinds."""
    width, height = look.head
    power = {"bear": 2.25, "pig": 2.3, "cow": 2.5, "frog": 2.3, "hamster": 2.4, "koala": 2.3}.get(look.species, 2.12)
    return superellipse(0, 0, width, height, power=power)


_EARS = {
    "cat": _cat_ears, "tiger": _bear_ears, "fox": _fox_ears, "dog": _dog_ears, "bear": _bear_ears, "panda": _bear_ears,
    "koala": _koala_ears, "mouse": _mouse_ears, "hamster": _hamster_ears, "rabbit": _rabbit_ears, "pig": _pig_ears,
    "cow": _cow_ears, "sheep": _sheep_wool, "lion": _lion_mane, "frog": _frog_eyes, "unicorn": _unicorn_top,
    "chick": _chick_tuft, "owl": _owl_tufts,
}  # fmt: skip
_MARKS = {
    "cat": _stripes, "tiger": _stripes, "dog": _muzzle, "bear": _muzzle, "lion": _muzzle, "panda": _panda_patches,
    "fox": _fox_mask, "penguin": _penguin_mask, "owl": _owl_discs, "hamster": _hamster_cheeks, "cow": _cow_patches,
    "sheep": _sheep_fringe, "unicorn": _unicorn_mane,
}  # fmt: skip
_FRONTS = {
    "cat": _whiskers, "tiger": _small_nose, "dog": _dog_front, "bear": _big_nose, "lion": _big_nose, "koala": _big_nose,
    "panda": _small_nose, "fox": _small_nose, "hamster": _small_nose, "mouse": _whiskers, "rabbit": _rabbit_front,
    "pig": _pig_snout, "cow": _cow_nose, "frog": _frog_front,
}  # fmt: skip
_TAILS = {
    "cat": _long_tail, "tiger": _long_tail, "lion": _long_tail, "fox": _bushy_tail, "dog": _wagging_tail,
    "rabbit": _bobtail, "bear": _bobtail, "panda": _bobtail, "sheep": _bobtail, "mouse": _thin_tail, "pig": _curly_tail,
    "cow": _thin_tail, "unicorn": _rainbow_tail,
}  # fmt: skip
