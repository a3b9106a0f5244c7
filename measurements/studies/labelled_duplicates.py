"""The labelled set of near duplicates: real stickers, transformed copies of them, and look-alikes that are not copies.

A transformed copy is a near duplicate of its original; a look-alike shares a template, a first frame or a
character with it and is a different sticker.
"""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from vsd2m.core.errors import MediaError
from vsd2m.media.clip import played
from vsd2m.media.decode import decode

MAX_FRAMES = 60
MAX_PIXELS = 4_000_000
MIN_SIDE = 64
VISIBLE_LEVELS = 48.0
WORDS = [
    "hello",
    "good night",
    "NO WAY",
    "thank you",
    "yes!",
    "I love you",
    "let's go",
    "what?",
    "happy birthday",
    "sorry",
]


@dataclass(frozen=True)
class Moving:
    """Frames as RGBA `[T, H, W, 4]` and their durations in milliseconds."""

    frames: np.ndarray
    durations_ms: np.ndarray


def decode_moving(data: bytes) -> Moving:
    """The first `MAX_FRAMES` frames as the pipeline decodes them."""
    clip = decode(data)
    return Moving(clip.frames[:MAX_FRAMES], clip.durations_ms[:MAX_FRAMES])


def encoded(moving: Moving, suffix: str, **options: object) -> Moving:
    """`moving` after encoding and decoding as GIF, WebP, PNG or JPEG (stills only)."""
    pictures = [Image.fromarray(frame) for frame in moving.frames]
    sink = io.BytesIO()
    if suffix == "jpeg":
        pictures[0].convert("RGB").save(sink, "JPEG", **options)
    else:
        durations = moving.durations_ms.tolist()
        pictures[0].save(sink, suffix, save_all=True, append_images=pictures[1:], duration=durations, loop=0, **options)
    return decode_moving(sink.getvalue())


Transform = Callable[[Moving, np.random.Generator], Moving | None]


def retime_even(m: Moving, _rng: np.random.Generator) -> Moving | None:
    return Moving(m.frames, m.durations_ms * 2) if len(m.frames) > 1 else None


def retime_uneven(m: Moving, rng: np.random.Generator) -> Moving | None:
    if len(m.frames) < 3:
        return None
    return Moving(m.frames, np.maximum(20, (m.durations_ms * rng.uniform(0.7, 1.4, len(m.frames))).astype(int)))


def resize(factor: float) -> Transform:
    def apply(m: Moving, _rng: np.random.Generator) -> Moving | None:
        height, width = m.frames.shape[1:3]
        size = (round(width * factor), round(height * factor))
        frames = [np.asarray(Image.fromarray(f).resize(size, Image.Resampling.BICUBIC)) for f in m.frames]
        return Moving(np.stack(frames), m.durations_ms)

    return apply


def recompress_webp(m: Moving, _rng: np.random.Generator) -> Moving | None:
    return encoded(m, "webp", quality=25, method=0)


def recompress_palette(m: Moving, _rng: np.random.Generator) -> Moving | None:
    frames = []
    for frame in m.frames:
        few = Image.fromarray(frame[..., :3].copy()).quantize(24).convert("RGB")
        alpha = np.where(frame[..., 3] < 128, 0, 255).astype(np.uint8)
        frames.append(np.dstack([np.asarray(few), alpha]))
    return Moving(np.stack(frames), m.durations_ms)


def to_apng(m: Moving, _rng: np.random.Generator) -> Moving | None:
    return encoded(m, "png", disposal=1, compress_level=1)


def to_gif(m: Moving, _rng: np.random.Generator) -> Moving | None:
    return encoded(m, "gif", disposal=2)


def recolour(colour: tuple[int, int, int]) -> Transform:
    """Fills the background: what is transparent, or else the flat colour that covers most of the border."""

    def apply(m: Moving, _rng: np.random.Generator) -> Moving | None:
        mask = _background(m.frames)
        if mask is None:
            return None
        frames = m.frames.astype(np.float32)
        alpha = np.where(mask, 0, m.frames[..., 3])[..., None] / 255.0
        mixed = frames[..., :3] * alpha + np.array(colour) * (1 - alpha)
        opaque = np.full((*mixed.shape[:3], 1), 255.0)
        return Moving(np.concatenate([mixed, opaque], axis=-1).round().astype(np.uint8), m.durations_ms)

    return apply


