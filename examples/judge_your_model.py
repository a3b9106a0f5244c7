"""Judges a model of your own on VSD-R or VSD-C: its prompts go out, its stickers come back, a leaderboard comes of it.

python examples/judge_your_model.py SHARDS OUT [--suite vsd-c]

`draw` stands for your model: replace it with a call of it. Any GIF, WebP, APNG or MP4 will do, of any size and length.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np

from vsd2m.benchmark.results import output_folders
from vsd2m.benchmark.suite.real_clips import list_split
from vsd2m.benchmark.suite.test_sets import splits_of
from vsd2m.benchmark.tables.leaderboard import leaderboard
from vsd2m.benchmark.tables.results_tables import as_markdown, table_of
from vsd2m.benchmark.tables.side_by_side import real_stickers, side_by_side
from vsd2m.media.clip import Clip
from vsd2m.media.encode import encode
from vsd2m.pipelines.suite.benchmarking import SuiteConfig, command_of, run_suite

METRICS = ("motion_amount", "flicker", "loop_closure", "palette_error", "transparency")


def draw(prompt: str) -> bytes:
    """A disc whose colour hangs on the prompt and which pulses."""
    chance = np.random.default_rng(list(prompt.encode()))
    rows, columns = np.mgrid[:64, :64] - 31.5
    frames = np.full((8, 64, 64, 4), 255, np.uint8)
    for number, frame in enumerate(frames):
        radius = 18 + 8 * np.sin(2 * np.pi * number / len(frames))
        frame[rows**2 + columns**2 < radius**2, :3] = (
            chance.integers(0, 200, 3) if number == 0 else frames[0, 32, 32, :3]
        )
    return encode(Clip(frames, np.full(len(frames), 100, np.int32), 0, "gif"), "gif")


def draw_all(prompts: list[str], folder: Path) -> None:
    """A file per prompt, a manifest that says which is which, and what it cost."""
    folder.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    rows = []
    for number, prompt in enumerate(prompts):
        name = f"{number:06d}.gif"
        (folder / name).write_bytes(draw(prompt))
        rows.append({"file": name, "prompt": prompt})
    cost = {"seconds_per_sample": (time.perf_counter() - started) / len(prompts), "device": "CPU"}
    (folder / "manifest.jsonl").write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    (folder / "cost.json").write_text(json.dumps({**cost, "num_samples": len(prompts)}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shards")
    parser.add_argument("out", type=Path)
    parser.add_argument("--suite", default="vsd-c")
    arguments = parser.parse_args()
    splits = splits_of(arguments.suite)
    real = list_split(arguments.shards, splits=splits, num_frames=8, size=128, max_clips=2048)
    draw_all([clip.prompt for clip in real], arguments.out / "discs")
    config = SuiteConfig(
        models={"discs": str(arguments.out / "discs")},
        shards=arguments.shards,
        splits=splits,
        size=128,
        metrics=METRICS,
    )
    out = str(arguments.out)
    results = run_suite(config, out, command=command_of(arguments.suite, config, out))
    print(as_markdown(results))
    pictures = real_stickers([out], frozenset(clip.prompt for clip in real))
    page = leaderboard([table_of(results)], side_by_side(output_folders(out), pictures, count=12))
    (arguments.out / "leaderboard.html").write_text(page, encoding="utf-8")
    print(f"{arguments.out / 'leaderboard.html'}")


if __name__ == "__main__":
    main()
