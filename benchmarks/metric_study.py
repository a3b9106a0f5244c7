"""Which metric notices which fault, and from how many clips on: the tables of docs/metrics.md.

    python benchmarks/metric_study.py FOLDER [--num-clips 120]

FOLDER holds animated stickers. Half of them, by hash of the name, are the reference, the other half are damaged.
Prints Markdown; writes nothing.
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from vsd2m.benchmark.clips import JudgedClip, read_file
from vsd2m.benchmark.distances import DistanceMetric
from vsd2m.benchmark.metric import Weights
from vsd2m.benchmark.metrics import METRICS
from vsd2m.core.keys import sticker_key
from vsd2m.core.registry import load
from vsd2m.media.sampling import linspace_indices, resize

SIDE = 128
NUM_FRAMES = 8
NAMES = (
    "motion_amount",
    "flicker",
    "loop_closure",
    "palette_error",
    "frechet_efficientnet_lite0",
    "mmd_efficientnet_lite0",
)
COUNTS = (8, 16, 32, 64)


def blur(frames, _):
    return np.stack([np.asarray(Image.fromarray(frame).filter(ImageFilter.GaussianBlur(2))) for frame in frames])


def noise(frames, chance):
    return np.clip(frames + chance.normal(0, 15, frames.shape), 0, 255).astype(np.uint8)


def flicker(frames, _):
    levels = np.where(np.arange(len(frames)) % 2, 0.85, 1.0)[:, None, None, None]
    return (frames * levels).astype(np.uint8)


def frozen(frames, _):
    return np.repeat(frames[:1], len(frames), axis=0)


def shuffled(frames, chance):
    return frames[chance.permutation(len(frames))]


def reversed_half(frames, _):
    return np.concatenate([frames[: len(frames) // 2], frames[len(frames) // 2 :][::-1]])


def intact(frames, _):
    return frames


CORRUPTIONS = (intact, blur, noise, flicker, frozen, shuffled, reversed_half)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--num-clips", type=int, default=120)
    arguments = parser.parse_args()
    clips = animated(arguments.folder, arguments.num_clips)
    reference, judged = clips[::2], clips[1::2]
    print(f"{len(judged)} clips judged against {len(reference)}, {NUM_FRAMES} frames of {SIDE} x {SIDE}\n")
    table("corruption", ((damage.__name__, scores(damaged(judged, damage), reference)) for damage in CORRUPTIONS))
    print("\nOne half against the other, by the number of clips in each:\n")
    fitting = [count for count in COUNTS if count <= len(judged)]
    table("clips", ((str(count), scores(judged[:count], reference[:count])) for count in fitting))


def animated(folder: Path, num_clips: int) -> list[JudgedClip]:
    """The moving ones, small, in an order that depends on their names' hashes alone."""
    found = sorted(folder.rglob("*.gif"), key=lambda path: sticker_key(path.name.encode()))
    clips = []
    for path in found:
        if len(clips) == num_clips:
            break
        clip = read_file(path)
        if len(clip.frames) >= NUM_FRAMES:
            frames = resize(clip.frames[linspace_indices(len(clip.frames), NUM_FRAMES)], SIDE)
            clips.append(JudgedClip(path.name, frames, None))
    return clips


def damaged(clips, damage):
    return [
        JudgedClip(c.name, np.ascontiguousarray(damage(c.frames, np.random.default_rng(i))), None)
        for i, c in enumerate(clips)
    ]


def scores(judged, reference, extractors={}):  # noqa: B006 - loaded once, and what is known of a clip is kept
    found = []
    for name in NAMES:
        metric = load(METRICS[name])(Weights())
        if isinstance(metric, DistanceMetric):
            metric.extractor = extractors.setdefault(type(metric.extractor), metric.extractor)
        metric.setup()
        for clip in judged:
            metric.update(clip)
        if metric.compares:
            for clip in reference:
                metric.update_reference(clip)
        found.append(metric.compute(seed=0))
    return found


def table(first: str, rows) -> None:
    print(f"| {first} | {' | '.join(NAMES)} |")
    print("| --- " * (len(NAMES) + 1) + "|")
    for name, found in rows:
        print(f"| {name} | {' | '.join(f'{s.value:.3g} [{s.low:.3g}, {s.high:.3g}]' for s in found)} |", flush=True)


if __name__ == "__main__":
    main()
