"""Codecs convert between clips and the denoiser's input, from [B, T, C, H, W] to [B, C, T, h, w].

Clips are float in [-1, 1]; latents have about unit variance.
"""

from typing import Any, Protocol

import torch
from diffusers import AutoencoderKL
from torch.nn import functional


class Codec(Protocol):
    """Encodes clips to latents and back."""

    latent_channels: int
    reduction: int

    def encode(self, clips: torch.Tensor) -> torch.Tensor:
        """[B, T, 3, H, W] in [-1, 1] -> latents [B, C, T, H / reduction, W / reduction], deterministically."""

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """The inverse of `encode`, clamped to [-1, 1]."""


class PixelCodec:
    """Pixels; a patch of `patch_size` x `patch_size` of them becomes channels. Lossless."""

    def __init__(self, patch_size: int) -> None:
        self.reduction = patch_size
        self.latent_channels = 3 * patch_size**2

    def encode(self, clips: torch.Tensor) -> torch.Tensor:
        return functional.pixel_unshuffle(clips, self.reduction).transpose(1, 2)

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        return functional.pixel_shuffle(latents.transpose(1, 2), self.reduction).clamp(-1, 1)


class LatentCodec:
    """Stable Diffusion's autoencoder, frame by frame. `encode` takes the mean of the posterior, so it can be cached."""

    def __init__(self, vae: AutoencoderKL, frames_per_call: int = 16) -> None:
        self.vae = vae
        self.frames_per_call = frames_per_call
        self.reduction = 2 ** (len(vae.config.block_out_channels) - 1)
        self.latent_channels = vae.config.latent_channels

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def encode(self, clips: torch.Tensor) -> torch.Tensor:
        batch_size, num_frames = clips.shape[:2]
        frames = clips.flatten(0, 1).to(self.vae.device, self.vae.dtype)
        encoded = [self.vae.encode(part).latent_dist.mode() for part in frames.split(self.frames_per_call)]
        latents = torch.cat(encoded).unflatten(0, (batch_size, num_frames)).transpose(1, 2)
        return latents * self.vae.config.scaling_factor

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        batch_size, _, num_frames = latents.shape[:3]
        frames = latents.transpose(1, 2).flatten(0, 1).to(self.vae.dtype) / self.vae.config.scaling_factor
        decoded = [self.vae.decode(part).sample for part in frames.split(self.frames_per_call)]
        return torch.cat(decoded).unflatten(0, (batch_size, num_frames)).clamp(-1, 1).float()


def make_codec(vae: Any | None, patch_size: int) -> Codec:
    """The codec of a model: its autoencoder, or pixels without one."""
    return PixelCodec(patch_size) if vae is None else LatentCodec(vae)
