"""Tables, curves and pictures of the reproduction, from what its training left behind."""

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from reproduction_score import NOISE_LEVELS, PROMPTS, STRIDES
from reproduction_variants import NAMES, SEEDS, VARIANTS

COLOURS = {"conv": "#4269d0", "alpha": "#efb118", "swap": "#6cc5b0", "sti": "#ff725c"}
SPLIT_NAMES = {"near": "known figure, new skin tone", "far": "figure never seen"}
SMOOTHED = 10
REAL = "real stickers"


def write_report(out: Path, to: Path) -> None:
    """Writes `results.json`, `losses.svg` and pictures to the folder `to`, and the tables into `TO.md` beside it."""
    to.mkdir(parents=True, exist_ok=True)
    facts = {f"{v}-{s}": _read(out / "variants" / f"{v}-{s}" / "facts.json") for v in VARIANTS for s in SEEDS}
    scores = {name: _read(out / "scores" / f"{name}.json") for name in ("frames", *facts)}
    judged = _judge_samples(out)
    results = {
        "denoising": {split: _denoising(scores, split) for split in STRIDES},
        "cost": {v: _cost([facts[f"{v}-{s}"] for s in SEEDS]) for v in VARIANTS},
        "samples": judged,
        "neighbours": neighbours(out),
        "gates": {name: gates(out, name) for name in facts if name.startswith(("sti", "swap"))},
        "base": base_facts(out),
    }
    (to / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    (to / "losses.svg").write_text(_loss_curves(facts))
    _pictures(out, to)
    page = to.with_suffix(".md")
    if page.exists():
        page.write_text(_fill(page.read_text(), _tables(results)))


def gates(out: Path, name: str) -> list[float]:
    """What the zero-initialised gates of STI (w1) or of the swapped attention have become, layer by layer."""
    from safetensors.torch import load_file

    checkpoint = sorted((out / "variants" / name).glob("checkpoint-*"))[-1]
    weights = load_file(checkpoint / "unet" / "diffusion_pytorch_model.safetensors")
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


def _read(path: Path) -> Any:
    return json.loads(path.read_text())


def _denoising(scores: dict[str, Any], split: str) -> dict[str, Any]:
    """Per variant and kind of error: the errors of the seeds as a ratio to the base network's, clip by clip."""
    rows: dict[str, Any] = {}
    for kind in ("clip", "motion"):
        base = np.array(scores["frames"][split][kind])
        rows[kind] = {
            v: [
                [round(float(x), 4) for x in np.array(scores[f"{v}-{s}"][split][kind]).mean(axis=0) / base.mean(axis=0)]
                for s in SEEDS
            ]
            for v in VARIANTS
        }
    rows["base"] = {kind: np.array(scores["frames"][split][kind]).mean(axis=0).round(5).tolist() for kind in rows}
    rows["num_clips"] = len(scores["frames"][split]["clip"])
    rows["against_conv"] = {v: _paired(scores, split, v) for v in VARIANTS if v != "conv"}
    return rows


def _paired(scores: dict[str, Any], split: str, variant: str) -> dict[str, float]:
    """Mean over clips and noise levels of log(error / error of conv with the same seed), in per cent, over seeds."""
    logs = [
        100
        * np.log(
            np.array(scores[f"{variant}-{seed}"][split]["clip"]) / np.array(scores[f"conv-{seed}"][split]["clip"])
        ).mean()
        for seed in SEEDS
    ]
    return {
        "mean": round(float(np.mean(logs)), 2),
        "low": round(float(min(logs)), 2),
        "high": round(float(max(logs)), 2),
    }


def _cost(facts: Sequence[dict[str, Any]]) -> dict[str, float]:
    return {
        "num_parameters": facts[0]["num_parameters"],
        "num_trained_parameters": facts[0]["num_trained_parameters"],
        "cpu_seconds_per_step": round(float(np.median([fact["cpu_seconds_per_step"] for fact in facts])), 3),
    }


def _judge_samples(out: Path) -> dict[str, Any]:
    """The drawn stickers of every variant and seed by the metrics that need no weights from a hub."""
    from vsd2m.benchmark.config import BenchmarkConfig
    from vsd2m.benchmark.runner import run_benchmark

    folders = {folder.name: str(folder) for folder in sorted((out / "samples").glob("*-?"))}
    if not folders:
        return {}
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
    found: dict[str, Any] = {}
    for model, scores in run_benchmark(config, str(out / "judged")).scores.items():
        for score in scores:
            found.setdefault(score.metric, {})[model] = round(float(score.value), 4)
    return found


def neighbours(out: Path) -> dict[str, Any]:
    """Mean squared difference of clips to the nearest training clip, grey levels / 255: the shipped generator's
    samples, and real animations it never saw; and for how many samples the nearest one has the prompt's name."""
    from vsd2m.generation.config import DataConfig
    from vsd2m.generation.data import shard_clips
    from vsd2m.media.decode import decode

    def real(split: str) -> tuple[NDArray[np.float32], list[str]]:
        clips = list(shard_clips(DataConfig(shards=str(out / "shards"), split=split, num_frames=8, size=64)).read())
        frames = np.stack([clip.frames for clip in clips]).transpose(0, 1, 3, 4, 2)
        return frames.astype(np.float32) / 255, [clip.text.split("\t")[1] for clip in clips]

    trained, names = real("train")

    def nearest(clips: NDArray[np.float32]) -> tuple[list[float], list[str]]:
        errors = np.stack([np.square(trained - clip).mean(axis=(1, 2, 3, 4)) for clip in clips])
        return errors.min(axis=1).round(5).tolist(), [names[number] for number in errors.argmin(axis=1)]

    result: dict[str, Any] = {"far": nearest(real("far")[0])[0]}
    folder = out / "samples" / "shipped"
    if folder.exists():
        paths = sorted(folder.glob("0*.webp"))
        drawn = np.stack([decode(path.read_bytes()).frames[..., :3] for path in paths]).astype(np.float32) / 255
        errors, found = nearest(drawn)
        prompts = [prompt.replace("an ", "a ") for prompt in PROMPTS]
        result |= {
            "shipped": errors,
            "named": sum(name == prompt for name, prompt in zip(found, prompts, strict=True)),
            "nearest": dict(zip(prompts, found, strict=True)),
        }
    return result


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
        cells = [
            f"{np.mean(values):.3f} ± {np.std(values, ddof=1):.3f}"
            for kind in ("clip", "motion")
            for values in np.array(rows[kind][variant]).T
        ]
        lines.append(f"| {NAMES[variant]} `{variant}` | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _paired_table(denoising: dict[str, Any]) -> str:
    lines = [
        "| against `conv`, per cent | " + " | ".join(SPLIT_NAMES[split] for split in STRIDES) + " |",
        "|---|---|---|",
    ]
    for variant in VARIANTS[1:]:
        cells = []
        for split in STRIDES:
            found = denoising[split]["against_conv"][variant]
            cells.append(f"{found['mean']:+.2f} ({found['low']:+.2f} to {found['high']:+.2f})")
        lines.append(f"| {NAMES[variant]} `{variant}` | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cost_table(cost: dict[str, Any]) -> str:
    lines = ["| | weights, M | trained, M | seconds of one core a step | against `conv` |", "|---|---|---|---|---|"]
    for variant, row in cost.items():
        ratio = row["cpu_seconds_per_step"] / cost["conv"]["cpu_seconds_per_step"]
        lines.append(
            f"| {NAMES[variant]} `{variant}` | {row['num_parameters'] / 1e6:.2f} | "
            f"{row['num_trained_parameters'] / 1e6:.2f} | {row['cpu_seconds_per_step']:.2f} | {ratio:.2f} |"
        )
    return "\n".join(lines)


def _samples_table(judged: dict[str, Any]) -> str:
    lines = ["| | " + " | ".join(f"`{metric}`" for metric in judged) + " |", "|" + "---|" * (1 + len(judged))]
    for variant in VARIANTS:
        cells = []
        for values in judged.values():
            found = [values[f"{variant}-{seed}"] for seed in SEEDS if f"{variant}-{seed}" in values]
            cells.append(f"{np.mean(found):.4g} ({min(found):.4g} to {max(found):.4g})" if found else "-")
        lines.append(f"| {NAMES[variant]} `{variant}` | " + " | ".join(cells) + " |")
    real = [f"{values[REAL]:.4g}" if REAL in values else "-" for values in judged.values()]
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


def _neighbours_line(found: dict[str, Any]) -> str:
    if "shipped" not in found:
        return "No samples of the shipped generator."
    return (
        f"Mean squared difference to the nearest training clip: {np.median(found['shipped']):.4f} (median of "
        f"{len(found['shipped'])} samples), {np.median(found['far']):.4f} for the {len(found['far'])} real animations "
        f"of figures never trained on. The nearest training clip is the prompted one for {found['named']} of "
        f"{len(found['shipped'])} samples."
    )


def _fill(page: str, tables: dict[str, str]) -> str:
    """The page with every table between its marks `<!-- NAME -->` and `<!-- /NAME -->` replaced."""
    for name, table in tables.items():
        pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        page = pattern.sub(_between(table), page)
    return page


def _between(table: str) -> Callable[[re.Match[str]], str]:
    return lambda match: f"{match[1]}{table}\n{match[2]}"


def _loss_curves(facts: dict[str, Any]) -> str:
    """Training loss of the variants, mean of the seeds, each seed divided by the mean over the variants of its steps
    (the seeds draw other noise, the variants of a seed the same)."""
    width, height = 560, 260
    curves = {}
    for variant in VARIANTS:
        ratios = []
        for seed in SEEDS:
            common = np.mean([facts[f"{other}-{seed}"]["losses"] for other in VARIANTS], axis=0)
            ratios.append(np.array(facts[f"{variant}-{seed}"]["losses"]) / common)
        curves[variant] = np.convolve(np.mean(ratios, axis=0), np.ones(SMOOTHED) / SMOOTHED, mode="valid")
    low, high = min(map(np.min, curves.values())), max(map(np.max, curves.values()))
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-60 -20 {width + 180} {height + 60}" width="{width + 180}">',
        "<style>text{font:12px sans-serif;fill:#777}</style>",
        f'<rect width="{width}" height="{height}" fill="none" stroke="#bbb"/>',
        f'<text x="-8" y="10" text-anchor="end">{high:.3f}</text>',
        f'<text x="-8" y="{height}" text-anchor="end">{low:.3f}</text>',
        f'<text x="{width}" y="{height + 18}" text-anchor="end">step {len(curves["conv"]) + SMOOTHED - 1}</text>',
        f'<text x="0" y="{height + 18}">loss / mean of the four, running mean of {SMOOTHED} steps and 3 seeds</text>',
    ]
    for number, (variant, curve) in enumerate(curves.items()):
        xs = np.linspace(0, width, len(curve))
        ys = height * (high - curve) / (high - low)
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(xs, ys, strict=True))
        colour = COLOURS[variant]
        lines.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.6"/>')
        lines.append(f'<text x="{width + 10}" y="{20 + 18 * number}" style="fill:{colour}">{NAMES[variant]}</text>')
    return "\n".join([*lines, "</svg>\n"])


def _pictures(out: Path, to: Path) -> None:
    """`samples.webp`, an animated sheet of all prompts of the shipped generator, and a still of two frames each."""
    from vsd2m.media.decode import decode

    folder = out / "samples" / "shipped"
    if not folder.exists():
        return
    clips = np.stack([decode(path.read_bytes()).frames[..., :3] for path in sorted(folder.glob("0*.webp"))])
    rows = clips.reshape(2, -1, *clips.shape[1:])
    sheet = rows.transpose(2, 0, 3, 1, 4, 5).reshape(clips.shape[1], 2 * clips.shape[2], -1, 3)
    pictures = [Image.fromarray(frame) for frame in sheet]
    pictures[0].save(to / "samples.webp", save_all=True, append_images=pictures[1:], duration=125, loop=0, quality=80)
    Image.fromarray(np.concatenate([sheet[0], sheet[4]])).save(to / "samples.png")
