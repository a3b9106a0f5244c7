"""Samples per second of `vsd2m.load` compared with plain webdataset with Pillow, on the same shards in the same run.

    python measurements/speed/loading.py RUN/shards --split train

The peer is the code a researcher would write: `webdataset.WebDataset`, every frame through Pillow onto white,
8 frames chosen, resized. Both give `uint8 [8, 3, size, size]`. One process, no workers; the passes alternate, and the
median of each is reported.
"""

import argparse
import io
import json
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import webdataset
from PIL import Image, ImageSequence

import vsd2m
from vsd2m.media.frame_indices import flip_indices, linspace_indices


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shards")
    parser.add_argument("--split", default="train")
    parser.add_argument("--num-frames", type=int, default=8)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--passes", type=int, default=3)
    arguments = parser.parse_args()
    options = {"num_frames": arguments.num_frames, "size": arguments.size}

    def ours() -> Iterator[np.ndarray]:
        return (sample["clip"] for sample in vsd2m.load(arguments.shards, split=arguments.split, **options))

    def peer() -> Iterator[np.ndarray]:
        tars = sorted(map(str, Path(arguments.shards).glob(f"vsd2m-{arguments.split}-*.tar")))
        for sample in webdataset.WebDataset(tars, shardshuffle=False):
            yield pillow_clip(sample["media"], **options)

    rates: dict[str, list[float]] = {"vsd2m": [], "webdataset + Pillow": []}
    for _ in range(arguments.passes):
        for name, samples in (("vsd2m", ours), ("webdataset + Pillow", peer)):
            rates[name].append(rate(samples, (arguments.num_frames, 3, arguments.size, arguments.size)))
    medians = {name: round(statistics.median(speeds), 1) for name, speeds in rates.items()}
    ratio = round(medians["vsd2m"] / medians["webdataset + Pillow"], 2)
    print(json.dumps({"samples_per_second": medians, "ratio": ratio, "passes": arguments.passes, **options}, indent=2))


def rate(samples: Callable[[], Iterator[np.ndarray]], shape: tuple[int, ...]) -> float:
    started, count = time.perf_counter(), 0
    for clip in samples():
        assert clip.shape == shape, clip.shape
        count += 1
    return count / (time.perf_counter() - started)


def pillow_clip(data: bytes, *, num_frames: int, size: int) -> np.ndarray:
    picture = Image.open(io.BytesIO(data))
    frames = []
    for frame in ImageSequence.Iterator(picture):
        rgba = frame.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        frames.append(Image.alpha_composite(white, rgba).convert("RGB"))
    choose = flip_indices if len(frames) < num_frames else linspace_indices
    chosen_frames = [frames[i].resize((size, size), Image.Resampling.BICUBIC) for i in choose(len(frames), num_frames)]
    return np.stack([np.asarray(frame) for frame in chosen_frames]).transpose(0, 3, 1, 2)


if __name__ == "__main__":
    main()
