"""Precision and recall of the near-duplicate distance on the labelled set, over the threshold.

    python benchmarks/duplicate_curve.py ../shared/stickers docs/results

Writes `near_duplicates.json` (every figure) and `near_duplicates.svg` (the curve) and prints the tables in Markdown.
"""

import argparse
import json
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import labelled_duplicates as labelled
import numpy as np

from vsd2m.filter.duplicates.distance import Pairs
from vsd2m.filter.duplicates.groups import group
from vsd2m.filter.near_duplicates import NearDuplicatesConfig
from vsd2m.media.fingerprint import fingerprint

THRESHOLDS = np.arange(0.6, 2.61, 0.1)
OTHERS, TEXTS, TEMPLATE, START = "two stickers", "two texts", "text and no text", "the same first frame"

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


@dataclass
class LabelledSet:
    """Fingerprints, and pairs of them with their kind and label (True: a near duplicate)."""

    words: list[list[int]] = field(default_factory=list)
    pairs: list[tuple[int, int, str, bool, str]] = field(default_factory=list)
    num_lost: int = 0

    def add(self, moving: labelled.Moving) -> int | None:
        words = fingerprint(moving.frames, moving.durations_ms)
        if not words:
            self.num_lost += 1
            return None
        self.words.append(words)
        return len(self.words) - 1

    def pair(self, first: int | None, second: int | None, kind: str, *, label: bool, name: str) -> None:
        if first is not None and second is not None:
            self.pairs.append((first, second, kind, label, name))


def make_set(folder: Path) -> LabelledSet:
    made = LabelledSet()
    originals = []
    for name, moving in labelled.real_stickers(folder):
        rng = np.random.default_rng(zlib.crc32(name.encode()))
        original = made.add(moving)
        originals.append((name, original))
        for kind, transform in labelled.COPIES.items():
            copy = transform(moving, rng)
            if copy is not None:
                made.pair(original, made.add(copy), kind, label=True, name=name)
        first, second = (made.add(labelled.captioned(moving, w)) for w in rng.choice(labelled.WORDS, 2, replace=False))
        made.pair(first, second, TEXTS, label=False, name=name)
        made.pair(first, original, TEMPLATE, label=False, name=name)
        other = labelled.same_start(moving, rng)
        if other is not None:
            made.pair(original, made.add(other), START, label=False, name=name)
    for place, (name, one) in enumerate(originals):
        for other_name, other_one in originals[:place]:
            if frozenset((name, other_name)) not in SAME:
                made.pair(one, other_one, OTHERS, label=False, name=f"{name} | {other_name}")
    return made


def measure(made: LabelledSet) -> np.ndarray:
    """The distance of every pair; those far apart in course alone are not measured further."""
    words = np.array(made.words, dtype=np.uint64)
    pairs = Pairs(words, np.array([p[0] for p in made.pairs]), np.array([p[1] for p in made.pairs]))
    distances = pairs.course()
    open_pairs = np.flatnonzero(distances <= THRESHOLDS[-1])
    distances[open_pairs] = pairs.take(open_pairs).distances(0.0)
    return distances


def curve(distances: np.ndarray, labels: np.ndarray) -> list[dict[str, float]]:
    rows = []
    for threshold in THRESHOLDS:
        right, wrong = (distances[labels] <= threshold).sum(), (distances[~labels] <= threshold).sum()
        rows.append(
            {
                "threshold": round(float(threshold), 2),
                "precision": round(float(right / max(right + wrong, 1)), 4),
                "recall": round(float(right / labels.sum()), 4),
                "false": int(wrong),
            }
        )
    return rows


def end_to_end(made: LabelledSet, limit: float) -> dict[str, float]:
    """What the stage's candidates and grouping make of the set's pairs at `limit`."""
    words = np.array(made.words, dtype=np.uint64)
    rank = np.random.default_rng(0).permutation(len(words))
    winner = group(words, rank, limit).winner
    label = np.array([p[3] for p in made.pairs])
    together = np.array([winner[p[0]] == winner[p[1]] for p in made.pairs])
    return {
        "precision": round(float(together[label].sum() / together.sum()), 4),
        "recall": round(float(together[label].mean()), 4),
    }


def svg(rows: list[dict[str, float]], chosen: float) -> str:
    """The curve, recall across, precision up, both from 0.8 to 1."""
    size, low = 420, 0.8

    def at(row: dict[str, float]) -> tuple[float, float]:
        return (row["recall"] - low) / (1 - low) * size, size - (row["precision"] - low) / (1 - low) * size

    inside = [row for row in rows if row["recall"] >= low and row["precision"] >= low]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in map(at, inside))
    marks = []
    for row in inside:
        x, y = at(row)
        colour = "#e0684b" if abs(row["threshold"] - chosen) < 1e-6 else "#5b8def"
        marks.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"><title>{row["threshold"]}</title></circle>'
        )
    ticks = []
    for value in (0.8, 0.85, 0.9, 0.95, 1.0):
        place = (value - low) / (1 - low) * size
        ticks.append(f'<text x="{place:.0f}" y="{size + 18}" text-anchor="middle">{value}</text>')
        ticks.append(f'<text x="-8" y="{size - place + 4:.0f}" text-anchor="end">{value}</text>')
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
    made = make_set(options.stickers)
    distances = measure(made)
    labels = np.array([p[3] for p in made.pairs])
    kinds = np.array([p[2] for p in made.pairs])
    chosen = NearDuplicatesConfig().max_distance
    rows = curve(distances, labels)
    print("| threshold | precision | recall | false |\n|---|---|---|---|")
    for row in rows:
        print(f"| {row['threshold']} | {row['precision']} | {row['recall']} | {row['false']} |")
    by_kind = {}
    print("\n| kind | pairs | within the threshold |\n|---|---|---|")
    for kind in dict.fromkeys(kinds.tolist()):
        near = distances[kinds == kind] <= chosen
        by_kind[kind] = {"pairs": len(near), "near": int(near.sum()), "label": bool(labels[kinds == kind][0])}
        print(f"| {kind} | {len(near):,} | {near.sum():,} ({near.mean():.3f}) |")
    grouped = end_to_end(made, chosen)
    print(f"\nGrouped by the stage: {grouped}; clips without content: {made.num_lost}")
    closest = [i for i in np.argsort(distances) if kinds[i] == OTHERS][:12]
    for i in closest:
        print(f"closest: {made.pairs[i][4]} {distances[i]:.2f}")
    options.out.mkdir(parents=True, exist_ok=True)
    result = {"threshold": chosen, "curve": rows, "kinds": by_kind, "grouped": grouped}
    (options.out / "near_duplicates.json").write_text(json.dumps(result, indent=1) + "\n")
    (options.out / "near_duplicates.svg").write_text(svg(rows, chosen))


if __name__ == "__main__":
    main()
