"""Moving photographs: crops of freely licensed pictures that scikit-image and scikit-learn contain."""

import math
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageEnhance

from vsd2m.core.errors import ConfigError
from vsd2m_samples.drawing.composition import TEXT_SHARE, Lettering
from vsd2m_samples.drawing.lettering import draw_line


@dataclass(frozen=True)
class Photograph:
    """A picture with its rights. `described` completes "A photograph of ...".

    A crop that shows the subject has its centre in `focus` (left, top, right, bottom, in shares of the picture)
    and at least `least_share` of the width.
    """

    package: str
    path: str
    described: str
    author: str
    licence: str
    focus: tuple[float, float, float, float]
    least_share: float


_SKIMAGE, _SKLEARN = "skimage", "sklearn"
PHOTOGRAPHS: dict[str, Photograph] = {
    "astronaut": Photograph(
        _SKIMAGE,
        "data/astronaut.png",
        "an astronaut in an orange suit",
        "NASA",
        "Public domain",
        (0.36, 0.18, 0.62, 0.6),
        0.5,
    ),
    "camera": Photograph(
        _SKIMAGE,
        "data/camera.png",
        "a man with a camera on a tripod",
        "Lav Varshney",
        "CC0-1.0",
        (0.34, 0.22, 0.6, 0.5),
        0.5,
    ),
    "cat": Photograph(
        _SKIMAGE, "data/chelsea.png", "a tabby cat", "Stefan van der Walt", "CC0-1.0", (0.38, 0.35, 0.68, 0.6), 0.5
    ),
    "coffee": Photograph(
        _SKIMAGE,
        "data/coffee.png",
        "a cup of coffee on a wooden table",
        "Rachel Michetti",
        "CC0-1.0",
        (0.36, 0.4, 0.6, 0.6),
        0.5,
    ),
    "rocket": Photograph(
        _SKIMAGE, "data/rocket.jpg", "a rocket at its launch", "SpaceX", "Public domain", (0.42, 0.35, 0.58, 0.65), 0.35
    ),
    "coins": Photograph(
        _SKIMAGE,
        "data/coins.png",
        "old Greek coins",
        "Brooklyn Museum",
        "No known copyright restrictions",
        (0.25, 0.25, 0.75, 0.75),
        0.5,
    ),
    "temple": Photograph(
        _SKLEARN,
        "datasets/images/china.jpg",
        "a Chinese temple with a golden roof",
        "danielbuechele (Flickr)",
        "CC-BY-2.0",
        (0.55, 0.3, 0.8, 0.55),
        0.36,
    ),
    "flower": Photograph(
        _SKLEARN,
        "datasets/images/flower.jpg",
        "an orange dahlia in bloom",
        "vultilion (Flickr)",
        "CC-BY-2.0",
        (0.4, 0.35, 0.62, 0.62),
        0.45,
    ),
}

MOTIONS: dict[str, str] = {
    "pan": "the view moves from side to side",
    "rise": "the view moves up and down",
    "zoom in": "the view moves closer",
    "zoom out": "the view moves away",
    "shake": "the picture shakes",
    "tilt": "the picture tilts to and fro",
    "flicker": "the light flickers",
    "bounce": "the picture bounces",
    "circle": "the view circles",
}


@dataclass(frozen=True)
class Crop:
    """A window of a photograph: centre and width in shares of the picture's width and height."""

    x: float
    y: float
    share: float


@dataclass(frozen=True)
class MovingPhotograph:
    """Everything that determines the pixels of a moving photograph."""

    subject: str
    crop: Crop
    motion: str
    width: int
    height: int
    num_frames: int
    mirrored: bool
    colour: float
    contrast: float
    round_corners: bool
    lettering: Lettering | None = None


def require_photographs() -> None:
    """`ConfigError` if the packages that ship the photographs are not installed."""
    for package in (_SKIMAGE, _SKLEARN):
        _package_folder(package)


def move_photograph(moving_photograph: MovingPhotograph) -> npt.NDArray[np.uint8]:
    """uint8 `[T, H, W, 4]`: the crop, moving; text and rounded corners stand still."""
    source = _graded(moving_photograph)
    mask = _corner_mask(moving_photograph)
    frames = []
    for number in range(moving_photograph.num_frames):
        frame = _moment(source, moving_photograph, number / moving_photograph.num_frames).convert("RGBA")
        if mask is not None:
            frame.putalpha(mask)
        if moving_photograph.lettering is not None:
            _write(frame, moving_photograph.lettering)
        frames.append(np.asarray(frame))
    return np.stack(frames)


