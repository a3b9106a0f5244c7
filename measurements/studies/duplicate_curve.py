"""Precision and recall of the near-duplicate distance on the labelled set, over the threshold.

    python measurements/studies/duplicate_curve.py ../shared/stickers docs/results

The stickers are halved: the first, third, ... by name are the half on which constants and threshold may be chosen, the
others are held out. Writes `near_duplicates.json` (all numbers) and `near_duplicates.svg` (the curve of the held-out
half) and prints the tables in Markdown.
"""

import argparse
import json
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import labelled_duplicates as labelled
import numpy as np

from vsd2m.filter.duplicates.distance import distances
from vsd2m.filter.duplicates.groups import group
from vsd2m.filter.near_duplicates import NearDuplicatesConfig
from vsd2m.media.fingerprints.fingerprint import fingerprint

THRESHOLDS = np.arange(0.5, 2.01, 0.05)
OTHERS, TEXTS, TEMPLATE, START = "two stickers", "two texts", "text and no text", "the same first frame"
BACKWARDS, THING = "played backwards", "a thing added"
LEAST_PRECISION, LEAST_RECALL = 0.99, 0.97
PARTS = ("chosen on", "held out", "all")

SAME = {
    frozenset(pair)
    for pair in (
        ("bufo/bufo-rainbow.gif", "bufo/bufo-party.gif"),
        ("bufo/death-by-a-thousand-bufo-stabs.gif", "bufo/bufo-stab.gif"),
        ("bufo/bufo-entrance.gif", "bufo/bufo-enter.gif"),
        ("bufo/bufo-offers-a-lock.png", "bufo/bufo-offers-a-deploy-lock.png"),
    )
}
"""Files of the collection that hold the same sticker twice (by eye); no negatives."""


@dataclass(frozen=True)
class Pair:
    """Two lines of the fingerprints. `label`: a near duplicate. `half`: 0, 1, or `None` for stickers of both."""

    first: int
    second: int
    kind: str
    label: bool
    name: str
    half: int | None


@dataclass
class LabelledSet:
    """Fingerprints, each one's pixels and frames, and pairs of them."""

    words: list[list[int]] = field(default_factory=list)
    quality: list[tuple[int, int]] = field(default_factory=list)
    pairs: list[Pair] = field(default_factory=list)
    num_lost: int = 0

    def add(self, moving: labelled.Moving) -> int | None:
        words = fingerprint(moving.frames, moving.durations_ms)
        if not words:
            self.num_lost += 1
            return None
        self.words.append(words)
        self.quality.append((moving.frames[0, ..., 0].size, len(moving.frames)))
        return len(self.words) - 1

    def pair(self, one: int | None, other: int | None, kind: str, *, label: bool, name: str, half: int | None) -> None:
        if one is not None and other is not None:
            self.pairs.append(Pair(one, other, kind, label, name, half))


def make_set(folder: Path) -> LabelledSet:
    labelled_set = LabelledSet()
    originals: list[tuple[str, int | None]] = []
    for name, moving in labelled.real_stickers(folder):
        half = len(originals) % 2
        originals.append((name, _add_copies_and_look_alikes(labelled_set, name, moving, half)))
    for number, (name, one) in enumerate(originals):
        for other_number, (other_name, other) in enumerate(originals[:number]):
            if frozenset((name, other_name)) not in SAME:
                half = number % 2 if number % 2 == other_number % 2 else None
                labelled_set.pair(one, other, OTHERS, label=False, name=f"{name} | {other_name}", half=half)
    return labelled_set


