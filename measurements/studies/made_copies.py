"""How many copies of drawn stickers the near-duplicate distance finds, by kind of copy.

    python measurements/studies/made_copies.py --num-stickers 120

Each drawn sticker of at least 8 frames and 120 pixels is compared with each copy of it, at the stage's default limit
and at a tolerant one.
"""

import argparse
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance
from vsd2m_samples.drawing.encoding import encode_frames
from vsd2m_samples.planted import WAYS
from vsd2m_samples.samples import TRUTH_FILE, write_samples

from vsd2m.filter.duplicates.distance import distances
from vsd2m.filter.near_duplicates import NearDuplicatesConfig
from vsd2m.media.clip import Clip
from vsd2m.media.decode import decode
from vsd2m.media.fingerprints.fingerprint import fingerprint

LIMITS = (NearDuplicatesConfig().max_distance, 1.35)
ENCODINGS = {"gif": "gif", "apng": "apng", "webp": "webp"}
SHARES = (0.92, 0.9, 0.7, 0.5)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--num-stickers", type=int, default=120)
    parser.add_argument("--seed", type=int, default=11)
    options = parser.parse_args()
    distances_by_kind: dict[str, list[float]] = {}
    for sticker in drawn_stickers(options.num_stickers, options.seed):
        original = words_of(sticker)
        for kind, data in copies(decode(sticker)):
            pair = np.array([original, words_of(data)], np.uint64)
            distances_by_kind.setdefault(kind, []).append(float(distances(pair, np.array([0]), np.array([1]), 0.0)[0]))
    heads = [f"within {limit}" for limit in LIMITS]
    print(f"| kind | copies | {heads[0]} | {heads[1]} | median distance |\n|---|---|---|---|---|")
    for kind, values in distances_by_kind.items():
        shares = [np.mean(np.array(values) <= limit) for limit in LIMITS]
        print(f"| {kind} | {len(values)} | {shares[0]:.3f} | {shares[1]:.3f} | {np.median(values):.2f} |")


def drawn_stickers(num_stickers: int, seed: int) -> Iterator[bytes]:
    with tempfile.TemporaryDirectory() as folder:
        write_samples(folder, num_stickers=num_stickers, seed=seed)
        for line in (Path(folder) / TRUTH_FILE).read_text().splitlines():
            row = json.loads(line)
            if row["planted"] is None:
                data = (Path(folder) / row["file"]).read_bytes()
                clip = decode(data)
                if clip.num_frames >= 8 and min(clip.width, clip.height) >= 120:
                    yield data


def copies(clip: Clip) -> Iterator[tuple[str, bytes]]:
    def packed(frames: np.ndarray, encoding: str = ENCODINGS[clip.media_format]) -> bytes:
        return encode_frames(frames, clip.durations_ms.tolist(), encoding, quality=70)

    for way in WAYS:
        frames, durations_ms, encoding = way(clip.frames, clip.durations_ms.tolist(), ENCODINGS[clip.media_format])
        data = encode_frames(frames, durations_ms, encoding, quality=70)
        yield f"planted: {way.__name__.strip('_').replace('_', ' ')}", data
    for share in SHARES:
        yield f"resized to {share}", packed(resized(clip.frames, share))
    yield "resized to 0.5, compressed again", packed(resized(clip.frames, 0.5), "webp_lossy")
    down, across = max(1, clip.height // 40), max(1, clip.width // 40)
    yield "border of 2.5 % cut off", packed(clip.frames[:, down : clip.height - down, across : clip.width - across])
    yield "saturation + 30 %", packed(np.stack([more_colour(frame) for frame in clip.frames]))


def resized(frames: np.ndarray, share: float) -> np.ndarray:
    size = (round(frames.shape[2] * share), round(frames.shape[1] * share))
    return np.stack([np.asarray(Image.fromarray(frame).resize(size, Image.Resampling.LANCZOS)) for frame in frames])


def more_colour(frame: np.ndarray) -> np.ndarray:
    image = Image.fromarray(frame)
    changed = ImageEnhance.Color(image.convert("RGB")).enhance(1.3)
    changed.putalpha(image.getchannel("A"))
    return np.asarray(changed)


def words_of(data: bytes) -> list[int]:
    clip = decode(data)
    return fingerprint(clip.frames, clip.durations_ms)


if __name__ == "__main__":
    main()