def _moment(source: Image.Image, moving_photograph: MovingPhotograph, t: float) -> Image.Image:
    sine, cosine = math.sin(2 * math.pi * t), math.cos(2 * math.pi * t)
    slow = 0.5 - 0.5 * cosine
    dx, dy, size, degrees, light = 0.0, 0.0, 1.0, 0.0, 1.0
    if moving_photograph.motion == "pan":
        dx = 0.22 * sine
    elif moving_photograph.motion == "rise":
        dy = 0.2 * sine
    elif moving_photograph.motion == "zoom in":
        size = 1.0 - 0.4 * t
    elif moving_photograph.motion == "zoom out":
        size = 0.6 + 0.4 * t
    elif moving_photograph.motion == "shake":
        dx, dy = 0.05 * math.sin(6 * math.pi * t), 0.03 * math.cos(10 * math.pi * t)
    elif moving_photograph.motion == "tilt":
        degrees, size = 14.0 * sine, 0.75
    elif moving_photograph.motion == "flicker":
        light = 0.72 + 0.5 * slow
    elif moving_photograph.motion == "bounce":
        dy = 0.16 * abs(sine)
    else:
        dx, dy = 0.12 * sine, 0.12 * cosine
    view = _view(source, moving_photograph, dx, dy, size, degrees)
    return ImageEnhance.Brightness(view).enhance(light) if light != 1.0 else view


def _view(
    source: Image.Image, moving_photograph: MovingPhotograph, dx: float, dy: float, size: float, degrees: float
) -> Image.Image:
    width = source.width * moving_photograph.crop.share * size
    height = width * moving_photograph.height / moving_photograph.width
    if height > source.height:
        width, height = width * source.height / height, float(source.height)
    left = min(max(source.width * moving_photograph.crop.x + dx * width - width / 2, 0.0), source.width - width)
    top = min(max(source.height * moving_photograph.crop.y + dy * height - height / 2, 0.0), source.height - height)
    box = (left, top, left + width, top + height)
    if not degrees:
        return source.resize((moving_photograph.width, moving_photograph.height), Image.Resampling.BICUBIC, box=box)
    margin = 1.45
    large = source.resize(
        (round(moving_photograph.width * margin), round(moving_photograph.height * margin)),
        Image.Resampling.BICUBIC,
        box=box,
    )
    turned = large.rotate(degrees, Image.Resampling.BICUBIC)
    x, y = (turned.width - moving_photograph.width) // 2, (turned.height - moving_photograph.height) // 2
    return turned.crop((x, y, x + moving_photograph.width, y + moving_photograph.height))


def _graded(moving_photograph: MovingPhotograph) -> Image.Image:
    source = _opened(moving_photograph.subject)
    if moving_photograph.mirrored:
        source = source.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return ImageEnhance.Contrast(ImageEnhance.Color(source).enhance(moving_photograph.colour)).enhance(
        moving_photograph.contrast
    )


@cache
def _opened(subject: str) -> Image.Image:
    photograph = PHOTOGRAPHS[subject]
    with Image.open(_package_folder(photograph.package) / photograph.path) as picture:
        return picture.convert("RGB")


def _package_folder(package: str) -> Path:
    """The folder of a package, without importing it, which takes seconds."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ConfigError(
            f"the photographs come with {package!r}, which is not installed; "
            "in a checkout of vsd2m: pip install ./samples"
        )
    return Path(spec.submodule_search_locations[0])


def _corner_mask(moving_photograph: MovingPhotograph) -> Image.Image | None:
    if not moving_photograph.round_corners:
        return None
    scale, side = 4, min(moving_photograph.width, moving_photograph.height)
    mask = Image.new("L", (moving_photograph.width * scale, moving_photograph.height * scale))
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, mask.width - 1, mask.height - 1), side * scale * 0.16, fill=255)
    return mask.reduce(scale)


def _write(frame: Image.Image, lettering: Lettering) -> None:
    size = round(frame.height * TEXT_SHARE)
    line = draw_line(lettering.text, width=frame.width - 12, max_size=size, ink=lettering.ink, edge=lettering.edge)
    y = 6 if lettering.position == "top" else frame.height - line.height - 6
    frame.alpha_composite(line, ((frame.width - line.width) // 2, y))