def _add_copies_and_look_alikes(labelled_set: LabelledSet, name: str, moving: labelled.Moving, half: int) -> int | None:
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    original = labelled_set.add(moving)
    for kind, transform in labelled.COPIES.items():
        copy = transform(moving, rng)
        if copy is not None:
            labelled_set.pair(original, labelled_set.add(copy), kind, label=True, name=name, half=half)
    first, second = (
        labelled_set.add(labelled.captioned(moving, w)) for w in rng.choice(labelled.WORDS, 2, replace=False)
    )
    labelled_set.pair(first, second, TEXTS, label=False, name=name, half=half)
    labelled_set.pair(first, original, TEMPLATE, label=False, name=name, half=half)
    look_alike = labelled.same_start(moving, rng)
    if look_alike is not None:
        labelled_set.pair(original, labelled_set.add(look_alike), START, label=False, name=name, half=half)
    turned = labelled.backwards(moving)
    if turned is not None:
        labelled_set.pair(original, labelled_set.add(turned), BACKWARDS, label=False, name=name, half=half)
    labelled_set.pair(
        original, labelled_set.add(labelled.with_a_thing(moving, rng)), THING, label=False, name=name, half=half
    )
    return original


def measure(labelled_set: LabelledSet) -> np.ndarray:
    """The distance of every pair."""
    words = np.array(labelled_set.words, dtype=np.uint64)
    return distances(
        words, np.array([p.first for p in labelled_set.pairs]), np.array([p.second for p in labelled_set.pairs]), 0.0
    )


def score(together: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    right, wrong = int((together & labels).sum()), int((together & ~labels).sum())
    return {
        "precision": round(right / max(right + wrong, 1), 4),
        "recall": round(right / labels.sum(), 4),
        "false": wrong,
    }


def curve(distances: np.ndarray, labels: np.ndarray) -> list[dict[str, float]]:
    return [{"threshold": round(float(t), 2), **score(distances <= t, labels)} for t in THRESHOLDS]


def good_thresholds(rows: list[dict[str, float]]) -> list[float]:
    """The thresholds of the curve that reach both aims."""
    return [row["threshold"] for row in rows if row["precision"] >= LEAST_PRECISION and row["recall"] >= LEAST_RECALL]


def grouped(labelled_set: LabelledSet, limit: float) -> np.ndarray:
    """Which pairs the stage's candidates and grouping put together at `limit`, all copies and look-alikes at once.

    The order of preference is the stage's, most pixels and most frames first; ties fall at random."""
    words = np.array(labelled_set.words, dtype=np.uint64)
    pixels, frames = np.array(labelled_set.quality).T
    ties = np.random.default_rng(0).random(len(words))
    rank = np.argsort(np.lexsort((ties, -frames, -pixels)))
    winner = group(words, rank, limit, is_still=frames == 1).winner
    return np.array([winner[p.first] == winner[p.second] for p in labelled_set.pairs])


def svg(rows: list[dict[str, float]], limit: float) -> str:
    """The curve, recall across, precision up, both from 0.6 to 1."""
    size, low = 420, 0.6

    def at(row: dict[str, float]) -> tuple[float, float]:
        return (row["recall"] - low) / (1 - low) * size, size - (row["precision"] - low) / (1 - low) * size

    inside = [row for row in rows if row["recall"] >= low and row["precision"] >= low]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in map(at, inside))
    marks = []
    for row in inside:
        x, y = at(row)
        colour = "#e0684b" if abs(row["threshold"] - limit) < 1e-6 else "#5b8def"
        marks.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"><title>{row["threshold"]}</title></circle>'
        )
    ticks = []
    for value in (0.6, 0.7, 0.8, 0.9, 1.0):
        position = (value - low) / (1 - low) * size
        ticks.append(f'<text x="{position:.0f}" y="{size + 18}" text-anchor="middle">{value}</text>')
        ticks.append(f'<text x="-8" y="{size - position + 4:.0f}" text-anchor="end">{value}</text>')
    names = (
        f'<text x="{size / 2}" y="{size + 38}" text-anchor="middle">recall</text><text x="-40" y="-10">precision</text>'
    )
    frame = f'<rect width="{size}" height="{size}" fill="none" stroke="#bbb"/>'
    body = f'{frame}<polyline points="{line}" fill="none" stroke="#5b8def"/>{"".join(marks)}{"".join(ticks)}{names}'
    style = "<style>text{font:12px sans-serif;fill:#444}</style>"
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-60 -30 {size + 90} {size + 80}" width="520">{style}{body}</svg>\n'


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("stickers", type=Path)
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    labelled_set = make_set(options.stickers)
    distances = measure(labelled_set)
    labels, kinds = np.array([p.label for p in labelled_set.pairs]), np.array([p.kind for p in labelled_set.pairs])
    half = np.array([-1 if p.half is None else p.half for p in labelled_set.pairs])
    parts = dict(zip(PARTS, (half == 0, half == 1, np.ones(len(half), bool)), strict=True))
    default_limit = NearDuplicatesConfig().max_distance
    curves = {name: curve(distances[part], labels[part]) for name, part in parts.items()}
    together = grouped(labelled_set, default_limit)
    by_kind = _kinds(kinds, labels, distances <= default_limit, together, parts["held out"])
    scores = {
        name: {
            "copies": int(labels[part].sum()),
            "others": int((~labels[part]).sum()),
            "pairwise": score((distances <= default_limit)[part], labels[part]),
            "grouped": score(together[part], labels[part]),
        }
        for name, part in parts.items()
    }
    result = {"threshold": default_limit, "good": good_thresholds(curves[PARTS[0]]), "scores": scores, "curves": curves}
    _print(result, by_kind)
    print(f"clips without content: {labelled_set.num_lost}")
    for i in [i for i in np.argsort(distances) if kinds[i] == OTHERS][:12]:
        print(f"closest: {labelled_set.pairs[i].name} {distances[i]:.2f}")
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "near_duplicates.json").write_text(json.dumps({**result, "kinds": by_kind}, indent=1) + "\n")
    (options.out / "near_duplicates.svg").write_text(svg(curves["held out"], default_limit))


