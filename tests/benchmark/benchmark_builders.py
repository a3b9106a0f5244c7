"""Small published shards and small folders of outputs: a square that moves over a coloured ground."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from vsd2m.core.keys import sticker_key
from vsd2m.media.clip import Clip
from vsd2m.media.encode import encode
from vsd2m.shard.writer import MEDIA_OFFSET, ShardSample, write_tar

WORDS = ("red", "green", "blue", "grey")


def square(seed: int, *, num_frames: int = 5, side: int = 24, media_format: str = "gif") -> bytes:
    """An animation of its own for every seed."""
    chance = np.random.default_rng(seed)
    ground, ink = chance.integers(0, 255, (2, 4))
    frames = np.broadcast_to(ground, (num_frames, side, side, 4)).astype(np.uint8)
    row = int(chance.integers(0, side - 8))
    for number in range(num_frames):
        frames[number, row : row + 8, 2 * number : 2 * number + 8] = ink
    frames[..., 3] = 255
    return encode(Clip(frames, np.full(num_frames, 100, np.int32), 0, media_format), media_format)


def write_frames(path: Path, frames: np.ndarray, durations_ms: list[int] | None = None) -> None:
    """An APNG of uint8 [T, H, W, 3 or 4], every frame shown for 100 ms unless it says otherwise."""
    opaque = np.full((*frames.shape[:3], 1), 255, np.uint8)
    shown = frames if frames.shape[3] == 4 else np.concatenate([frames, opaque], axis=3)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode(Clip(shown, np.array(durations_ms or [100] * len(frames), np.int32), 0, "apng"), "apng"))


def write_shards(folder: Path, *, num_stickers: int, splits: tuple[str, ...] = ("vsd_r", "vsd_c")) -> str:
    """One shard per split; every fifth sticker is still. Returns the folder's path."""
    folder.mkdir(parents=True, exist_ok=True)
    for place, split in enumerate(splits):
        rows = [_row(1000 * place + number, split) for number in range(num_stickers)]
        samples = [ShardSample(row["key"], row.pop("media"), {}, row["caption"] or "") for row in rows]
        with (folder / f"vsd2m-{split}-000000.tar").open("wb") as file:
            offsets = write_tar(file, samples)
        for row, offset in zip(rows, offsets, strict=False):
            row["tar_offset"] = offset + MEDIA_OFFSET
        pq.write_table(pa.Table.from_pylist(rows), folder / f"vsd2m-{split}-000000.parquet")
    return str(folder)


def write_video(path, frames, *, codec, pixels, options=None, rate=8):
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, options=options or {})
        stream.height, stream.width, stream.pix_fmt = *frames.shape[1:3], pixels
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    return path


def write_outputs(folder: Path, prompts: list[str], *, first_seed: int = 5000, media_format: str = "gif") -> Path:
    """A model's outputs, with a manifest."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for number, prompt in enumerate(prompts):
        name = f"{number:06d}.{'png' if media_format == 'apng' else media_format}"
        (folder / name).write_bytes(square(first_seed + number, media_format=media_format))
        rows.append({"file": name, "prompt": prompt})
    (folder / "manifest.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def _row(seed: int, split: str) -> dict:
    num_frames = 1 if seed % 5 == 4 else 3 + seed % 4
    media = square(seed, num_frames=num_frames)
    return {
        "key": sticker_key(media),
        "media": media,
        "num_bytes": len(media),
        "caption": f"a {WORDS[seed % 4]} square, number {seed}" if seed % 3 else None,
        "description": f"a moving square, number {seed}",
        "trigger_words": ["square"],
        "domain": "real" if split == "vsd_r" else "cartoon",
        "num_frames": num_frames,
        "num_distinct_frames": num_frames,
    }
