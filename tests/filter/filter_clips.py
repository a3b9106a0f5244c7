"""Small drawn clips, and near copies of them."""

import io

import numpy as np
import polars as pl
from PIL import Image, ImageDraw, ImageFont

from vsd2m.core.keys import sticker_key
from vsd2m.media.fingerprints.fingerprint import fingerprint

DURATIONS = [70] * 8


def character(seed: int, *, text: str = "", size: int = 128, background=(0, 0, 0, 0)) -> np.ndarray:
    """A face that swings; its features come from `seed` alone, the text stands below it."""
    generator = np.random.default_rng(seed)
    body, ear = (tuple(int(c) for c in generator.integers(60, 250, 3)) for _ in range(2))
    eye, mouth, ears = generator.integers(4, 12), generator.integers(8, 40), generator.integers(5, 30)
    swing, width = generator.integers(-12, 13), generator.integers(22, 42)
    frames = []
    for t in range(8):
        picture = Image.new("RGBA", (128, 128), background)
        draw = ImageDraw.Draw(picture)
        x, y = 64 + swing * np.sin(2 * np.pi * t / 8), 50 + (seed % 3) * 5 * np.cos(2 * np.pi * t / 8)
        for side in (-1, 1):
            at = x + side * width * 0.8
            draw.ellipse((at - ears, y - 40, at + ears, y - 40 + 2 * ears), fill=(*ear, 255), outline="black", width=2)
        draw.ellipse((x - width, y - 34, x + width, y + 34), fill=(*body, 255), outline="black", width=3)
        for side in (-1, 1):
            draw.ellipse((x + side * 14 - eye, y - 12, x + side * 14 + eye, y - 12 + 2 * eye), fill="black")
        draw.arc((x - mouth / 2, y, x + mouth / 2, y + 22), 20, 160, fill="black", width=4)
        if text:
            font = ImageFont.load_default(size=22)
            draw.text((64, 126), text, font=font, anchor="mb", fill="white", stroke_width=3, stroke_fill="black")
        frames.append(np.asarray(picture.resize((size, size), Image.Resampling.LANCZOS)))
    return np.stack(frames)


def lossy(frames: np.ndarray) -> np.ndarray:
    """The frames after strong lossy compression."""
    out = []
    for frame in frames:
        sink = io.BytesIO()
        Image.fromarray(frame).save(sink, "WEBP", quality=25)
        out.append(np.asarray(Image.open(sink).convert("RGBA")))
    return np.stack(out)


def filled(frames: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """The clip on an opaque background."""
    alpha = frames[..., 3:] / 255
    mixed = frames[..., :3] * alpha + np.array(colour) * (1 - alpha)
    return np.concatenate([mixed.round(), np.full_like(alpha, 255)], axis=-1).astype(np.uint8)


def row(name: str, frames: np.ndarray, durations=DURATIONS, num_bytes: int = 1000) -> dict[str, object]:
    """The columns that the near-duplicate stage reads."""
    return {
        "key": sticker_key(name.encode()),
        "fingerprint": fingerprint(frames, durations),
        "width": frames.shape[2],
        "height": frames.shape[1],
        "num_distinct_frames": len(frames),
        "num_bytes": num_bytes,
    }


def table(rows: list[dict[str, object]]) -> pl.DataFrame:
    types = {
        "key": pl.String, "fingerprint": pl.List(pl.UInt64), "width": pl.Int32, "height": pl.Int32,
        "num_distinct_frames": pl.Int32, "num_bytes": pl.Int64,
    }  # fmt: skip
    frame = pl.DataFrame(rows, schema=types)
    return frame.with_columns(partition=pl.lit(0, pl.Int32))
