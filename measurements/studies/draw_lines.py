"""Draws labelled lines of sticker text: one folder for training, four for evaluation.

    measurements/studies/fetch_line_fonts.sh FONTS
    python measurements/studies/draw_lines.py FONTS LINES --num-train 1200 --num-test 200

LINES/train and LINES/familiar share fonts and kinds of background but no text; LINES/new_font has fonts and
LINES/new_background a kind of background (the demo's cartoons) that are not in the training data; LINES/new_both has both.
Each holds pictures and `labels.txt`. The same arguments give the same files. Needs the extra `samples`.
"""

import argparse
import io
import math
import zlib
from functools import cache, partial
from pathlib import Path

import numpy as np
import vsd2m_samples
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from vsd2m_samples.drawing.cartoons import PAIRS, draw_cartoon_sticker
from vsd2m_samples.drawing.lettering import is_chinese
from vsd2m_samples.drawing.photographs import PHOTOGRAPHS, Crop, MovingPhotograph, move_photograph
from vsd2m_samples.drawing.phrases import LONG_TEXTS, PHOTOGRAPH_TEXTS, PHRASES

from vsd2m.annotate.ocr_training.ocr_labels import LABELS

LATIN = {False: ("anton", "bangers", "lilita-one", "comic-neue", "sticker-latin"), True: ("luckiest-guy", "permanent-marker")}  # fmt: skip
HANZI = {False: ("zcool-huangyou", "ma-shan-zheng", "sticker-hanzi"), True: ("zcool-kuaile",)}
CAPITALS_ONLY = {"bangers", "luckiest-guy", "permanent-marker"}  # small letters of these look like capitals
GROUNDS = {False: ("flat", "gradient", "shapes", "photograph"), True: ("cartoon",)}
FOLDERS = {
    # folder: (texts of the test part, fonts held out, backgrounds held out)
    "train": (False, False, False),
    "familiar": (True, False, False),
    "new_font": (True, True, False),
    "new_background": (True, False, True),
    "new_both": (True, True, True),
}
SAID = (
    "the you me is not what when my so that this just like know how was it yes no why who can do get go got really "
    "today never always still people work home food cat dog money friend love hate best worst day night week time "
    "again already here there wait stop please help sure fine okay great nice cool wow oh hey sorry thanks bro guys"
)
WORDS = SAID.split()
COMMON_HANZI = "".join(
    bytes((high, low)).decode("gb2312") for high in range(0xB0, 0xD7) for low in range(0xA1, 0xFF)
)  # fmt: skip
SIZE = 44


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("fonts", type=Path)
    parser.add_argument("lines", type=Path)
    parser.add_argument("--num-train", type=int, default=1200)
    parser.add_argument("--num-test", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--addresses", type=float, default=0.0, help="share of lines that are web addresses, as watermarks are"
    )
    arguments = parser.parse_args()
    for number, name in enumerate(FOLDERS):
        count = arguments.num_train if name == "train" else arguments.num_test
        rng = np.random.default_rng([arguments.seed, number])
        texts = partial(line_of_text, addresses=arguments.addresses)
        write_folder(arguments.lines / name, count, arguments.fonts, texts, *FOLDERS[name], rng)
        print(arguments.lines / name, count)


