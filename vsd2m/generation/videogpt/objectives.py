"""The objectives of VideoGPT's two networks: decoding clips from their codes, then predicting the next code.

Letters: B batch, T frames, L codes of a clip.
"""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from vsd2m.generation.config import TrainConfig
from vsd2m.generation.training.frame_weights import frame_weights
from vsd2m.generation.training.latents import LatentStore
from vsd2m.generation.videogpt.pipeline import VideoGPTPipeline, pad_tags
from vsd2m.generation.videogpt.vqvae import VqVae


class ReconstructionObjective:
    """Trains a `VqVae`: squared error of the pixels, and the commitment loss."""

    shard_blocks: tuple[str, ...] = ("ResidualBlock",)
    gates: tuple[str, ...] = ()

    def __init__(self, config: TrainConfig, vqvae: VqVae, store: LatentStore) -> None:
        self.config = config
        self.pipeline = vqvae
        self.store = store
        self.keys = store.keys

    def module_of(self, pipeline: VqVae) -> nn.Module:
        return pipeline

    def save(self, pipeline: VqVae, folder: Path) -> None:
        pipeline.save_pretrained(folder / "vqvae")

    def loss(self, model: nn.Module, indices: NDArray[np.int64], device: torch.device) -> torch.Tensor:
        clips = self.store.latents(indices).to(device)
        decoded, quantised = model(clips)
        masks = torch.from_numpy(self.store.masks[indices]).to(device)
        error = (decoded.float() - clips).square().mean(dim=(1, 3, 4))
        weighted = (error * frame_weights(masks, self.config.data.fill_weight)).mean()
        return weighted + self.config.videogpt.commitment * quantised.commitment


class NextCodeObjective:
    """Trains a `CodePrior` to predict every code of a clip from those before it and from the clip's tags."""

    shard_blocks: tuple[str, ...] = ("Layer",)
    gates: tuple[str, ...] = ()

    def __init__(
        self,
        config: TrainConfig,
        pipeline: VideoGPTPipeline,
        keys: list[str],
        codes: NDArray[np.int32],
        tags: list[list[int]],
    ) -> None:
        self.config = config
        self.pipeline = pipeline
        self.keys = keys
        self.codes = codes
        self.tags = tags

    def module_of(self, pipeline: VideoGPTPipeline) -> nn.Module:
        return pipeline.prior

    def save(self, pipeline: VideoGPTPipeline, folder: Path) -> None:
        pipeline.save_pretrained(folder)

    def loss(self, model: nn.Module, indices: NDArray[np.int64], device: torch.device) -> torch.Tensor:
        codes = torch.from_numpy(np.stack([self.codes[index] for index in indices]).astype(np.int64)).to(device)
        has_tags = torch.rand(len(indices)) >= self.config.noise.caption_dropout
        tags = pad_tags([self.tags[index] if keep else [] for index, keep in zip(indices, has_tags, strict=True)])
        logits = model(codes, tags.to(device))
        return functional.cross_entropy(logits.float().flatten(0, 1), codes.flatten())
