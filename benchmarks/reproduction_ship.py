"""The generator that comes with the package: a variant that goes on, all its weights trained, on varied captions."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from reproduction_data import TONES, Subject
from reproduction_variants import plain_attention, variant_config

from vsd2m.generation.config import DataConfig, TrainConfig
from vsd2m.generation.data import ClipSource, TrainingClip, shard_clips

NUM_CAPTIONS = 3
"""Captions of a clip; each is a clip of its own to the trainer."""
TONE = TONES["1f3fc"]
"""People and hands come without a tone and in this one: six tones of everybody would be two thirds of all clips."""


def ship(out: Path, subjects: list[Subject], name: str, *, num_steps: int) -> Path:
    """Trains on from `variants/NAME` and writes `shipped`, in eight bits; returns that folder."""
    from vsd2m.generation.sampler import load_pipeline, newest_checkpoint
    from vsd2m.generation.trainer import train

    variant = name.rsplit("-", 1)[0]
    temporal = out / f"temporal-{name}.safetensors"
    if not temporal.exists():
        load_pipeline(newest_checkpoint(out / "variants" / name)).unet.save_temporal(temporal)
    values = variant_config(out, variant, 7, num_steps=num_steps)
    values |= {"out": str(out / "ship"), "trainable": "all", "save_every": 100, "keep_last_n": 2}
    values["model"] = {**values["model"], "temporal_weights": str(temporal)}  # type: ignore[dict-item]
    values["optimizer"] = {**values["optimizer"], "learning_rate": 5e-4, "warmup_steps": 20, "ema_decay": 0.98}  # type: ignore[dict-item]
    config = TrainConfig.model_validate(values)
    with plain_attention():
        result = train(config, clips=varied_clips(config.data, subjects), on_step=_report)
    from vsd2m.generation.diffusion.compact import save_compact

    folder = out / "shipped"
    save_compact(load_pipeline(result.checkpoint), folder)
    (out / "ship" / "facts.json").write_text(
        json.dumps({"from": name, "num_steps": num_steps, "losses": result.losses})
    )
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
