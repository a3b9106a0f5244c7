"""A cartoon sticker: scene, character in action, lettering; frame by frame."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from vsd2m_samples.drawing.actions import ACTIONS, Action
from vsd2m_samples.drawing.canvas import Canvas
from vsd2m_samples.drawing.characters import draw_character
from vsd2m_samples.drawing.lettering import draw_line
from vsd2m_samples.drawing.look import Look
from vsd2m_samples.drawing.palette import RGB
from vsd2m_samples.drawing.scenes import draw_scene

_STAGE_HEIGHT = 186.0  # units from the ground to the top of the picture, with room for a hat
TEXT_SHARE = 0.2  # of the height


@dataclass(frozen=True)
class Lettering:
    """A line of text: its position (`top` or `bottom`), and its colours."""

    text: str
    position: str
    ink: RGB
    edge: RGB


@dataclass(frozen=True)
class Cartoon:
    """Everything that determines a cartoon's pixels. `scene` None is transparent; `shift` is in shares of the width."""

    look: Look
    action: str
    width: int
    height: int
    num_frames: int
    scene: str | None
    tint: RGB
    zoom: float = 1.0
    shift: float = 0.0
    mirrored: bool = False
    white_border: bool = False
    phase: float = 0.0
    lettering: Lettering | None = None


def draw_cartoon(cartoon: Cartoon) -> npt.NDArray[np.uint8]:
    """uint8 `[T, H, W, 4]`, one loop of the action."""
    backdrop = _backdrop(cartoon)
    text = _text_layer(cartoon)
    frames = []
    for number in range(cartoon.num_frames):
        frame = backdrop.copy()
        frame.alpha_composite(_character_layer(cartoon, _moment(number, cartoon.num_frames, cartoon.phase)))
        if text is not None:
            frame.alpha_composite(text)
        frames.append(np.asarray(frame))
    return np.stack(frames)


def draw_strip(
    looks: list[Look], action: str, *, width: int, height: int, num_frames: int, tint: RGB
) -> npt.NDArray[np.uint8]:
    """A row of characters in a banner, or a column where the picture is higher than wide."""
    frames = []
    across = width > height
    length, side = max(width, height), min(width, height)
    for number in range(num_frames):
        canvas = Canvas(width, height)
        draw_scene(canvas, "dots", width, height, tint)
        for index, look in enumerate(looks):
            centre = length * (index + 0.5) / len(looks)
            x, y = (centre, side * 0.96) if across else (side / 2, centre + side * 0.46)
            with canvas.moved(x, y, scale=side / _STAGE_HEIGHT * 0.9):
                draw_character(canvas, look, ACTIONS[action].pose(_moment(number, num_frames, index * 0.23)))
        frames.append(np.asarray(canvas.finished()))
    return np.stack(frames)


def _moment(number: int, num_frames: int, phase: float) -> float:
    # 0.3 of a frame late: at the even steps of a quick action all sines would be 0 and nothing would move
    return ((number + 0.3) / num_frames + phase) % 1.0


def _backdrop(cartoon: Cartoon) -> Image.Image:
    canvas = Canvas(cartoon.width, cartoon.height)
    if cartoon.scene is not None:
        scale = min(cartoon.width, cartoon.height) / 200
        with canvas.moved(scale=scale):
            draw_scene(canvas, cartoon.scene, cartoon.width / scale, cartoon.height / scale, cartoon.tint)
    return canvas.finished()


def _text_layer(cartoon: Cartoon) -> Image.Image | None:
    if cartoon.lettering is None:
        return None
    lettering, band = cartoon.lettering, cartoon.height * TEXT_SHARE
    line = draw_line(
        lettering.text, width=cartoon.width - 8, max_size=round(band), ink=lettering.ink, edge=lettering.edge
    )
    layer = Image.new("RGBA", (cartoon.width, cartoon.height))
    y = 4 if lettering.position == "top" else cartoon.height - line.height - 4
    layer.alpha_composite(line, ((cartoon.width - line.width) // 2, y))
    return layer


def _character_layer(cartoon: Cartoon, t: float) -> Image.Image:
    action = ACTIONS[cartoon.action]
    canvas = Canvas(cartoon.width, cartoon.height)
    band = cartoon.height * TEXT_SHARE if cartoon.lettering else 0.0
    ground = cartoon.height * 0.97 - (band if cartoon.lettering and cartoon.lettering.position == "bottom" else 0.0)
    scale = min((cartoon.height - band) / _STAGE_HEIGHT, cartoon.width / 190) * cartoon.zoom
    if cartoon.zoom > 1.3:  # head and shoulders: the feet are below the picture
        ground += scale * 52
    side = -1.0 if cartoon.mirrored else 1.0
    with canvas.moved(cartoon.width * (0.5 + cartoon.shift), ground, scale=(side * scale, scale)):
        opacity = _act(canvas, cartoon.look, action, t)
    layer = canvas.finished()
    if cartoon.white_border:
        layer = _bordered(layer)
    if opacity < 1.0:
        layer.putalpha(layer.getchannel("A").point([round(value * opacity) for value in range(256)]))
    return layer


def _act(canvas: Canvas, look: Look, action: Action, t: float) -> float:
    pose = action.pose(t)
    if action.props and action.props_behind:
        action.props(canvas, t)
    with canvas.moved(scale=action.room):
        draw_character(canvas, look, pose)
    if action.props and not action.props_behind:
        action.props(canvas, t)
    return pose.opacity


def _bordered(layer: Image.Image) -> Image.Image:
    """The layer with the white rim of a die-cut sticker."""
    reach = max(1.5, min(layer.size) / 80)
    blurred = layer.getchannel("A").filter(ImageFilter.BoxBlur(reach))
    rim = blurred.point([min(255, 7 * max(0, value - 10)) for value in range(256)])
    bordered = Image.new("RGBA", layer.size, (255, 255, 255, 0))
    bordered.putalpha(rim)
    bordered.alpha_composite(layer)
    return bordered
