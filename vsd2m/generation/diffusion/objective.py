"""The objective of the latent-diffusion generators: predicting the noise, the velocity or the clip.

Letters: B batch, T frames, C channels, L tokens, D channels of the text states.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from vsd2m.generation.config import TrainConfig
from vsd2m.generation.diffusion import noise as noising
from vsd2m.generation.diffusion.pipeline import StickerPipeline
from vsd2m.generation.diffusion.saving import save_pipeline
from vsd2m.generation.diffusion.text import encode_tokens, tokenize
from vsd2m.generation.diffusion.text_states import TextStates
from vsd2m.generation.training.frame_weights import frame_weights
from vsd2m.generation.training.latents import LatentStore


class Denoiser(nn.Module):  # type: ignore[misc]
    """The text encoder and the UNet as one module, so that both can be wrapped and trained together."""

    def __init__(self, pipeline: StickerPipeline) -> None:
        super().__init__()
        self.unet = pipeline.unet
        self.text_encoder = pipeline.text_encoder

    def forward(self, noisy: torch.Tensor, timesteps: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        states = encode_tokens(self.text_encoder, tokens)
        return self.unet(noisy, timesteps, states, return_dict=False)[0]


class StatesDenoiser(nn.Module):  # type: ignore[misc]
    """The UNet alone, for text states [B, L, D] that are already encoded."""

    def __init__(self, pipeline: StickerPipeline) -> None:
        super().__init__()
        self.unet = pipeline.unet

    def forward(self, noisy: torch.Tensor, timesteps: torch.Tensor, states: torch.Tensor) -> torch.Tensor:
        return self.unet(noisy, timesteps, states, return_dict=False)[0]


class DenoisingObjective:
    """Trains a `StickerPipeline` on encoded clips; with `text_states` the text encoder is not used."""

    def __init__(
        self, config: TrainConfig, pipeline: StickerPipeline, store: LatentStore, text_states: TextStates | None = None
    ) -> None:
        self.config = config
        self.pipeline = pipeline
        self.gates: tuple[str, ...] = pipeline.unet.gates
        self.scheduler = pipeline.scheduler
        self.store = store
        self.text_states = text_states
        self.keys = store.keys
        blocks = [*pipeline.unet.down_blocks, pipeline.unet.mid_block, *pipeline.unet.up_blocks]
        self.shard_blocks = tuple(sorted({type(block).__name__ for block in blocks}))

    def module_of(self, pipeline: StickerPipeline) -> nn.Module:
        return Denoiser(pipeline) if self.text_states is None else StatesDenoiser(pipeline)

    def whole_module(self) -> nn.Module:
        """The text encoder and the UNet, or only the UNet if texts are already encoded."""
        return Denoiser(self.pipeline)

    def save(self, pipeline: StickerPipeline, folder: Path) -> None:
        save_pipeline(pipeline, folder)

    def loss(self, model: nn.Module, indices: NDArray[np.int64], device: torch.device) -> torch.Tensor:
        latents = self.store.latents(indices).to(device)
        noise = torch.randn_like(latents)
        timesteps = torch.randint(self.scheduler.config.num_train_timesteps, (len(indices),), device=device)
        text = self._text(indices).to(device)
        noisy = self.scheduler.add_noise(latents, noise, timesteps)
        prediction = model(noisy, timesteps, text)
        target = noising.prediction_target(self.scheduler, latents, noise, timesteps)
        options = self.config.noise
        clip_weights = noising.min_snr_weights(
            self.scheduler, timesteps, options.min_snr_gamma, floor=options.min_snr_floor
        )
        masks = torch.from_numpy(self.store.masks[indices]).to(device)
        weights = frame_weights(masks, self.config.data.fill_weight)
        return noising.denoising_loss(prediction, target, clip_weights.to(device), weights)

    def _text(self, indices: NDArray[np.int64]) -> torch.Tensor:
        """Tokens [B, L], or states [B, L, D] if they are already encoded; some captions are replaced by the empty
        one."""
        has_caption = torch.rand(len(indices)) >= self.config.noise.caption_dropout
        texts = [self.store.texts[index] if keep else "" for index, keep in zip(indices, has_caption, strict=True)]
        if self.text_states is not None:
            return self.text_states.of(texts)
        tokens: Any = tokenize(self.pipeline.tokenizer, texts)
        return tokens
