"""The part of the reproduction that uses the package's trainer: the temporal layers of the four variants on the same
two-dimensional network with equal budgets, and one of them trained further into the generator inside the package.
"""

import contextlib
import itertools
import json
import statistics
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from reproduction_data import TONES, Subject, data_config

from vsd2m.generation.config import DataConfig, TrainConfig
from vsd2m.generation.data import ClipSource, TrainingClip, shard_clips
from vsd2m.generation.diffusion.compact import save_compact
from vsd2m.generation.sampler import load_pipeline, newest_checkpoint
from vsd2m.generation.trainer import train

VARIANTS = {"conv": "Make-A-Video", "alpha": "VideoLDM", "swap": "VideoFactory", "sti": "STI"}
NUM_CAPTIONS = 3
"""Captions per clip of the packaged generator; the trainer treats each as a separate clip."""
TONE = TONES["1f3fc"]
"""People and hands come without a tone and in this one: all six tones would be two thirds of all clips."""


def variant_config(out: Path, variant: str, seed: int, *, num_steps: int, bf16: bool) -> dict[str, Any]:
    """The training of one variant: all temporal layers, on a frozen two-dimensional network."""
    return {
        "out": str(out / "variants" / f"{variant}-{seed}"),
        "model": {
            "pretrained": str(out / "base"),
            "temporal_layer": {"layer": "sti", "num_heads": 4, "head_dim": 16} if variant == "sti" else variant,
        },
        "data": {**data_config(out, "train").model_dump(), "cache": str(out / "cache")},
        "noise": {"min_snr_gamma": None},
        "optimizer": {
            "learning_rate": 1e-3,
            "gate_learning_rate": None,  # the published tables were made before gates had a rate of their own
            "warmup_steps": 10,
            "decay": "cosine",
            "beta2": 0.99,
            "ema_decay": 0.95,
        },
        "trainable": "temporal",
        "mixed_precision": "bf16" if bf16 else "no",
        "batch_size": 4,
        "num_steps": num_steps,
        "save_every": num_steps,
        "keep_last_n": 1,
        "num_threads": 1,
        "seed": seed,
    }


def train_variant(out: Path, variant: str, seed: int, *, num_steps: int, bf16: bool) -> None:
    """Writes `facts.json` next to the checkpoint: weights, losses, and the median seconds of processor time of a step,
    null with fewer than two steps. Existing files are left unchanged."""
    config = TrainConfig.model_validate(variant_config(out, variant, seed, num_steps=num_steps, bf16=bf16))
    facts = Path(config.out) / "facts.json"
    if facts.exists():
        return
    marks: list[float] = []
    with plain_attention():
        result = train(config, on_step=lambda *_: marks.append(time.process_time()))
    content = {
        "variant": variant,
        "seed": seed,
        "num_steps": result.num_steps,
        "num_clips": result.num_clips,
        "num_parameters": result.num_parameters,
        "num_trained_parameters": result.num_trained_parameters,
        "cpu_seconds_per_step": median_step(marks),
        "losses": result.losses,
    }
    facts.write_text(json.dumps(content) + "\n")
    print(f"{variant} {seed} loss {statistics.fmean(result.losses[-20:]):.4f}", flush=True)


def median_step(marks: Sequence[float]) -> float | None:
    """Median time between two marks; the first step is not counted, which has no mark before it."""
    steps = [after - before for before, after in itertools.pairwise(marks)]
    return statistics.median(steps) if steps else None


def ship(out: Path, subjects: list[Subject], name: str, *, num_steps: int, bf16: bool) -> Path:
    """Trains on from `variants/NAME`, all weights, on varied captions, and writes `shipped`, in eight bits."""
    temporal = out / f"temporal-{name}.safetensors"
    if not temporal.exists():
        load_pipeline(newest_checkpoint(out / "variants" / name)).unet.save_temporal(temporal)
    values = variant_config(out, name.rsplit("-", 1)[0], 7, num_steps=num_steps, bf16=bf16)
    values |= {"out": str(out / "ship"), "trainable": "all", "save_every": 100, "keep_last_n": 2}
    values["model"] |= {"temporal_weights": str(temporal)}
    values["optimizer"] |= {"learning_rate": 5e-4, "warmup_steps": 20, "ema_decay": 0.98}
    config = TrainConfig.model_validate(values)
    with plain_attention():
        result = train(config, clips=varied_clips(config.data, subjects), on_step=_report)
    folder = out / "shipped"
    save_compact(load_pipeline(result.checkpoint), folder)
    return folder


def varied_clips(data: DataConfig, subjects: list[Subject]) -> ClipSource:
    """The training clips, most tones left out, each under several captions."""
    source = shard_clips(data)

    def read() -> Iterator[TrainingClip]:
        rng = np.random.default_rng(3)
        trained = [subject for subject in subjects if subject.split == "train"]
        for subject, clip in zip(trained, source.read(), strict=True):
            if subject.tone not in (None, TONE):
                continue
            for number in range(NUM_CAPTIONS):
                yield TrainingClip(f"{clip.key}-{number}", subject.caption(rng), clip.frames, clip.mask)

    return ClipSource(identity=f"{source.identity}/varied/{NUM_CAPTIONS}", read=read)


def _report(step: int, total: int, loss: float) -> None:
    if step % 20 == 0:
        print(f"ship {step}/{total} loss {loss:.4f}", flush=True)


@contextlib.contextmanager
def plain_attention() -> Iterator[None]:
    """Matrix products instead of torch's fused attention, whose backward pass is several times slower on a CPU."""
    from torch.nn.attention import SDPBackend, sdpa_kernel

    with sdpa_kernel(SDPBackend.MATH):
        yield
