"""Augments pictures like stickers: cropped, graded, captioned, pasted, shrunk, quantised.

Without it a head learns that flat white backgrounds mean cartoon and JPEG noise means real.
"""

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps

_PHRASES = (
    "when you see it", "what is this", "no way", "i have no idea", "one does not simply", "good morning", "not today",
    "that moment when", "thanks so much", "why not both", "monday again", "keep calm", "this is fine", "wait for it",
    "nobody asked", "coffee first", "happy birthday", "it was like that when i got here", "are you serious",
)  # fmt: skip
_RGB = tuple[int, int, int]


def augment(
    picture: Image.Image, domain: str, photographs: Sequence[Image.Image], rng: np.random.Generator
) -> Image.Image:
    """A sticker-like RGB version of an RGBA `picture`; `others` (opaque photographs) may serve as its background."""
    picture = _cropped(picture, rng)
    if least_alpha(picture) < 255:
        picture = _placed(picture, _ground(picture.size, domain, photographs, rng), rng)
    picture = picture.convert("RGB")
    if domain == "real":
        picture = _graded(picture, rng)
    elif rng.random() < 0.15:
        picture = ImageOps.grayscale(picture).convert("RGB")
    for change, share in ((_bordered, 0.15), (_captioned, 0.35), (_shrunk, 0.7), (_blurred, 0.15)):
        if rng.random() < share:
            picture = change(picture, rng)
    return _store_and_reload(picture, rng)


def comic(figures: Sequence[Image.Image], rng: np.random.Generator) -> Image.Image:
    """A strip of one to four panels with characters (RGBA) and lettering; some have stick figures only."""
    num_panels = int(rng.integers(1, 5))
    panel = int(rng.integers(140, 260))
    strip = Image.new("RGB", (panel * num_panels, int(panel * rng.uniform(0.8, 1.6))), "white")
    sticks = rng.random() < 0.5
    for index in range(num_panels):
        box = (index * panel + 4, 4, (index + 1) * panel - 4, strip.height - 4)
        draw = ImageDraw.Draw(strip)
        draw.rectangle(box, outline="black", width=2, fill="white" if sticks else _colour(rng, light=True))
        for _ in range(int(rng.integers(1, 4))):
            if sticks:
                _stick_figure(draw, box, rng)
            else:
                _paste_into(strip, figures[int(rng.integers(len(figures)))], box, rng)
        for row in range(int(rng.integers(0, 4))):
            draw.text((box[0] + 6, box[1] + 4 + 14 * row), _phrase(rng).upper(), font=_font(12), fill="black")
    return _store_and_reload(strip, rng)


def least_alpha(picture: Image.Image) -> int:
    """255 for an opaque RGBA picture."""
    return int(np.asarray(picture.getchannel("A")).min())


