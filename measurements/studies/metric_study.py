"""Which metric notices which fault, at which strength and from how many clips on: the tables of docs/metrics.md.

    python measurements/studies/metric_study.py observe FOLDER --cache /tmp/metric_study   # until it says "complete"
    python measurements/studies/metric_study.py report --cache /tmp/metric_study --out docs/metrics
    python measurements/studies/metric_study.py made    # what the metrics of time give for clips of which everything is known

`observe` damages the animated GIFs of FOLDER in every way and keeps what each metric sees of every clip; it stops
after --seconds and resumes where it stopped. `report` needs no pictures: it draws disjoint sets of N clips, one to be
judged and one for reference, and asks how often a damaged set looks worse than 95 of 100 intact ones do.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from vsd2m.benchmark.distances.frechet import frechet_distance
from vsd2m.benchmark.distances.mmd import polynomial_mmd
from vsd2m.benchmark.extractors.efficientnet_lite0 import EfficientNetLite0
from vsd2m.benchmark.metric import Weights
from vsd2m.benchmark.metrics.flicker import Flicker
from vsd2m.benchmark.metrics.frame_blur import FrameBlur
from vsd2m.benchmark.metrics.frame_noise import FrameNoise
from vsd2m.benchmark.metrics.frozen_share import FrozenShare
from vsd2m.benchmark.metrics.loop_closure import LoopClosure
from vsd2m.benchmark.metrics.motion_amount import MotionAmount
from vsd2m.benchmark.metrics.palette_error import PaletteError
from vsd2m.benchmark.stillness import is_frozen
from vsd2m.benchmark.suite.clip_rule import ClipRule
from vsd2m.benchmark.suite.clips import FileClip, JudgedClip, read_file
from vsd2m.core.keys import sticker_key
from vsd2m.media.frame_indices import linspace_indices

SIDE = 128
NUM_FRAMES = 8
RULE = ClipRule(NUM_FRAMES, SIDE)
COUNTS = (8, 16, 24, 32)
NUM_DRAWS = 200
POWER = 0.8
IN_TIME = (MotionAmount, Flicker, LoopClosure, FrozenShare)
PER_CLIP = (*IN_TIME, FrameBlur, FrameNoise, PaletteError)
FRAMEWISE = {FrameBlur, FrameNoise, PaletteError}
DISTANCES = ("frechet_efficientnet_lite0", "frechet_efficientnet_lite0_motion", "mmd_efficientnet_lite0")

Frames = np.ndarray
Damage = Callable[[Frames, np.random.Generator], Frames]


def blurred(radius: float) -> Damage:
    def apply(frames, _):
        return np.stack([np.asarray(Image.fromarray(f).filter(ImageFilter.GaussianBlur(radius))) for f in frames])

    return apply


def noisy(deviation: float) -> Damage:
    return lambda frames, chance: np.clip(frames + chance.normal(0, deviation, frames.shape), 0, 255).astype(np.uint8)


def flickering(dark: float) -> Damage:
    def apply(frames, _):
        levels = np.where(np.arange(len(frames)) % 2, dark, 1.0)[:, None, None, None]
        return (frames * levels).astype(np.uint8)

    return apply


class Order:
    """Changes which frames are shown and when, and none of them: what is known of frames is reused."""

    def __init__(self, places: list[int] | None) -> None:
        self.places = places

    def frame_order(self, chance: np.random.Generator) -> np.ndarray:
        return np.array(chance.permutation(NUM_FRAMES) if self.places is None else self.places)

    def __call__(self, frames, chance):
        return frames[self.frame_order(chance)]


def colours(number: int) -> Damage:
    def apply(frames, _):
        return np.stack([np.asarray(Image.fromarray(f).quantize(number).convert("RGB")) for f in frames])

    return apply


DAMAGES: dict[str, Damage] = {
    "intact": lambda frames, _: frames,
    **{f"blur, radius {r:g} px": blurred(r) for r in (0.5, 1, 2)},
    **{f"noise, deviation {d} of 255": noisy(d) for d in (4, 8, 16)},
    **{f"flicker, every second frame at {d:.0%}": flickering(d) for d in (0.97, 0.9, 0.8)},
    "frozen, every frame twice": Order([0, 0, 2, 2, 4, 4, 6, 6]),
    "frozen, second half": Order([0, 1, 2, 3, 3, 3, 3, 3]),
    "frozen, all": Order([0] * 8),
    "shuffled, two frames": Order([0, 1, 2, 4, 3, 5, 6, 7]),
    "shuffled, neighbours": Order([1, 0, 3, 2, 5, 4, 7, 6]),
    "shuffled, all": Order(None),
    "reversed": Order([7, 6, 5, 4, 3, 2, 1, 0]),
    "cut after 5 of 8 frames": Order([0, 1, 2, 3, 4]),
    **{f"{n} colours": colours(n) for n in (32, 8)},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    observe = commands.add_parser("observe")
    observe.add_argument("folder", type=Path)
    observe.add_argument("--num-clips", type=int, default=128)
    observe.add_argument("--seconds", type=float, default=240)
    observe.add_argument("--without-network", action="store_true", help="no features, no distances, no palette_error")
    report = commands.add_parser("report")
    report.add_argument("--out", type=Path)
    means = commands.add_parser("means", help="the numbers of any outputs, by file name over several folders")
    means.add_argument("folder", type=Path)
    commands.add_parser("made", help="the metrics of time on made clips")
    for command in (observe, report):
        command.add_argument("--cache", type=Path, required=True)
    arguments = parser.parse_args()
    if arguments.command == "observe":
        run_observe(arguments)
    elif arguments.command == "means":
        run_means(arguments.folder)
    elif arguments.command == "made":
        run_made()
    else:
        run_report(arguments)


def run_observe(arguments: argparse.Namespace) -> None:
    arguments.cache.mkdir(parents=True, exist_ok=True)
    ends = time.monotonic() + arguments.seconds
    clips = animated(arguments.folder, arguments.num_clips)
    network = None if arguments.without_network else EfficientNetLite0(Weights())
    if network is not None:
        network.load()
    features: list[np.ndarray] = []
    for name, damage in DAMAGES.items():
        path = arguments.cache / f"{sticker_key(name.encode())}.npz"
        if path.exists():
            continue
        if isinstance(damage, Order) and network is not None and not features:
            features = [network._backbone.features(clip.frames) for clip in clips]
        observations = [
            observed(clip, damage, number, network, features[number] if features else None)
            for number, clip in enumerate(clips)
        ]
        np.savez(
            path,
            name=name,
            numbers=np.array([s[0] for s in observations]),
            vectors=np.array([s[1] for s in observations]),
        )
        print(f"{name}: {len(clips)} clips", flush=True)
        if time.monotonic() > ends:
            return print("stopped: run again to resume")
    return print("complete")


def animated(folder: Path, num_clips: int) -> list[JudgedClip]:
    """The moving ones, small, in an order that depends on their names' hashes alone."""
    paths = sorted(folder.rglob("*.gif"), key=lambda path: sticker_key(path.name.encode()))
    clips: list[JudgedClip] = []
    for path in paths:
        if len(clips) == num_clips or "published" in path.parts:
            continue
        if len(read_file(path).frames) >= NUM_FRAMES:
            clip = FileClip(path, path.name, None, RULE).load()
            if not is_frozen(clip.frames):
                clips.append(clip)
    return clips