def cut_out(m: Moving, _rng: np.random.Generator) -> Moving | None:
    """Makes a flat background transparent."""
    mask = _background(m.frames)
    if mask is None or (m.frames[..., 3] < 128).any():
        return None
    frames = m.frames.copy()
    frames[mask] = 0
    return Moving(frames, m.durations_ms)


def _background(frames: np.ndarray) -> np.ndarray | None:
    """Mask of the background, where there is one: transparent, or a flat colour connected to the border."""
    if (frames[..., 3] < 128).mean() > 0.02:
        return frames[..., 3] < 128
    first = frames[0]
    border = np.concatenate([first[0], first[-1], first[:, 0], first[:, -1]])[:, :3]
    colours, counts = np.unique(border, axis=0, return_counts=True)
    if counts.max() < 0.6 * len(border):
        return None
    colour = colours[counts.argmax()].astype(np.int16)
    return np.stack([_connected(np.abs(f[..., :3].astype(np.int16) - colour).max(axis=-1) <= 8) for f in frames])


def _connected(alike: np.ndarray) -> np.ndarray:
    """The part of the mask connected to the border."""
    padded = Image.fromarray(np.pad(np.where(alike, 255, 0).astype(np.uint8), 1, constant_values=255))
    ImageDraw.floodfill(padded, (0, 0), 128)
    return np.asarray(padded)[1:-1, 1:-1] == 128


def crop(share: float) -> Transform:
    """Cuts up to `share` of the width or height off each side, at random."""

    def apply(m: Moving, rng: np.random.Generator) -> Moving | None:
        height, width = m.frames.shape[1:3]
        top, bottom = (rng.uniform(0, share, 2) * height).astype(int)
        left, right = (rng.uniform(0, share, 2) * width).astype(int)
        return Moving(m.frames[:, top : height - bottom, left : width - right], m.durations_ms)

    return apply


