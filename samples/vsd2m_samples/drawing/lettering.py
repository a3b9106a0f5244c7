"""Legible lettering in the two fonts that ship with the package; system fonts are never used."""

import re
from functools import cache
from importlib.resources import as_file, files

from PIL import Image, ImageDraw, ImageFont

from vsd2m_samples.drawing.palette import INK, RGB, WHITE

MIN_SIZE = 13


def draw_line(text: str, *, width: int, max_size: int, ink: RGB, edge: RGB) -> Image.Image:
    """One line of `text`, at most `width` pixels wide, on transparency; `edge` is the outline around the letters.

    `ValueError` if the line does not fit even at `MIN_SIZE` pixels.
    """
    for size in range(max_size, MIN_SIZE - 1, -1):
        font, border = _font(text, size), max(1, round(size / 10))
        left, top, right, bottom = font.getbbox(text, stroke_width=border)
        if right - left <= width:
            picture = Image.new("RGBA", (round(right - left), round(bottom - top)))
            draw = ImageDraw.Draw(picture)
            draw.text((-left, -top), text, font=font, fill=ink, stroke_width=border, stroke_fill=edge)
            return picture
    raise ValueError(f"{text!r} does not fit into {width} pixels")


def draw_paragraph(text: str, *, width: int, size: int, ink: RGB = INK, paper: RGB = WHITE) -> Image.Image:
    """`text` set in as many lines as it needs on an opaque background with a margin."""
    font, margin = _font(text, size), round(size * 0.8)
    lines = _wrapped(text, font, width - 2 * margin)
    pitch = round(size * 1.45)
    picture = Image.new("RGBA", (width, pitch * len(lines) + 2 * margin), (*paper, 255))
    draw = ImageDraw.Draw(picture)
    for number, line in enumerate(lines):
        draw.text((margin, margin + number * pitch), line, font=font, fill=ink)
    return picture


def is_chinese(text: str) -> bool:
    """Whether any character needs the Chinese font."""
    return any(ord(character) > 0x2E7F for character in text)


def missing_glyphs(text: str) -> set[str]:
    """Characters that the font for `text` lacks; such a text must not be drawn."""
    font = _font(text, 24)
    absent = bytes(font.getmask("\uffff"))
    return {character for character in text if character != " " and bytes(font.getmask(character)) == absent}


@cache
def _font(text: str, size: int) -> ImageFont.FreeTypeFont:
    return _sized(is_chinese(text), size)


@cache
def _sized(chinese: bool, size: int) -> ImageFont.FreeTypeFont:
    name = "sticker-hanzi.ttf" if chinese else "sticker-latin.ttf"
    with as_file(files("vsd2m_samples").joinpath("fonts", name)) as path:
        return ImageFont.truetype(str(path), size, layout_engine=ImageFont.Layout.BASIC)


def _wrapped(text: str, font: ImageFont.FreeTypeFont, width: int) -> list[str]:
    pieces = re.findall(r".[，。？！：、]?", text) if is_chinese(text) else [f"{word} " for word in text.split()]
    lines = [""]
    for piece in pieces:
        if lines[-1] and font.getlength((lines[-1] + piece).rstrip()) > width:
            lines.append("")
        lines[-1] += piece
    return [line.rstrip() for line in lines]