def observed(clip, damage, number: int, network, stored_features) -> tuple[list, np.ndarray]:
    """The clip's numbers, nan where a metric does not apply, and its features [2, 1280]: mean, and mean change.

    Without a network there are no features, and numbers of single frames are left out where only their order changes.
    """
    chance = np.random.default_rng(number)
    places = damage.frame_order(chance) if isinstance(damage, Order) else None
    frames = clip.frames[places] if places is not None else np.ascontiguousarray(damage(clip.frames, chance))
    left_out = set() if network is not None else {PaletteError} | (FRAMEWISE if places is not None else set())
    judged_clip = JudgedClip(clip.name, frames, None)
    numbers = [None if metric in left_out else metric(Weights()).measure(judged_clip) for metric in PER_CLIP]
    vectors = np.zeros((2, 0), np.float32)
    if network is not None:
        features = stored_features[places] if places is not None else network._backbone.features(frames)
        spread = features[linspace_indices(len(frames), NUM_FRAMES)]
        vectors = np.stack([spread.mean(axis=0), np.abs(np.diff(spread, axis=0)).mean(axis=0)])
    return [np.nan if value is None else value for value in numbers], vectors.astype(np.float32)


def run_means(folder: Path) -> None:
    """A row per file name that several folders share, and one per folder of the other files."""
    paths = sorted(folder.rglob("*.gif"))
    shared = {path.stem for path in paths if sum(path.stem == other.stem for other in paths) > 1}
    groups: dict[str, list[Path]] = {}
    for path in paths:
        groups.setdefault(path.stem if path.stem in shared else path.parent.name, []).append(path)
    print(f"| | clips | {' | '.join(metric.name for metric in PER_CLIP)} |\n" + "|---" * (len(PER_CLIP) + 2) + "|")
    for name, members in groups.items():
        metrics = [metric(Weights()) for metric in PER_CLIP]
        for path in members:
            clip = FileClip(path, path.name, None, RULE).load()
            for metric in metrics:
                metric.update(clip)
        scores = [metric.compute(seed=0) for metric in metrics]
        cells = [f"{score.value:.3g} [{score.low:.3g}, {score.high:.3g}]" for score in scores]
        print(f"| {name} | {len(members)} | {' | '.join(cells)} |")


