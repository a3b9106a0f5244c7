"""Intentionally bad, duplicate and unusual files, each with the reason for which a pipeline must drop it."""

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from vsd2m_samples.drawing.cast import KINDS, draw_lots
from vsd2m_samples.drawing.composition import draw_strip
from vsd2m_samples.drawing.encoding import SUFFIXES, encode_frames
from vsd2m_samples.drawing.lettering import draw_paragraph
from vsd2m_samples.drawing.palette import COLOUR_NAMES, lighter
from vsd2m_samples.drawing.phrases import LONG_TEXTS
from vsd2m_samples.drawing.scenes import TINTS
from vsd2m_samples.drawing.sticker import Sticker

PNG_SIDE, GIF_SIDE = 30_000, 65_535

Frames = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Planted:
    """A file and its expected outcome. `expected_reason` None: it must be kept."""

    stem: str
    suffix: str
    data: bytes | None
    expected_reason: str | None
    text: str = ""
    language: str | None = None
    domain: str | None = None
    caption: str | None = None


def long_text(number: int, rng: np.random.Generator) -> Planted:
    """A long text, English and Chinese in turn, in a frame that changes its colour."""
    language = "en" if number % 2 == 0 else "zh"
    texts = LONG_TEXTS[language]
    text = texts[number // 2 % len(texts)]
    paper = TINTS[rng.integers(7)]
    paragraph = draw_paragraph(
        text, width=int(rng.integers(270, 350)), size=int(rng.integers(21, 25)), paper=lighter(paper, 0.5)
    )
    frames = []
    for colour in [COLOUR_NAMES[str(name)] for name in rng.permutation(sorted(COLOUR_NAMES))[:6]]:
        frame = Image.new("RGBA", (paragraph.width + 16, paragraph.height + 16), (*colour, 255))
        frame.paste(paragraph, (8, 8))
        frames.append(np.asarray(frame))
    data = encode_frames(np.stack(frames), [300] * len(frames), "gif")
    return Planted("long-text", ".gif", data, "text_too_long", text, language, "cartoon", f'A card that says "{text}".')


def nearly_blank(number: int, rng: np.random.Generator) -> Planted:
    """A moving speck on an otherwise empty opaque or transparent background."""
    opaque = number % 2 == 0
    side, speck = int(rng.integers(140, 220)), 6
    frames = np.zeros((8, side, side, 4), dtype=np.uint8)
    if opaque:
        frames[:] = (*lighter(TINTS[rng.integers(len(TINTS))], 0.5), 255)
    x, y = (int(value) for value in rng.integers(20, side - 90, 2))
    for index, frame in enumerate(frames):
        frame[y : y + speck, x + 8 * index : x + 8 * index + speck] = (90, 90, 100, 255)
    data = encode_frames(frames, [120] * len(frames), "gif")
    return Planted("nearly-blank", ".gif", data, "entropy_too_low" if opaque else "blank", domain="cartoon")


def extreme_aspect_ratio(number: int, rng: np.random.Generator) -> Planted:
    """A banner or a column of dancers, more than six times as long as wide."""
    long_side, short_side = int(rng.integers(390, 440)), int(rng.integers(52, 62))
    width, height = (long_side, short_side) if number % 2 == 0 else (short_side, long_side)
    looks = [draw_lots(str(species), rng) for species in rng.choice(list(KINDS), 7, replace=False)]
    action = str(rng.choice(["dance", "wave", "laugh", "sway"]))
    frames = draw_strip(looks, action, width=width, height=height, num_frames=8, tint=TINTS[rng.integers(7)])
    data = encode_frames(frames, [110] * len(frames), "gif")
    return Planted("banner", ".gif", data, "aspect_ratio_too_high", domain="cartoon")


def truncated(sticker: Sticker, rng: np.random.Generator) -> Planted:
    """A truncated file."""
    data = sticker.encoded()
    return Planted(f"{sticker.stem}-torn", sticker.suffix, data[: int(len(data) * rng.uniform(0.4, 0.7))], "truncated")


def html(number: int) -> Planted:
    """An HTML error page under the name of a picture."""
    body = f"<h1>Sorry</h1><p>Picture {number} has moved.</p>"
    page = f"<!DOCTYPE html>\n<html><head><title>Oops</title></head><body>{body}</body></html>\n"
    return Planted("oops", (".gif", ".png", ".webp")[number % 3], page.encode(), "not_an_image")


def decompression_bomb(number: int) -> Planted:
    """A small file that declares an enormous picture, truly or not."""
    if number % 2 == 0:
        return Planted("bomb", ".png", _vast_png(PNG_SIDE, grey_level=number // 2 % 2), "too_many_pixels")
    return Planted("bomb", ".gif", _vast_gif(GIF_SIDE, GIF_SIDE - number // 2), "too_many_pixels")


def wrong_suffix(sticker: Sticker) -> Planted:
    """A good sticker with the suffix of another format: only the content counts."""
    suffix = {".gif": ".png", ".png": ".jpg", ".webp": ".gif", ".jpg": ".png"}[sticker.suffix]
    return Planted(sticker.stem, suffix, sticker.encoded(), None)


def near_duplicate(number: int, original: Sticker) -> Planted:
    """A copy of the same size as people make them: slower, in another format, without one frame, compressed again, or
    faster. Resized and cropped copies are found less reliably, and are not planted."""
    way = WAYS[number % len(WAYS)]
    frames, durations_ms, encoding = way(original.frames, list(original.durations_ms), original.encoding)
    data = encode_frames(frames, durations_ms, encoding, quality=70)
    return Planted(f"{original.stem}-copy", SUFFIXES[encoding], data, "near_duplicate")


_Way = Callable[[Frames, list[int], str], tuple[Frames, list[int], str]]


def _slower(frames: Frames, durations_ms: list[int], encoding: str) -> tuple[Frames, list[int], str]:
    return frames, [round(duration * 1.5) for duration in durations_ms], encoding


def _other_format(frames: Frames, durations_ms: list[int], encoding: str) -> tuple[Frames, list[int], str]:
    return frames, durations_ms, "gif" if encoding != "gif" else "webp"


def _short_of_a_frame(frames: Frames, durations_ms: list[int], encoding: str) -> tuple[Frames, list[int], str]:
    middle = len(frames) // 2
    kept_indices = [index for index in range(len(frames)) if index != middle]
    durations_ms[middle - 1] += durations_ms[middle]
    return frames[kept_indices], [durations_ms[index] for index in kept_indices], encoding


def _recompressed(frames: Frames, durations_ms: list[int], encoding: str) -> tuple[Frames, list[int], str]:
    del encoding
    return frames, durations_ms, "webp_lossy"


def _faster(frames: Frames, durations_ms: list[int], encoding: str) -> tuple[Frames, list[int], str]:
    return frames, [max(20, round(duration / 2)) for duration in durations_ms], encoding


WAYS: tuple[_Way, ...] = (_slower, _other_format, _short_of_a_frame, _recompressed, _faster)


def _vast_png(side: int, *, grey_level: int) -> bytes:
    row = b"\0" + (b"\xff" if grey_level else b"\0") * ((side + 7) // 8)
    packer = zlib.compressobj(9)
    blocks = [packer.compress(row * 1000) for _ in range(side // 1000)]
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", b"".join(blocks) + packer.flush()), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, body) for name, body in chunks)


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _vast_gif(width: int, height: int) -> bytes:
    screen = struct.pack("<HHBBB", width, height, 0x80, 0, 0) + b"\xff\xff\xff\0\0\0"
    image = b"," + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00"
    return b"GIF89a" + screen + image + b";"
