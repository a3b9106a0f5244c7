"""Trains VideoGPT in two steps: the VQ-VAE in `vqvae` of the training folder, then the prior on its codes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from vsd2m.generation.config import TrainConfig
from vsd2m.generation.data import ClipSource
from vsd2m.generation.train_result import OnStep, TrainResult
from vsd2m.generation.training.codec import PixelCodec
from vsd2m.generation.training.latents import LatentStore, cache_folder, encode_clips
from vsd2m.generation.training.loop import TrainingLoop
from vsd2m.generation.training.progress_bars import no_progress_bars
from vsd2m.generation.videogpt.codes import open_codes
from vsd2m.generation.videogpt.objectives import NextCodeObjective, ReconstructionObjective
from vsd2m.generation.videogpt.pipeline import VideoGPTPipeline
from vsd2m.generation.videogpt.prior import CodePrior
from vsd2m.generation.videogpt.tags import tag_names, tag_numbers
from vsd2m.generation.videogpt.vqvae import VqVae


def train_videogpt(
    config: TrainConfig,
    clips: ClipSource,
    *,
    process: Any,
    on_step: OnStep | None,
    on_checkpoint: Callable[[Path], None],
) -> TrainResult:
    """See `vsd2m.generation.trainer.train`; steps are counted over both networks, losses are the prior's."""
    with process.main_process_first():  # the first process encodes, the others use its files
        store = encode_clips(config, PixelCodec(1), clips)
    first, second = _counted(config, on_step)
    vqvae, num_skipped_steps = train_vqvae(vqvae_config(config), store, on_step=first)
    with process.main_process_first():
        codes = open_codes(cache_folder(config), store, vqvae.to(process.device))
    names = tag_names(store.tags, max_tags=config.videogpt.max_tags)
    torch.manual_seed(config.seed)
    pipeline = VideoGPTPipeline(vqvae.to("cpu"), make_prior(config, names))
    if config.compile:
        pipeline.prior.compile()
    tags = [tag_numbers(sticker_tags, names) for sticker_tags in store.tags]
    loop = TrainingLoop(config, NextCodeObjective(config, pipeline, store.keys, codes, tags))
    checkpoint = loop.run(on_step=second, on_checkpoint=on_checkpoint)
    count = sum(weight.numel() for model in (pipeline.vqvae, pipeline.prior) for weight in model.parameters())
    return TrainResult(
        checkpoint=checkpoint,
        losses=loop.losses,
        num_steps=loop.step,
        num_clips=len(store),
        num_parameters=count,
        num_trained_parameters=count,
        num_captions_truncated=0,
        num_skipped_steps=num_skipped_steps + len(loop.skipped),
    )


def train_vqvae(config: TrainConfig, store: LatentStore, *, on_step: OnStep | None) -> tuple[VqVae, int]:
    """The VQ-VAE, in evaluation mode, and the number of skipped steps; a finished training is only loaded."""
    torch.manual_seed(config.seed)
    vqvae = make_vqvae(config)
    if config.compile:
        vqvae.compile()
    loop = TrainingLoop(config, ReconstructionObjective(config, vqvae, store))
    checkpoint = loop.run(on_step=on_step)
    with no_progress_bars():
        trained: VqVae = VqVae.from_pretrained(checkpoint / "vqvae")
    trained.eval().requires_grad_(False)
    return trained, len(loop.skipped)


def vqvae_config(config: TrainConfig) -> TrainConfig:
    """The run that trains the VQ-VAE. Its weights are not averaged, because the codebook follows the raw ones."""
    return config.model_copy(
        update={
            "out": str(Path(config.out) / "vqvae"),
            "num_steps": config.videogpt.vqvae_steps,
            "optimizer": config.optimizer.model_copy(update={"ema_decay": 0.0}),
        }
    )


def make_vqvae(config: TrainConfig) -> VqVae:
    """A new VQ-VAE of the configured size."""
    options = config.videogpt
    vqvae: VqVae = VqVae(
        time_factor=options.time_factor,
        space_factor=options.space_factor,
        num_hiddens=options.num_hiddens,
        num_residual_layers=options.num_residual_layers,
        axial_attention=options.axial_attention,
        num_heads=options.vqvae_num_heads,
        num_codes=options.num_codes,
        code_dim=options.code_dim,
        code_decay=options.code_decay,
        restart_below=options.restart_below,
    )
    return vqvae


def make_prior(config: TrainConfig, names: tuple[str, ...]) -> CodePrior:
    """A new prior of the configured size for these tags."""
    options, side = config.videogpt, config.data.size // config.videogpt.space_factor
    prior: CodePrior = CodePrior(
        grid=(config.data.num_frames // options.time_factor, side, side),
        num_codes=options.num_codes,
        width=options.width,
        num_layers=options.num_layers,
        num_heads=options.num_heads,
        dropout=options.dropout,
        tag_names=names,
    )
    return prior


def _counted(config: TrainConfig, on_step: OnStep | None) -> tuple[OnStep | None, OnStep | None]:
    """`on_step` for one of the networks, with steps counted over both."""
    if on_step is None:
        return None, None
    before, total = config.videogpt.vqvae_steps, config.videogpt.vqvae_steps + config.num_steps
    return (
        lambda step, _, loss: on_step(step, total, loss),
        lambda step, _, loss: on_step(before + step, total, loss),
    )