def run_made() -> None:
    """A row per made clip of 8 frames: a dark square on white."""
    circle, slide = (square_at([path(t) for t in range(NUM_FRAMES)]) for path in (circling, lambda t: (50, 4 + 4 * t)))
    fast = square_at([(50, 4 + 8 * t) for t in range(NUM_FRAMES)])
    chance = np.random.default_rng(0)
    clips = {
        "once round a circle of radius 6, a seamless loop": circle,
        **{f"the same, every second frame at {d:.0%}": flickering(d)(circle, chance) for d in (0.97, 0.9)},
        "the same, shuffled": circle[[0, 4, 1, 5, 2, 7, 3, 6]],
        "the same, reversed": circle[::-1],
        "the same, its second half frozen": circle[[0, 1, 2, 3, 3, 3, 3, 3]],
        "the same, its last frame another one": circle[[0, 1, 2, 3, 4, 5, 6, 3]],
        "sliding by 4 pixels a frame, and jumping back": slide,
        "the same by 8 pixels": fast,
        "frozen": circle[[0] * NUM_FRAMES],
        "noise": chance.integers(0, 256, circle.shape, np.uint8),
    }
    print(f"| | {' | '.join(metric.name for metric in IN_TIME)} |\n" + "|---" * (len(IN_TIME) + 1) + "|")
    for name, frames in clips.items():
        clip = JudgedClip(name, np.ascontiguousarray(frames), None)
        print(f"| {name} | {' | '.join(f'{metric(Weights()).measure(clip):.2g}' for metric in IN_TIME)} |")


def circling(frame: int) -> tuple[int, int]:
    angle = 2 * np.pi * frame / NUM_FRAMES
    return round(50 + 6 * np.sin(angle)), round(50 + 6 * np.cos(angle))


def square_at(corners: list[tuple[int, int]]) -> Frames:
    """A frame per place of the upper left corner of a square of 28 pixels."""
    frames = np.full((len(corners), SIDE, SIDE, 3), 255, np.uint8)
    for frame, (top, left) in zip(frames, corners, strict=True):
        frame[top : top + 28, left : left + 28] = (20, 60, 160)
    return frames


def run_report(arguments: argparse.Namespace) -> None:
    loaded = [dict(np.load(path)) for path in sorted(arguments.cache.glob("*.npz"))]
    by_damage = {str(loaded_entry["name"]): loaded_entry for loaded_entry in loaded}
    intact = by_damage["intact"]
    total = len(intact["numbers"])
    counts = [count for count in COUNTS if 2 * count <= total]
    powers: dict[str, dict[str, dict[int, float]]] = {}
    nulls = {count: statistics(intact, intact, count) for count in counts}
    for damage in DAMAGES:
        if damage == "intact" or damage not in by_damage:
            continue
        powers[damage] = {}
        for count in counts:
            damaged_statistics = statistics(by_damage[damage], intact, count)
            for metric in damaged_statistics:
                is_noticed = damaged_statistics[metric] > np.nanquantile(nulls[count][metric], 0.95)
                powers[damage].setdefault(metric, {})[count] = float(np.mean(is_noticed))
    print_means(by_damage)
    print_first(powers, counts, total)
    if arguments.out:
        arguments.out.mkdir(parents=True, exist_ok=True)
        facts = {"num_clips": total, "num_draws": NUM_DRAWS, "power": POWER, "noticed": powers}
        (arguments.out / "noticed.json").write_text(json.dumps(facts, indent=1) + "\n")
        draw(powers, counts, arguments.out / "noticed.svg")