def write_folder(
    folder: Path, count: int, fonts: Path, texts, test_texts: bool, new_fonts: bool, new_grounds: bool, rng
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    labels = []
    for number in range(count):
        text, font = text_and_font(fonts, texts, test_texts, new_fonts, rng)
        draw_line(text, font, choice(GROUNDS[new_grounds], rng), rng).save(folder / f"{number:05d}.png")
        labels.append(f"{number:05d}.png\t{text}\n")
    (folder / LABELS).write_text("".join(labels), encoding="utf-8")


def text_and_font(fonts: Path, texts, test_texts: bool, new_fonts: bool, rng) -> tuple[str, Path]:
    """A text of the wanted part (a text belongs to one part by its checksum) and a font that has all its characters."""
    while True:
        text = texts(rng)
        name = choice((HANZI if is_chinese(text) else LATIN)[new_fonts], rng)
        folder = Path(vsd2m_samples.__path__[0]) / "fonts" if name.startswith("sticker-") else fonts
        font = folder / f"{name}.ttf"
        text = text.upper() if name in CAPITALS_ONLY else text
        if (zlib.crc32(text.lower().encode()) % 5 == 0) == test_texts and has_all(font, text):
            return text, font


def line_of_text(rng, *, addresses: float) -> str:
    if addresses and rng.random() < addresses:
        ending = choice((".com", ".net", ".org", ".cn", ".me", ".io"), rng)
        return "".join(choice(WORDS, rng) for _ in range(rng.integers(1, 4))) + ending
    return english(rng) if rng.random() < 0.5 else chinese(rng)


def english(rng) -> str:
    texts = [text for p in PHRASES.values() for text in p.english] + [
        t for en, _ in PHOTOGRAPH_TEXTS.values() for t in en
    ]
    long = " ".join(LONG_TEXTS["en"]).split()
    if rng.random() < 0.25:
        text = choice(texts, rng)
    else:
        text = " ".join(choice(WORDS if rng.random() < 0.5 else long, rng) for _ in range(rng.integers(1, 5)))
        text += choice(("", "", "!", "?", "...", "!!", f" {rng.integers(100)}"), rng)
    return choice((str.upper, str.upper, str.lower, str.title, str.capitalize), rng)(text)


def chinese(rng) -> str:
    texts = [text for p in PHRASES.values() for text in p.chinese] + [
        t for _, zh in PHOTOGRAPH_TEXTS.values() for t in zh
    ]
    lot = rng.random()
    if lot < 0.3:
        text = choice(texts, rng)
    elif lot < 0.6:
        long, length = choice(LONG_TEXTS["zh"], rng), int(rng.integers(2, 9))
        begin = int(rng.integers(len(long) - length))
        text = long[begin : begin + length]
    else:
        text = "".join(choice(COMMON_HANZI, rng) for _ in range(rng.integers(2, 8)))
    return text + choice(("", "", "！", "？", "~"), rng)


def draw_line(text: str, font_file: Path, ground: str, rng) -> Image.Image:
    font = font_of(font_file)
    widths = [font.getlength(character) for character in text]
    margin = int(rng.integers(4, 16))
    width, height = round(sum(widths)) + 2 * margin + 8, round(SIZE * 1.35) + 2 * margin
    picture = background(ground, width, height, rng)
    ink, edge, border = colours(picture, rng)
    layer = Image.new("RGBA", picture.size)
    draw = ImageDraw.Draw(layer)
    hop, bend = rng.uniform(0, 5) * (rng.random() < 0.4), rng.uniform(-8, 8) * (rng.random() < 0.4)
    rainbow = rng.random() < 0.1 and border > 1
    x = margin + 4.0
    for character, advance in zip(text, widths, strict=True):
        y = margin + rng.uniform(-hop, hop) + bend * math.cos(math.pi * (2 * x / width - 1) / 2)
        fill = tuple(int(v) for v in rng.integers(0, 256, 3)) if rainbow else ink
        draw.text((x, y), character, font=font, fill=fill, stroke_width=border, stroke_fill=edge)
        x += advance
    if rng.random() < 0.3:
        shadow = Image.new("RGBA", picture.size, (0, 0, 0, 160))
        at = (int(rng.integers(1, 5)), int(rng.integers(1, 5)))
        picture.paste(shadow, at, layer.getchannel("A"))
    picture.paste(layer, (0, 0), layer)
    return degrade(picture, rng)


def colours(picture: Image.Image, rng) -> tuple[tuple, tuple, int]:
    """Ink, edge and width of the edge, legible: an edge, or ink far from the background."""
    lot = rng.random()
    if lot < 0.35:
        return (255, 255, 255), (0, 0, 0), int(rng.integers(1, 5))
    ink = tuple(int(v) for v in rng.integers(0, 256, 3))
    if lot < 0.7:
        return ink, (255, 255, 255) if np.mean(ink) < 140 else (20, 20, 20), int(rng.integers(2, 5))
    ground = float(np.asarray(picture.convert("L")).mean())
    light = ground < 128
    low, high = (200, 256) if light else (0, 60)
    return tuple(int(v) for v in rng.integers(low, high, 3)), (0, 0, 0), 0


def background(kind: str, width: int, height: int, rng) -> Image.Image:
    if kind in ("photograph", "cartoon"):
        frame = photograph(rng) if kind == "photograph" else cartoon(int(rng.integers(60)))
        share = rng.uniform(0.5, 1.0)
        w = round(frame.width * share)
        h = max(8, round(w * height / width))
        left, top = rng.integers(0, frame.width - w + 1), rng.integers(0, max(1, frame.height - h + 1))
        return frame.crop((left, top, left + w, top + h)).resize((width, height), Image.Resampling.BICUBIC)
    first, second = (rng.integers(0, 256, 3) for _ in range(2))
    if kind == "gradient":
        ramp = (
            np.linspace(0, 1, width)[None, :, None] if rng.random() < 0.5 else np.linspace(0, 1, height)[:, None, None]
        )
        return Image.fromarray(np.broadcast_to(first + (second - first) * ramp, (height, width, 3)).astype(np.uint8))
    picture = Image.new("RGB", (width, height), tuple(int(v) for v in first))
    if kind == "shapes":
        draw = ImageDraw.Draw(picture)
        for _ in range(rng.integers(3, 12)):
            x, y, r = rng.uniform(0, width), rng.uniform(0, height), rng.uniform(4, height * 0.7)
            shape = choice((draw.ellipse, draw.rectangle), rng)
            shape((x - r, y - r, x + r, y + r), fill=tuple(int(v) for v in rng.integers(0, 256, 3)))
    return picture


def photograph(rng) -> Image.Image:
    crop = Crop(rng.uniform(0.3, 0.7), rng.uniform(0.3, 0.7), rng.uniform(0.3, 0.7))
    moving_photograph = MovingPhotograph(
        choice(tuple(PHOTOGRAPHS), rng), crop, "zoom in", 320, 240, 1, bool(rng.random() < 0.5), rng.uniform(0.5, 1.3),
        rng.uniform(0.7, 1.2), False,
    )  # fmt: skip
    return Image.fromarray(move_photograph(moving_photograph)[0]).convert("RGB")


@cache
def cartoon(number: int) -> Image.Image:
    """A frame of a drawn sticker without lettering, on a coloured background."""
    rng = np.random.default_rng([7, number])
    while True:
        sticker = draw_cartoon_sticker(*PAIRS[rng.integers(len(PAIRS))], rng)
        if not sticker.text:
            frame = Image.fromarray(sticker.frames[len(sticker.frames) // 2])
            ground = Image.new("RGB", frame.size, tuple(int(v) for v in rng.integers(0, 256, 3)))
            ground.paste(frame, (0, 0), frame)
            return ground


def degrade(picture: Image.Image, rng) -> Image.Image:
    """Degrades a line as in real stickers: rotated, small, blurred, compressed."""
    if rng.random() < 0.5:
        corner = picture.getpixel((0, 0))
        picture = picture.rotate(rng.uniform(-4, 4), Image.Resampling.BICUBIC, fillcolor=corner)
    height = float(rng.uniform(16, 56))
    picture = picture.resize(
        (max(8, round(picture.width * height / picture.height)), round(height)), Image.Resampling.BICUBIC
    )
    if rng.random() < 0.35:
        picture = picture.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 0.045 * height)))
    lot = rng.random()
    if lot < 0.35:
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=int(rng.integers(20, 90)))
        return Image.open(file).convert("RGB")
    if lot < 0.75:
        dither = Image.Dither.FLOYDSTEINBERG if rng.random() < 0.6 else Image.Dither.NONE
        palette = picture.quantize(int(rng.integers(16, 257)))
        return picture.quantize(palette=palette, dither=dither).convert("RGB")
    return picture


@cache
def font_of(file: Path) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(file), SIZE, layout_engine=ImageFont.Layout.BASIC)


def has_all(file: Path, text: str) -> bool:
    return all(character == " " or has_glyph(file, character) for character in text)


@cache
def has_glyph(file: Path, character: str) -> bool:
    font = font_of(file)
    return bytes(font.getmask(character)) not in (b"", bytes(font.getmask("\uffff")))


def choice(options, rng):
    return options[int(rng.integers(len(options)))]


if __name__ == "__main__":
    main()
