"""A character in a pose. The origin is on the ground between the feet; a character is about 150 high."""

from vsd2m_samples.drawing.animals import draw_ears, draw_front, draw_marks, draw_tail, head_outline
from vsd2m_samples.drawing.canvas import Canvas, ellipse, smooth
from vsd2m_samples.drawing.faces import draw_face
from vsd2m_samples.drawing.look import Look
from vsd2m_samples.drawing.outfits import draw_garment, draw_hat
from vsd2m_samples.drawing.palette import RED, RGB, darker, mix
from vsd2m_samples.drawing.pose import Pose
from vsd2m_samples.drawing.things import THINGS, draw_thing

_RAISED = 100.0  # an arm above this angle is drawn over the head
_BIRDS = ("penguin", "chick", "owl", "duck")
_PIVOT_Y = -75.0  # a character turns about its middle


def draw_character(canvas: Canvas, look: Look, pose: Pose) -> None:
    """`look` in `pose`, without the pose's opacity, which belongs to the layer."""
    shape = (pose.turn * pose.scale / pose.stretch, pose.scale * pose.stretch)
    draw = _draw_living_thing if look.species in THINGS else _draw_animal
    turned = canvas.moved(0, _PIVOT_Y, degrees=pose.degrees)
    with canvas.moved(pose.x, pose.y, scale=shape), turned, canvas.moved(0, -_PIVOT_Y):
        draw(canvas, look, pose)


def _draw_animal(canvas: Canvas, look: Look, pose: Pose) -> None:
    draw_tail(canvas, look, pose.tail)
    if look.garment == "cape":
        _draw_cape(canvas, look, pose)
    _draw_feet(canvas, look, pose)
    _draw_body(canvas, look)
    draw_garment(canvas, look)
    for side in (-1, 1):
        if _arm_angle(pose, side) <= _RAISED:
            _draw_arm(canvas, look, side, _arm_angle(pose, side))
    with canvas.moved(pose.head_x, -98 + pose.head_y, degrees=pose.head_degrees):
        _draw_head(canvas, look, pose)
    for side in (-1, 1):
        if _arm_angle(pose, side) > _RAISED:
            _draw_arm(canvas, look, side, _arm_angle(pose, side))


def _draw_head(canvas: Canvas, look: Look, pose: Pose) -> None:
    skin = mix(look.fur, RED, pose.flushed * 0.5)
    draw_ears(canvas, look)
    canvas.shape(head_outline(look), skin, line=look.line)
    draw_marks(canvas, look)
    draw_face(canvas, look.face, skin, eyes=pose.eyes, mouth=pose.mouth, blush=pose.blush)
    draw_front(canvas, look)
    draw_hat(canvas, look)


def _draw_body(canvas: Canvas, look: Look) -> None:
    outline = smooth([(-20, -70), (20, -70), (31, -38), (27, -12), (0, -5), (-27, -12), (-31, -38)])
    canvas.shape(outline, _limb_colour(look) if look.species == "panda" else look.fur, line=look.line)
    canvas.shape(ellipse(0, -33, 20, 24), look.belly)
    if look.species == "tiger":
        for side in (-1, 1):
            for y in (-46, -32):
                canvas.stroke(smooth([(side * 29, y), (side * 22, y)], closed=False, steps=3), 4, look.accent)


def _draw_feet(canvas: Canvas, look: Look, pose: Pose) -> None:
    colour = look.face.beak if look.species in _BIRDS else _limb_colour(look)
    for side, lift in ((-1, pose.left_leg), (1, pose.right_leg)):
        with canvas.moved(side * 15, -8 - max(lift, 0.0), degrees=-side * abs(lift) * 0.6):
            canvas.shape(ellipse(side * 2, 2, 14, 10), colour, line=look.line)


def _draw_arm(canvas: Canvas, look: Look, side: int, angle: float) -> None:
    raised = min(max(angle - 60.0, 0.0) / 60.0, 1.0)
    with canvas.moved(side * (24 + 7 * raised), -60, degrees=-side * angle):
        if look.species in _BIRDS:
            canvas.shape(ellipse(0, 17, 10, 20), _limb_colour(look), line=look.line)
        else:
            canvas.stroke(
                smooth([(0, 0), (0, 28 + 8 * raised)], closed=False, steps=3), 16, _limb_colour(look), line=look.line
            )


def _draw_cape(canvas: Canvas, look: Look, pose: Pose) -> None:
    flow = pose.tail * 0.4
    canvas.shape(
        smooth([(-18, -70), (18, -70), (44 + flow, -10), (0, -2), (-44 + flow, -10)]), look.cloth, line=look.line
    )


def _draw_living_thing(canvas: Canvas, look: Look, pose: Pose) -> None:
    floats = look.species in ("ghost", "octopus")
    if not floats:
        for side, lift in ((-1, pose.left_leg), (1, pose.right_leg)):
            knee = smooth([(side * 15, -38), (side * 17, -8 - max(lift, 0.0))], closed=False, steps=3)
            canvas.stroke(knee, 5, look.line)
            canvas.shape(ellipse(side * 21, -6 - max(lift, 0.0), 11, 6.5), darker(look.accent, 0.15), line=look.line)
    if look.species != "octopus":
        for side in (-1, 1):
            if _arm_angle(pose, side) >= 0:
                _draw_thin_arm(canvas, look, side, _arm_angle(pose, side))
    with canvas.moved(pose.head_x * 0.7, -76 + pose.head_y * 0.7, degrees=pose.head_degrees * 0.8):
        draw_thing(canvas, look, pose.tail)
        skin = mix(look.accent if look.species == "fried egg" else look.fur, RED, pose.flushed * 0.3)
        draw_face(canvas, look.face, skin, eyes=pose.eyes, mouth=pose.mouth, blush=pose.blush)
        draw_hat(canvas, look)
    for side in (-1, 1):
        if _arm_angle(pose, side) < 0 and look.species != "octopus":
            _draw_thin_arm(canvas, look, side, _arm_angle(pose, side))


def _draw_thin_arm(canvas: Canvas, look: Look, side: int, angle: float) -> None:
    raised = min(max(angle - 60.0, 0.0) / 60.0, 1.0)
    with canvas.moved(side * (38 + 6 * raised), -66, degrees=-side * (angle + 12)):
        canvas.stroke(smooth([(0, 0), (side * 3, 18), (0, 34 + 10 * raised)], closed=False), 5, look.line)
        canvas.dot(0, 36 + 10 * raised, 7.5, look.fur, line=look.line)


def _arm_angle(pose: Pose, side: int) -> float:
    return pose.left_arm if side < 0 else pose.right_arm


def _limb_colour(look: Look) -> RGB:
    return look.accent if look.species in ("panda", "cow") or look.marks == "siamese" else look.fur
