"""Trains a latent-diffusion generator: base, encoded clips and texts, pipeline, loop."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from vsd2m.core.errors import ConfigError
from vsd2m.generation.config import TrainConfig
from vsd2m.generation.data import ClipSource
from vsd2m.generation.diffusion.build import build_pipeline, load_base, set_trainable
from vsd2m.generation.diffusion.objective import DenoisingObjective
from vsd2m.generation.diffusion.text import num_truncated
from vsd2m.generation.diffusion.text_states import TextStates, open_text_states
from vsd2m.generation.train_result import OnStep, TrainResult
from vsd2m.generation.training.codec import make_codec
from vsd2m.generation.training.latents import cache_folder, encode_clips
from vsd2m.generation.training.loop import TrainingLoop


def train_diffusion(
    config: TrainConfig,
    clips: ClipSource,
    *,
    process: Any,
    on_step: OnStep | None,
    on_checkpoint: Callable[[Path], None],
) -> TrainResult:
    """See `vsd2m.generation.trainer.train`; `process` is accelerate's `PartialState`."""
    base = load_base(config.model, device=process.device)
    codec = make_codec(base.vae, base.patch_size) if base else make_codec(None, config.model.patch_size)
    if config.data.size % codec.reduction:  # the autoencoder would crop the rest
        raise ConfigError(f"data.size {config.data.size} must be a multiple of {codec.reduction} with this autoencoder")
    with process.main_process_first():  # the first process encodes, the others use its files
        store = encode_clips(config, codec, clips)
    pipeline = build_pipeline(config, base, store.texts)
    set_trainable(pipeline, config)
    with process.main_process_first():
        text_states = encode_texts(config, pipeline, store.texts, device=process.device)
    objective = DenoisingObjective(config, pipeline, store, text_states)
    loop = TrainingLoop(config, objective)
    sizes = [(weight.numel(), weight.requires_grad) for weight in objective.whole_module().parameters()]
    checkpoint = loop.run(on_step=on_step, on_checkpoint=on_checkpoint)
    return TrainResult(
        checkpoint=checkpoint,
        losses=loop.losses,
        num_steps=loop.step,
        num_clips=len(store),
        num_parameters=sum(size for size, _ in sizes),
        num_trained_parameters=sum(size for size, trained in sizes if trained),
        num_captions_truncated=num_truncated(pipeline.tokenizer, store.texts),
        num_skipped_steps=len(loop.skipped),
    )


def encode_texts(config: TrainConfig, pipeline: Any, texts: list[str], *, device: Any) -> TextStates | None:
    """The captions' states if the text encoder is frozen; None if it is trained, or the config disables it."""
    encoder = pipeline.text_encoder
    if not config.data.cache_text or any(weight.requires_grad for weight in encoder.parameters()):
        return None
    states = open_text_states(cache_folder(config), texts, pipeline.tokenizer, encoder.to(device))
    encoder.to("cpu")
    return states