def pad(m: Moving, _rng: np.random.Generator) -> Moving | None:
    height, width = m.frames.shape[1:3]
    amount = ((0, 0), (height // 20, height // 20), (width // 20, width // 20), (0, 0))
    return Moving(np.pad(m.frames, amount, mode="edge"), m.durations_ms)


def drop_frame(m: Moving, rng: np.random.Generator) -> Moving | None:
    """Leaves out one frame, with its time, that is shown for at most a quarter of the loop: a clip without the frame
    that it mostly shows is a different clip."""
    shown_ms = played(m.durations_ms)
    brief = np.flatnonzero(shown_ms <= shown_ms.sum() / 4)
    if len(m.frames) < 5 or not len(brief):
        return None
    keep = np.arange(len(m.frames)) != rng.choice(brief)
    return Moving(m.frames[keep], m.durations_ms[keep])


def several(m: Moving, rng: np.random.Generator) -> Moving | None:
    """Several changes at once: cropped, scaled, re-timed, a frame removed, compressed."""
    copy = resize(rng.uniform(0.6, 1.3))(crop(0.02)(m, rng), rng)
    copy = drop_frame(copy, rng) or copy
    copy = retime_even(copy, rng) or copy
    return recompress_webp(copy, rng)


COPIES: dict[str, Transform] = {
    "re-timed evenly": retime_even,
    "re-timed unevenly": retime_uneven,
    "half the size": resize(0.5),
    "one and a half times the size": resize(1.5),
    "lossy WebP, quality 25": recompress_webp,
    "24 colours": recompress_palette,
    "as APNG": to_apng,
    "as GIF": to_gif,
    "background white": recolour((255, 255, 255)),
    "background black": recolour((0, 0, 0)),
    "background coloured": recolour((90, 170, 60)),
    "background cut out": cut_out,
    "border cropped, 3 %": crop(0.03),
    "border cropped, 5 %": crop(0.05),
    "border added, 5 %": pad,
    "a frame dropped": drop_frame,
    "several at once": several,
}


def captioned(m: Moving, text: str) -> Moving:
    """The template with a line of text below the middle."""
    height, width = m.frames.shape[1:3]
    layer = Image.new("RGBA", (width, height), (0, 0, 0, 0))
    font = ImageFont.load_default(size=max(10, min(height // 6, round(1.7 * width / len(text)))))
    draw = ImageDraw.Draw(layer)
    draw.text(
        (width / 2, height * 0.97), text, font=font, anchor="mb", fill="white", stroke_width=max(1, height // 60),
        stroke_fill="black",
    )  # fmt: skip
    frames = [np.asarray(Image.alpha_composite(Image.fromarray(f), layer)) for f in m.frames]
    return Moving(np.stack(frames), m.durations_ms)


def same_start(m: Moving, _rng: np.random.Generator) -> Moving | None:
    """The same first frame, then a different motion: the picture turns over."""
    if len(m.frames) < 2:
        return None
    frames = m.frames.copy()
    frames[1:] = frames[:1, :, ::-1]
    return Moving(frames, m.durations_ms)


def backwards(m: Moving) -> Moving | None:
    """Played from its last frame to its first; `None` for a loop that looks alike both ways, from whichever frame."""
    played = _small(m)
    turned = played[::-1]
    gaps = [np.abs(played - np.roll(turned, shift, axis=0)).max(axis=(1, 2)).mean() for shift in range(len(played))]
    return Moving(m.frames[::-1], m.durations_ms[::-1]) if min(gaps) > VISIBLE_LEVELS else None


def _small(m: Moving) -> np.ndarray:
    """`[16, 16, 16]` grey levels, a transparent background grey, at equal steps of the playing time."""
    ends = np.cumsum(played(m.durations_ms), dtype=np.int64)
    frame_numbers = np.searchsorted(ends, (np.arange(16) + 0.5) / 16 * ends[-1], side="right")
    grey = Image.new("RGBA", m.frames.shape[2:0:-1], (128, 128, 128, 255))
    grey_frames = [
        Image.alpha_composite(grey, Image.fromarray(m.frames[frame_number])).convert("L")
        for frame_number in frame_numbers
    ]
    return np.stack([np.asarray(s.resize((16, 16), Image.Resampling.BOX), np.float32) for s in grey_frames])


def with_a_thing(m: Moving, rng: np.random.Generator) -> Moving:
    """A ball, a sixth of the shorter side wide, of a colour unlike what it covers, next to or on the foreground."""
    height, width = m.frames.shape[1:3]
    side = max(8, min(height, width) // 6)
    x, y = int(rng.uniform(0.1, 0.9) * (width - side)), int(rng.uniform(0.05, 0.6) * (height - side))
    covered = m.frames[:, y : y + side, x : x + side]
    behind = covered[..., :3][covered[..., 3] > 127]
    mean = behind.mean(axis=0) if len(behind) else np.full(3, 128.0)
    layer = Image.new("RGBA", (width, height), (0, 0, 0, 0))
    colour = tuple(int(c) for c in np.where(mean < 128, 235, 35))
    ImageDraw.Draw(layer).ellipse((x, y, x + side, y + side), fill=(*colour, 255), outline=(0, 0, 0, 255))
    frames = [np.asarray(Image.alpha_composite(Image.fromarray(f), layer)) for f in m.frames]
    return Moving(np.stack(frames), m.durations_ms)


def real_stickers(folder: Path) -> Iterator[tuple[str, Moving]]:
    """The pictures of the development data that are at least `MIN_SIDE` pixels wide and high, in the order of names.

    Smaller ones (party parrots of 25 pixels) cannot carry the text and the crops that the set is about.
    """
    for sub in ("bufo", "parrot", "reaction"):
        for path in sorted((folder / sub).iterdir()):
            try:
                moving = decode_moving(path.read_bytes())
            except MediaError:
                continue
            if min(moving.frames.shape[1:3]) >= MIN_SIDE:
                yield f"{sub}/{path.name}", thinned(moving)


def thinned(moving: Moving) -> Moving:
    """Large ones at a whole fraction of their size, so that the set is made in minutes."""
    every = int(np.ceil(np.sqrt(moving.frames[..., 0].size / MAX_PIXELS)))
    return Moving(np.ascontiguousarray(moving.frames[:, ::every, ::every]), moving.durations_ms)
