"""Trains a sticker generator: `train(config)`."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vsd2m.core.registry import import_extra
from vsd2m.generation.config import TrainConfig
from vsd2m.generation.data import ClipSource, shard_clips
from vsd2m.generation.sampler import generate


@dataclass(frozen=True)
class TrainResult:
    """What a training run left behind. `losses` has one entry per step, those of resumed runs included."""

    checkpoint: Path
    losses: list[float]
    num_steps: int
    num_clips: int
    num_parameters: int
    num_trained_parameters: int
    num_captions_truncated: int


def train(
    config: TrainConfig,
    *,
    on_step: Callable[[int, int, float], None] | None = None,
    clips: ClipSource | None = None,
) -> TrainResult:
    """Trains, or goes on training, and returns the last checkpoint, which `sampler.generate` draws from.

    `on_step(step, num_steps, loss)` is called after every step. `clips` replaces the shards as the source of clips.
    Raises `TrainingError` if there are no clips, the loss is not a number or `out` holds another run's checkpoints.
    """
    torch = import_extra("torch", extra="train")
    accelerate = import_extra("accelerate", extra="train")
    from vsd2m.generation.diffusion.build import build_pipeline, load_base, set_trainable
    from vsd2m.generation.diffusion.latents import encode_clips
    from vsd2m.generation.diffusion.loop import TrainingLoop
    from vsd2m.generation.diffusion.text import num_truncated

    torch.set_num_threads(config.num_threads)
    process = accelerate.PartialState()
    out = Path(config.out)
    out.mkdir(parents=True, exist_ok=True)
    (out / "config.json").write_text(config.model_dump_json(indent=2) + "\n")
    base = load_base(config.model, device=process.device)
    with process.main_process_first():  # the first process encodes, the others find the clips encoded
        store = encode_clips(config, base, clips or shard_clips(config.data))
    pipeline = build_pipeline(config, base, store.texts)
    set_trainable(pipeline, config)
    loop = TrainingLoop(config, pipeline, store)
    checkpoint = loop.run(on_step=on_step, on_checkpoint=lambda path: _draw_samples(config, path))
    return TrainResult(
        checkpoint=checkpoint,
        losses=loop.losses,
        num_steps=loop.step,
        num_clips=len(store),
        num_parameters=sum(weight.numel() for weight in loop.module.parameters()),
        num_trained_parameters=sum(weight.numel() for weight in loop.parameters),
        num_captions_truncated=num_truncated(pipeline.tokenizer, store.texts),
    )


def _draw_samples(config: TrainConfig, checkpoint: Path) -> None:
    if config.sample_prompts:
        generate(
            checkpoint, config.sample_prompts, Path(config.out) / "samples" / checkpoint.name, config=config.sampling
        )