def draw(powers, counts, path: Path) -> None:
    """A cell per damage and metric: the share of draws in which the largest sets were distinguished."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "noticed"
    from matplotlib import pyplot

    names = sorted({name for damage_powers in powers.values() for name in damage_powers})
    cells = [
        [damage_powers.get(name, {}).get(counts[-1], np.nan) for name in names] for damage_powers in powers.values()
    ]
    figure, axes = pyplot.subplots(figsize=(8, 7))
    image = axes.imshow(cells, vmin=0, vmax=1, cmap="Blues", aspect="auto")
    axes.set_xticks(range(len(names)), names, rotation=20, ha="right")
    axes.set_yticks(range(len(powers)), list(powers))
    axes.set_title(f"share of draws in which a fault is noticed, {counts[-1]} clips")
    figure.colorbar(image)
    figure.savefig(path, bbox_inches="tight", metadata={"Date": None})


def statistics(damaged, intact, count: int) -> dict[str, np.ndarray]:
    """Of `NUM_DRAWS` pairs of disjoint sets of clips: how far the judged set is from the reference, per metric."""
    chance = np.random.default_rng(count)
    result: dict[str, list[float]] = {metric.name: [] for metric in PER_CLIP} | {name: [] for name in DISTANCES}
    for _ in range(NUM_DRAWS):
        order = chance.permutation(len(intact["numbers"]))
        judged_clips, reference_clips = order[:count], order[count : 2 * count]
        for column, metric in enumerate(PER_CLIP):
            one, two = damaged["numbers"][judged_clips, column], intact["numbers"][reference_clips, column]
            result[metric.name].append(
                np.nan if metric in FRAMEWISE and np.isnan(one).all() else mean_difference(one, two)
            )
        if not intact["vectors"].size:
            continue
        one, two = damaged["vectors"][judged_clips], intact["vectors"][reference_clips]
        result[DISTANCES[0]].append(frechet_distance(one[:, 0], two[:, 0]))
        result[DISTANCES[1]].append(frechet_distance(one[:, 1], two[:, 1]))
        result[DISTANCES[2]].append(polynomial_mmd(one[:, 0], two[:, 0]))
    return {name: np.array(values) for name, values in result.items() if values and not np.isnan(values).all()}


def mean_difference(one: np.ndarray, two: np.ndarray) -> float:
    """Difference of the means; infinite where the metric applies to none of the judged clips, which is a verdict too."""
    one, two = one[~np.isnan(one)], two[~np.isnan(two)]
    if not len(one):
        return float("inf")
    return float(abs(one.mean() - two.mean()))


def print_means(statistics_by_damage) -> None:
    names = [metric.name for metric in PER_CLIP]
    print(f"Means over all {len(statistics_by_damage['intact']['numbers'])} clips\n\n| damage | {' | '.join(names)} |")
    print("|---" * (len(names) + 1) + "|")
    for damage in DAMAGES:
        if damage in statistics_by_damage:
            numbers = statistics_by_damage[damage]["numbers"]
            cells = [f"{np.nanmean(c):.3g}" if not np.isnan(c).all() else "-" for c in numbers.T]
            print(f"| {damage} | {' | '.join(cells)} |")


def print_first(powers, counts, total: int) -> None:
    names = [metric.name for metric in PER_CLIP] + list(DISTANCES)
    print(f"\nFewest clips from which a fault is noticed in {POWER:.0%} of draws, {total} clips to draw from\n")
    print(f"| damage | {' | '.join(names)} |\n" + "|---" * (len(names) + 1) + "|")
    for damage, damage_powers in powers.items():
        cells = [
            next((str(n) for n in counts if damage_powers[name][n] >= POWER), "-") if name in damage_powers else ""
            for name in names
        ]
        print(f"| {damage} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
