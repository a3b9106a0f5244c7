"""Trains a sticker generator: `train(config)`."""

import json
from dataclasses import asdict
from pathlib import Path

from vsd2m.core.registry import component, import_extra
from vsd2m.generation.config import TrainConfig
from vsd2m.generation.data import ClipSource, shard_clips
from vsd2m.generation.sampler import generate
from vsd2m.generation.train_result import OnStep, TrainResult

FAMILIES = {
    "diffusion": "vsd2m.generation.diffusion.train:train_diffusion",
    "videogpt": "vsd2m.generation.videogpt.train:train_videogpt",
}
SUMMARY = "summary.json"


def train(
    config: TrainConfig,
    *,
    on_step: OnStep | None = None,
    clips: ClipSource | None = None,
) -> TrainResult:
    """Trains, or resumes training, and returns the last checkpoint, for `sampler.generate`.

    `on_step(step, num_steps, loss)` is called after every step. `clips` replaces the shards as the source of clips.
    Raises `TrainingError` if there are no clips, too many steps in a row have a loss or gradient that is not finite,
    the weights are no longer finite, or `out` holds another run's checkpoints.
    """
    torch = import_extra("torch", extra="train")
    accelerate = import_extra("accelerate", extra="train")
    torch.set_num_threads(config.num_threads)
    process = accelerate.PartialState(cpu=not torch.accelerator.is_available())
    out = Path(config.out)
    out.mkdir(parents=True, exist_ok=True)
    (out / "config.json").write_text(config.model_dump_json(indent=2) + "\n")
    train_family = component(FAMILIES, config.family, kind="family of generators")
    result: TrainResult = train_family(
        config,
        clips or shard_clips(config.data),
        process=process,
        on_step=on_step,
        on_checkpoint=lambda path: draw_samples(config, path),
    )
    if process.is_main_process:
        (out / SUMMARY).write_text(summary(result))
    return result


def summary(result: TrainResult) -> str:
    """The counts of a run as JSON, without its losses, which have their own file."""
    facts = {**asdict(result), "checkpoint": result.checkpoint.name}
    del facts["losses"]
    return json.dumps(facts, indent=2) + "\n"


def draw_samples(config: TrainConfig, checkpoint: Path) -> None:
    """Generates the configured prompts with a checkpoint, in a folder of its name in `samples`."""
    if config.sample_prompts:
        generate(
            checkpoint, config.sample_prompts, Path(config.out) / "samples" / checkpoint.name, config=config.sampling
        )
