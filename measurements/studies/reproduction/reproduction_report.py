"""Tables, curves and pictures of the reproduction, from the files of its training."""

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from reproduction_data import data_config
from reproduction_score import NOISE_LEVELS, STRIDES
from reproduction_variants import VARIANTS

from vsd2m.benchmark.config import BenchmarkConfig
from vsd2m.benchmark.runner import run_benchmark
from vsd2m.generation.data import shard_clips
from vsd2m.generation.sampler import newest_checkpoint
from vsd2m.media.decode import decode

Facts = dict[str, list[dict[str, Any]]]
"""The `facts.json` of each variant's training, one entry per seed."""

COLOURS = {"conv": "#4269d0", "alpha": "#efb118", "swap": "#6cc5b0", "sti": "#ff725c"}
SPLIT_NAMES = {"near": "known character, new skin tone", "far": "unseen character"}
SMOOTHED = 10
REAL = "real stickers"


def write_report(out: Path, to: Path) -> None:
    """Writes `results.json`, `losses.svg` and pictures to the folder `to`, and the tables into `TO.md` next to it."""
    to.mkdir(parents=True, exist_ok=True)
    facts = {variant: _read_all(out, f"variants/{variant}-*/facts.json") for variant in VARIANTS}
    base = _read_all(out, "scores/frames.json")[0]
    scores = {variant: _read_all(out, f"scores/{variant}-*.json") for variant in VARIANTS}
    results = {
        "denoising": {split: _denoising(scores, base, split) for split in STRIDES},
        "cost": {variant: _cost(variant_facts) for variant, variant_facts in facts.items()},
        "samples": _score_samples(out),
        "neighbours": neighbours(out),
        "gates": {folder.name: gates(folder) for folder in sorted((out / "variants").glob("s*-*"))},
        "base": base_facts(out),
    }
    (to / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    (to / "losses.svg").write_text(_loss_curves(facts))
    _pictures(out, to)
    page = to.with_suffix(".md")
    if page.exists():
        page.write_text(_fill(page.read_text(), _tables(results)))


def gates(folder: Path) -> list[float]:
    """The values of the zero-initialised gates of STI (w1) or of the swapped attention, layer by layer."""
    from safetensors.torch import load_file

    weights = load_file(newest_checkpoint(folder) / "unet" / "diffusion_pytorch_model.safetensors")
    return [round(float(weight), 4) for key, weight in weights.items() if key.endswith(("w_semantic", "gate"))]


def base_facts(out: Path) -> dict[str, float]:
    """Steps and seconds of one core of the base network, and its plain squared error at the end."""
    import torch

    state = torch.load(out / "base" / "state.pt", weights_only=True, map_location="cpu")
    return {
        "steps": state["step"],
        "cpu_seconds": round(state["seconds"]),
        "error": round(float(np.mean(state["losses"][-100:], axis=0)[1]), 4),
    }


def _read_all(out: Path, pattern: str) -> list[Any]:
    """JSON files in the order of their names, that is of their seeds."""
    return [json.loads(path.read_text()) for path in sorted(out.glob(pattern))]


def _denoising(scores: dict[str, list[Any]], base: Any, split: str) -> dict[str, Any]:
    """Per variant and kind of error: the errors of the seeds as a ratio to the base network's, over all clips."""
    untrained = {kind: np.mean(errors, axis=0) for kind, errors in base[split].items()}
    rows: dict[str, Any] = {
        kind: {
            variant: [(np.mean(seed_errors[split][kind], axis=0) / errors).round(4).tolist() for seed_errors in seeds]
            for variant, seeds in scores.items()
        }
        for kind, errors in untrained.items()
    }
    rows["base"] = {kind: errors.round(5).tolist() for kind, errors in untrained.items()}
    rows["num_clips"] = len(base[split]["clip"])
    rows["against_conv"] = {v: _paired(scores[v], scores["conv"], split) for v in VARIANTS if v != "conv"}
    return rows


def _paired(seeds: list[Any], reference: list[Any], split: str) -> dict[str, float]:
    """Mean over clips and noise levels of log(error / error of conv with the same seed), in percent, over seeds."""
    logs = [
        100 * float(np.log(np.array(of_variant[split]["clip"]) / np.array(of_reference[split]["clip"])).mean())
        for of_variant, of_reference in zip(seeds, reference, strict=True)
    ]
    return {"mean": round(float(np.mean(logs)), 2), "low": round(min(logs), 2), "high": round(max(logs), 2)}


def _cost(facts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    timed = [fact["cpu_seconds_per_step"] for fact in facts if fact["cpu_seconds_per_step"] is not None]
    return {
        "num_parameters": facts[0]["num_parameters"],
        "num_trained_parameters": facts[0]["num_trained_parameters"],
        "cpu_seconds_per_step": round(float(np.median(timed)), 3) if timed else None,
    }


def _score_samples(out: Path) -> dict[str, Any]:
    """Scores of the generated stickers of every variant and seed, by metrics that need no weights from a hub."""
    folders = {folder.name: str(folder) for folder in sorted((out / "samples").glob("*-*"))}
    config = BenchmarkConfig.model_validate(
        {
            "shards": str(out / "shards"),
            "splits": ["train"],
            "generated": folders,
            "metrics": ["mmd_efficientnet_lite0", "motion_amount", "flicker", "loop_closure"],
            "num_frames": 8,
            "size": 64,
            "max_real": 96,
        }
    )
    scores_by_metric: dict[str, Any] = {}
    for model, scores in run_benchmark(config, str(out / "judged")).scores.items():
        for score in scores:
            scores_by_metric.setdefault(score.metric, {})[model] = round(float(score.value), 4)
    return scores_by_metric


def neighbours(out: Path) -> dict[str, Any]:
    """Mean squared difference of clips to the nearest training clip, grey levels / 255: the shipped generator's
    samples, and unseen real animations; and for how many samples the nearest one has the prompt's name."""
    trained, names = _real_clips(out, "train")

    def nearest(clips: NDArray[np.float32]) -> tuple[list[float], list[str]]:
        errors = np.stack([np.square(trained - clip).mean(axis=(1, 2, 3, 4)) for clip in clips])
        return errors.min(axis=1).round(5).tolist(), [names[number] for number in errors.argmin(axis=1)]

    folder = out / "samples" / "shipped"
    rows = [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]
    prompts = [row["prompt"].replace("an ", "a ") for row in rows]
    errors, nearest_numbers = nearest(_drawn_clips(folder).astype(np.float32) / 255)
    return {
        "far": nearest(_real_clips(out, "far")[0])[0],
        "shipped": errors,
        "named": sum(name == prompt for name, prompt in zip(nearest_numbers, prompts, strict=True)),
        "nearest": dict(zip(prompts, nearest_numbers, strict=True)),
    }


def _real_clips(out: Path, split: str) -> tuple[NDArray[np.float32], list[str]]:
    """Clips [N, T, H, W, 3] of a split in [0, 1], and their captions without the domain."""
    clips = list(shard_clips(data_config(out, split)).read())
    frames = np.stack([clip.frames for clip in clips]).transpose(0, 1, 3, 4, 2)
    return frames.astype(np.float32) / 255, [clip.text.split("\t")[1] for clip in clips]


def _drawn_clips(folder: Path) -> NDArray[np.uint8]:
    """Clips [N, T, H, W, 3] in the order of the prompts."""
    return np.stack([decode(path.read_bytes()).frames[..., :3] for path in sorted(folder.glob("0*.webp"))])


def _tables(results: dict[str, Any]) -> dict[str, str]:
    tables = {f"denoising-{split}": _denoising_table(results["denoising"][split]) for split in STRIDES}
    tables["cost"] = _cost_table(results["cost"])
    tables["samples"] = _samples_table(results["samples"])
    tables["paired"] = _paired_table(results["denoising"])
    tables["gates"] = _gates_line(results["gates"])
    tables["neighbours"] = _neighbours_line(results["neighbours"])
    return tables


def _denoising_table(rows: dict[str, Any]) -> str:
    head = "| | " + " | ".join(f"clip, t = {level}" for level in NOISE_LEVELS)
    head += " | " + " | ".join(f"motion, t = {level}" for level in NOISE_LEVELS) + " |"
    lines = [head, "|" + "---|" * (1 + 2 * len(NOISE_LEVELS))]
    for variant in VARIANTS:
        cells = [_mean_and_spread(values) for kind in ("clip", "motion") for values in np.array(rows[kind][variant]).T]
        lines.append(f"| {_name(variant)} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _mean_and_spread(values: NDArray[np.float64]) -> str:
    return f"{np.mean(values):.3f} ± {np.std(values, ddof=1):.3f}" if len(values) > 1 else f"{values[0]:.3f}"


def _name(variant: str) -> str:
    return f"{VARIANTS[variant]} `{variant}`"


def _paired_table(denoising: dict[str, Any]) -> str:
    lines = [
        "| against `conv`, percent | " + " | ".join(SPLIT_NAMES[split] for split in STRIDES) + " |",
        "|---|---|---|",
    ]
    for variant in denoising["far"]["against_conv"]:
        cells = []
        for split in STRIDES:
            difference = denoising[split]["against_conv"][variant]
            cells.append(f"{difference['mean']:+.2f} ({difference['low']:+.2f} to {difference['high']:+.2f})")
        lines.append(f"| {_name(variant)} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cost_table(cost: dict[str, Any]) -> str:
    lines = ["| | weights, M | trained, M | seconds of one core a step | against `conv` |", "|---|---|---|---|---|"]
    reference = cost["conv"]["cpu_seconds_per_step"]
    for variant, row in cost.items():
        seconds = row["cpu_seconds_per_step"]
        times = f"{seconds:.2f} | {seconds / reference:.2f}" if seconds and reference else "- | -"
        sizes = f"{row['num_parameters'] / 1e6:.2f} | {row['num_trained_parameters'] / 1e6:.2f}"
        lines.append(f"| {_name(variant)} | {sizes} | {times} |")
    return "\n".join(lines)


def _samples_table(scores: dict[str, Any]) -> str:
    lines = ["| | " + " | ".join(f"`{metric}`" for metric in scores) + " |", "|" + "---|" * (1 + len(scores))]
    for variant in VARIANTS:
        cells = []
        for values in scores.values():
            seed_values = [value for model, value in values.items() if model.startswith(f"{variant}-")]
            cells.append(
                f"{np.mean(seed_values):.4g} ({min(seed_values):.4g} to {max(seed_values):.4g})" if seed_values else "-"
            )
        lines.append(f"| {_name(variant)} | " + " | ".join(cells) + " |")
    real = [f"{values[REAL]:.4g}" if REAL in values else "-" for values in scores.values()]
    return "\n".join([*lines, "| real stickers | " + " | ".join(real) + " |"])


def _gates_line(gates: dict[str, list[float]]) -> str:
    largest = {
        variant: max(abs(value) for name, values in gates.items() if name.startswith(variant) for value in values)
        for variant in ("sti", "swap")
    }
    return (
        f"The largest of all gates after the training, in absolute value, over layers and seeds: {largest['sti']:.4f} "
        f"for STI's `w1`, {largest['swap']:.4f} for the swapped attention's. Both start at 0."
    )


def _neighbours_line(distances: dict[str, Any]) -> str:
    return (
        f"Mean squared difference to the nearest training clip: {np.median(distances['shipped']):.4f} (median of "
        f"{len(distances['shipped'])} samples), {np.median(distances['far']):.4f} for the {len(distances['far'])} real animations "
        f"of unseen characters. The nearest training clip is the prompted one for {distances['named']} of "
        f"{len(distances['shipped'])} samples."
    )


def _fill(page: str, tables: dict[str, str]) -> str:
    """The page with every table between its marks `<!-- NAME -->` and `<!-- /NAME -->` replaced."""
    for name, table in tables.items():
        pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        page = pattern.sub(_between(table), page)
    return page


def _between(table: str) -> Callable[[re.Match[str]], str]:
    return lambda match: f"{match[1]}{table}\n{match[2]}"


def _loss_curves(facts: Facts) -> str:
    """Training loss of the variants, mean of the seeds, each seed divided by the mean over the variants of its steps
    (the seeds draw other noise, the variants of a seed the same)."""
    width, height = 560, 260
    losses = np.array([[fact["losses"] for fact in facts[variant]] for variant in VARIANTS])
    ratios = (losses / losses.mean(axis=0)).mean(axis=1)
    smoothed = min(SMOOTHED, ratios.shape[1])
    curves = [np.convolve(ratio, np.ones(smoothed) / smoothed, mode="valid") for ratio in ratios]
    low, high = np.min(curves) - 1e-6, np.max(curves) + 1e-6
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-60 -20 {width + 180} {height + 60}" width="{width + 180}">',
        "<style>text{font:12px sans-serif;fill:#777}</style>",
        f'<rect width="{width}" height="{height}" fill="none" stroke="#bbb"/>',
        f'<text x="-8" y="10" text-anchor="end">{high:.3f}</text>',
        f'<text x="-8" y="{height}" text-anchor="end">{low:.3f}</text>',
        f'<text x="{width}" y="{height + 18}" text-anchor="end">step {ratios.shape[1]}</text>',
        f'<text x="0" y="{height + 18}">loss / mean of the four, running mean of {smoothed} steps, {losses.shape[1]} seeds</text>',
    ]
    for number, (variant, curve) in enumerate(zip(VARIANTS, curves, strict=True)):
        xs = np.linspace(0, width, len(curve))
        ys = height * (high - curve) / (high - low)
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(xs, ys, strict=True))
        colour = COLOURS[variant]
        lines.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.6"/>')
        lines.append(f'<text x="{width + 10}" y="{20 + 18 * number}" style="fill:{colour}">{VARIANTS[variant]}</text>')
    return "\n".join([*lines, "</svg>\n"])


def _pictures(out: Path, to: Path) -> None:
    """`samples.webp`, an animated sheet of all prompts of the shipped generator, and a still of two frames each."""
    clips = _drawn_clips(out / "samples" / "shipped")
    num_rows = 1 if len(clips) % 2 else 2
    rows = clips.reshape(num_rows, -1, *clips.shape[1:])
    sheet = rows.transpose(2, 0, 3, 1, 4, 5).reshape(clips.shape[1], num_rows * clips.shape[2], -1, 3)
    pictures = [Image.fromarray(frame) for frame in sheet]
    pictures[0].save(to / "samples.webp", save_all=True, append_images=pictures[1:], duration=125, loop=0, quality=80)
    Image.fromarray(np.concatenate([sheet[0], sheet[4]])).save(to / "samples.png")
