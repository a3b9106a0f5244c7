"""Trains variants of one model with one budget and compares their losses: `ablate(config, "sti", seeds=(0, 1))`.

For one seed all variants get the same clips, noise and noise levels at every step, so their losses differ only because
of the variant and of their initial weights.
"""

import json
import math
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vsd2m.core.errors import ConfigError
from vsd2m.generation.config import TrainConfig, merge
from vsd2m.generation.data import ClipSource
from vsd2m.generation.errors import TrainingError
from vsd2m.generation.model_config import ModelConfig
from vsd2m.generation.train_result import OnStep
from vsd2m.generation.trainer import train

ABLATIONS: dict[str, dict[str, dict[str, Any]]] = {
    "sti": {
        "the paper's form": {},
        "convex mix": {"temporal_layer": {"layer": "sti", "mix": "convex"}},
        "normalised": {"temporal_layer": {"layer": "sti", "norm": True}},
        "frame positions": {"temporal_layer": {"layer": "sti", "positions": True}},
        "gamma 1": {"temporal_layer": {"layer": "sti", "gamma": 1}},
        "gamma 4": {"temporal_layer": {"layer": "sti", "gamma": 4}},
    },
    "layers": {
        "Make-A-Video": {"temporal_layer": "conv"},
        "VideoLDM": {"temporal_layer": "alpha"},
        "VideoFactory": {"temporal_layer": "swap"},
        "STI": {"temporal_layer": "sti"},
    },
}
"""Name -> variant -> settings of `model` that differ from the config's. The others are compared with the first."""

RESULT = "ablation.json"


@dataclass(frozen=True)
class AblationRow:
    """One variant: its mean loss over the last quarter of the steps, per seed; None if the training failed."""

    variant: str
    num_parameters: int
    losses: tuple[float | None, ...]

    @property
    def mean(self) -> float | None:
        """Over the seeds; None if one of them failed."""
        finite_losses = [loss for loss in self.losses if loss is not None]
        return statistics.fmean(finite_losses) if len(finite_losses) == len(self.losses) else None


def ablate(
    config: TrainConfig,
    name: str,
    *,
    seeds: Sequence[int],
    on_step: OnStep | None = None,
    clips: ClipSource | None = None,
) -> list[AblationRow]:
    """Trains every variant with every seed in its own folder under `config.out`; writes `ablation.json`.

    `on_step(step, num_steps, loss)` counts the steps of all runs. `ConfigError` for a name that is not in `ABLATIONS`,
    or for a config whose temporal layer has no such variants.
    """
    variants = variants_of(config, name)
    total, num_done = config.num_steps * len(variants) * len(seeds), 0
    rows = []
    for variant, settings in variants.items():
        losses: list[float | None] = []
        num_parameters = 0
        for seed in seeds:
            try:
                counted = _counted(on_step, num_done, total)
                result = train(variant_config(config, variant, settings, seed), on_step=counted, clips=clips)
                num_parameters = result.num_parameters
                losses.append(final_loss(result.losses))
            except TrainingError:  # a loss that is not a number is a result about the variant
                losses.append(None)
            num_done += config.num_steps
        rows.append(AblationRow(variant, num_parameters, tuple(losses)))
    Path(config.out, RESULT).write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n")
    return rows


def final_loss(losses: Sequence[float]) -> float | None:
    """The mean over the last quarter of the steps, without skipped steps whose loss is not finite; None if no step is
    left."""
    last_losses = [loss for loss in losses[-max(len(losses) // 4, 1) :] if math.isfinite(loss)]
    return statistics.fmean(last_losses) if last_losses else None


def _counted(on_step: OnStep | None, before: int, total: int) -> OnStep | None:
    return None if on_step is None else lambda step, _, loss: on_step(before + step, total, loss)


def variants_of(config: TrainConfig, name: str) -> dict[str, dict[str, Any]]:
    """The variants of that name for the config."""
    if name not in ABLATIONS:
        raise ConfigError(f"unknown ablation {name!r}; known: {', '.join(ABLATIONS)}")
    if config.family != "diffusion" or (name == "sti" and config.model.temporal_layer.layer != "sti"):
        raise ConfigError(f"ablation {name} needs family diffusion and model.temporal_layer sti")
    return ABLATIONS[name]


def variant_config(config: TrainConfig, variant: str, settings: dict[str, Any], seed: int) -> TrainConfig:
    """The run of one variant and seed; all share one cache of encoded clips."""
    words = "-".join(variant.replace("'", "").lower().split())
    cache = config.data.cache or str(Path(config.out) / "cache")
    return config.model_copy(
        update={
            "out": str(Path(config.out) / f"{words}-seed-{seed}"),
            "model": ModelConfig.model_validate(merge(config.model.model_dump(), settings)),
            "data": config.data.model_copy(update={"cache": cache}),
            "seed": seed,
        }
    )


def table(rows: Sequence[AblationRow]) -> str:
    """A Markdown table: the mean loss over the seeds, its range, and its difference from the first variant's."""
    lines = ["| variant | parameters | loss | range over seeds | change from the first |", "|---|---|---|---|---|"]
    reference = rows[0].mean
    for row in rows:
        cells = [row.variant, f"{row.num_parameters / 1e6:.2f} M"]
        if row.mean is None:
            failed = sum(loss is None for loss in row.losses)
            cells += [f"not a number in {failed} of {len(row.losses)} runs", "-", "-"]
        else:
            finite_losses = [loss for loss in row.losses if loss is not None]
            change = f"{100 * (row.mean / reference - 1):+.1f} %" if reference else "-"
            cells += [f"{row.mean:.4f}", f"{min(finite_losses):.4f}-{max(finite_losses):.4f}", change]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