def _cropped(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    if rng.random() < 0.5:
        picture = ImageOps.mirror(picture)
    if rng.random() < 0.3:
        return picture
    share = rng.uniform(0.5, 1.0, 2) if least_alpha(picture) == 255 else rng.uniform(0.8, 1.0, 2)
    width, height = (max(1, round(side * s)) for side, s in zip(picture.size, share, strict=True))
    left, top = (int(rng.integers(0, a - b + 1)) for a, b in zip(picture.size, (width, height), strict=True))
    return picture.crop((left, top, left + width, top + height))


def _ground(
    size: tuple[int, int], domain: str, photographs: Sequence[Image.Image], rng: np.random.Generator
) -> Image.Image:
    kind = rng.random()
    if kind < 0.5:
        return Image.new("RGB", size, "white")
    if kind < 0.65:
        return Image.new("RGB", size, _colour(rng))
    if kind < (0.9 if domain == "cartoon" else 0.75):
        return _gradient(size, rng)
    photograph = photographs[int(rng.integers(len(photographs)))].convert("RGB").resize(size)
    return photograph.filter(ImageFilter.GaussianBlur(6)) if domain == "cartoon" else photograph


def _placed(picture: Image.Image, ground: Image.Image, rng: np.random.Generator) -> Image.Image:
    scale = rng.uniform(0.6, 1.0)
    small = picture.resize((max(1, round(picture.width * scale)), max(1, round(picture.height * scale))))
    at = tuple(int(rng.integers(0, a - b + 1)) for a, b in zip(ground.size, small.size, strict=True))
    ground.paste(small, (at[0], at[1]), small)
    return ground


def _gradient(size: tuple[int, int], rng: np.random.Generator) -> Image.Image:
    corners = rng.integers(0, 256, (2, 2, 3)).astype(np.uint8)
    picture = Image.fromarray(corners).resize(size, Image.Resampling.BICUBIC)
    if rng.random() < 0.5:
        grain = np.asarray(picture, np.float32) + rng.normal(0, rng.uniform(2, 14), (size[1], size[0], 3))
        picture = Image.fromarray(np.clip(grain, 0, 255).astype(np.uint8))
    return picture


def _graded(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    picture = ImageEnhance.Color(picture).enhance(0.0 if rng.random() < 0.15 else rng.uniform(0.4, 1.6))
    picture = ImageEnhance.Brightness(picture).enhance(rng.uniform(0.6, 1.3))
    picture = ImageEnhance.Contrast(picture).enhance(rng.uniform(0.7, 1.4))
    tint = np.clip(np.asarray(picture, np.float32) * rng.uniform(0.8, 1.2, 3), 0, 255)
    return Image.fromarray(tint.astype(np.uint8))


def _bordered(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    colour: _RGB = (0, 0, 0) if rng.random() < 0.7 else (255, 255, 255)
    bar = int(picture.height * rng.uniform(0.04, 0.25))
    side = 0 if rng.random() < 0.7 else bar
    return ImageOps.expand(picture, (side, bar, side, bar), colour)


def _captioned(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    draw = ImageDraw.Draw(picture)
    size = max(9, int(picture.height * rng.uniform(0.06, 0.13)))
    font = _font(size)
    fill = ("white", "yellow", "black")[int(rng.choice(3, p=(0.7, 0.15, 0.15)))]
    for y in rng.choice([0.03, 0.45, 0.85], int(rng.integers(1, 3)), replace=False):
        text = _phrase(rng)
        text = text.upper() if rng.random() < 0.6 else text.capitalize()
        width = draw.textlength(text, font=font)
        at = ((picture.width - width) / 2, picture.height * y)
        draw.text(at, text, font=font, fill=fill, stroke_width=max(1, size // 14), stroke_fill="black")
    return picture


def _shrunk(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    scale = float(rng.uniform(72, 420)) / max(picture.size)
    if scale >= 1:
        return picture
    return picture.resize((max(1, round(picture.width * scale)), max(1, round(picture.height * scale))))


def _blurred(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    return picture.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.5, 2.0))))


def _store_and_reload(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Encodes and decodes the picture: JPEG, the 256 colours of a GIF, or unchanged."""
    kind = rng.random()
    if kind < 0.4:
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=int(rng.integers(25, 95)))
        return Image.open(file).convert("RGB")
    if kind < 0.8:
        dither = Image.Dither.FLOYDSTEINBERG if rng.random() < 0.6 else Image.Dither.NONE
        palette = picture.quantize(int(rng.integers(32, 257)))
        return picture.quantize(palette=palette, dither=dither).convert("RGB")
    return picture


def _stick_figure(draw: ImageDraw.ImageDraw, box: tuple[int, int, int, int], rng: np.random.Generator) -> None:
    height = (box[3] - box[1]) * rng.uniform(0.25, 0.5)
    x = rng.uniform(box[0] + 20, box[2] - 20)
    foot = box[3] - rng.uniform(4, 20)
    head = height * 0.14
    top = foot - height
    draw.ellipse((x - head, top, x + head, top + 2 * head), outline="black", width=2)
    hip = foot - height * 0.35
    draw.line((x, top + 2 * head, x, hip), fill="black", width=2)
    for side in (-1, 1):
        draw.line((x, hip, x + side * height * 0.15, foot), fill="black", width=2)
        reach = rng.uniform(-0.2, 0.2) * height
        draw.line((x, top + 3 * head, x + side * height * 0.2, top + 4 * head + reach), fill="black", width=2)


def _paste_into(
    strip: Image.Image, figure: Image.Image, box: tuple[int, int, int, int], rng: np.random.Generator
) -> None:
    small = figure.copy()
    small.thumbnail((int((box[2] - box[0]) * 0.7), int((box[3] - box[1]) * 0.6)))
    x = int(rng.integers(box[0], max(box[0] + 1, box[2] - small.width)))
    strip.paste(small, (x, box[3] - small.height - 2), small)


def _phrase(rng: np.random.Generator) -> str:
    return _PHRASES[int(rng.integers(len(_PHRASES)))]


def _colour(rng: np.random.Generator, *, light: bool = False) -> _RGB:
    red, green, blue = (int(v) for v in rng.integers(170 if light else 0, 256, 3))
    return red, green, blue


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