def _kinds(kinds: np.ndarray, labels: np.ndarray, near: np.ndarray, together: np.ndarray, held_out: np.ndarray) -> dict:
    out = {}
    for kind in dict.fromkeys(kinds.tolist()):
        of_kind = kinds == kind
        out[kind] = {"label": bool(labels[of_kind][0]), "pairs": int(of_kind.sum()), "near": int(near[of_kind].sum()),
                     "grouped": int(together[of_kind].sum()), "held_out_pairs": int((of_kind & held_out).sum()),
                     "held_out_near": int((near & of_kind & held_out).sum()),
                     "held_out_grouped": int((together & of_kind & held_out).sum())}  # fmt: skip
    return out


def _print(result: dict, by_kind: dict) -> None:
    print(f"thresholds that reach both aims on the first half: {result['good']}; used: {result['threshold']}")
    print(
        "\n| half | copies | others | pairwise: precision | recall | grouped: precision | recall |\n|---|---|---|---|---|---|---|"
    )
    for name, s in result["scores"].items():
        print(f"| {name} | {s['copies']:,} | {s['others']:,} | {s['pairwise']['precision']} | {s['pairwise']['recall']} "
              f"| {s['grouped']['precision']} | {s['grouped']['recall']} |")  # fmt: skip
    print("\n| threshold | " + " | ".join(f"precision, {n} | recall, {n}" for n in PARTS) + " |\n" + "|---" * 7 + "|")
    for rows in zip(*result["curves"].values(), strict=True):
        print(f"| {rows[0]['threshold']} | " + " | ".join(f"{r['precision']} | {r['recall']}" for r in rows) + " |")
    print("\n| kind | pairs | near | grouped | held out | near | grouped |\n|---|---|---|---|---|---|---|")
    for kind, k in by_kind.items():
        print(f"| {kind} | {k['pairs']:,} | {k['near']:,} | {k['grouped']:,} | {k['held_out_pairs']:,} "
              f"| {k['held_out_near']:,} | {k['held_out_grouped']:,} |")  # fmt: skip


if __name__ == "__main__":
    main()
