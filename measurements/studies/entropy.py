"""Both sides of the entropy rule's limit: real stickers, their outlines and silhouettes in one colour, and blanks.

    python measurements/studies/entropy.py ../shared/stickers

Prints the lowest real values, then for each kind of synthetic picture their number, their spread, and how many the rule
would drop.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from vsd2m.filter.rules.entropy import Entropy
from vsd2m.media.decode import decode
from vsd2m.media.measures import measure

LIMIT = Entropy().min_bits
SIDE = 160
STROKES = (1, 2, 3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("stickers", type=Path)
    options = parser.parse_args()
    values_by_kind: dict[str, list[float]] = {"real": []}
    named = []
    for path in sorted(options.stickers.rglob("*.*")):
        if path.suffix not in (".gif", ".png", ".jpg", ".webp"):
            continue
        frames = decode(path.read_bytes()).frames
        named.append((measure(frames).entropy, path.name))
        values_by_kind["real"].append(named[-1][0])
        for kind, mask in one_colour_versions(frames[0, ..., 3] >= 128):
            values_by_kind.setdefault(kind, []).append(of_mask(mask))
    for kind, pixels in blanks():
        values_by_kind.setdefault(kind, []).append(measure(pixels[None]).entropy)
    print("lowest real ones:", ", ".join(f"{name} {bits:.3f}" for bits, name in sorted(named)[:4]))
    print("\n| kind | pictures | lowest | 5 % | median | highest | dropped |\n|---|---|---|---|---|---|---|")
    for kind, values in values_by_kind.items():
        low, few, middle, high = np.quantile(values, [0, 0.05, 0.5, 1])
        num_dropped = sum(value < LIMIT for value in values)
        print(f"| {kind} | {len(values)} | {low:.3f} | {few:.3f} | {middle:.3f} | {high:.3f} | {num_dropped} |")


def one_colour_versions(mask: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """A cut-out sticker as a silhouette, and as outlines within its edge."""
    if min(mask.shape) < 32 or not 0 < mask.mean() < 0.97:
        return
    yield "silhouette", mask
    inner = Image.fromarray(np.pad(mask, 4).astype(np.uint8) * 255)
    for stroke in STROKES:
        inner = inner.filter(ImageFilter.MinFilter(3))
        yield f"outline of {stroke} px", np.pad(mask, 4) & (np.asarray(inner) == 0)


def of_mask(mask: np.ndarray) -> float:
    pixels = np.zeros((1, *mask.shape, 4), np.uint8)
    pixels[0, mask] = (0, 0, 0, 255)
    return measure(pixels).entropy


def blanks() -> Iterator[tuple[str, np.ndarray]]:
    """`[H, W, 4]` pictures that are blank, almost blank, a block, or noise."""
    rng = np.random.default_rng(0)
    for _ in range(20):
        paper, ink = (tuple(int(level) for level in rng.integers(0, 256, 3)) for _ in range(2))
        full = np.full((SIDE, SIDE, 4), (*paper, 255), np.uint8)
        yield "blank, opaque", full
        block = np.zeros_like(full)
        block[20:140, 30:90] = (*ink, 255)
        yield "block with a margin", block
        for size in (6, 10):
            speck = full.copy()
            y, x = rng.integers(0, SIDE - size, 2)
            speck[y : y + size, x : x + size] = (*ink, 255)
            yield f"speck of {size} px on {SIDE}", speck
        yield "block with corners of a tenth", rounded(0.1, ink)
        yield "block with corners of a fifth", rounded(0.2, ink)
        noise = full.copy()
        noise[..., :3] = rng.integers(0, 256, (SIDE, SIDE, 3))
        yield "noise", noise


def rounded(radius: float, ink: tuple[int, ...]) -> np.ndarray:
    image = Image.new("RGBA", (SIDE, SIDE))
    box = (20, 20, SIDE - 21, SIDE - 21)
    ImageDraw.Draw(image).rounded_rectangle(box, radius=radius * (SIDE - 40), fill=(*ink, 255))
    return np.asarray(image)


if __name__ == "__main__":
    main()
