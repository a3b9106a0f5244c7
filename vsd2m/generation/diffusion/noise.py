"""What the denoiser is trained to say, and how much each noise level counts. Pure functions.

Letters: B batch, T frames, C channels.
"""

from typing import Any

import torch
from diffusers.training_utils import compute_snr


def prediction_target(
    scheduler: Any, latents: torch.Tensor, noise: torch.Tensor, timesteps: torch.Tensor
) -> torch.Tensor:
    """What the network should predict, by the scheduler's `prediction_type`."""
    kind = scheduler.config.prediction_type
    if kind == "epsilon":
        return noise
    if kind == "v_prediction":
        return scheduler.get_velocity(latents, noise, timesteps)
    if kind == "sample":
        return latents
    raise ValueError(f"unknown prediction_type {kind!r}")


def min_snr_weights(scheduler: Any, timesteps: torch.Tensor, gamma: float | None) -> torch.Tensor:
    """Loss weights [B] of min-SNR-gamma (arXiv 2303.09556, section 3.4); ones for `gamma` None.

    min(SNR, gamma) is the weight of a loss on x0; it is divided by SNR for epsilon and by SNR + 1 for v. Where
    SNR = 0 the epsilon weight takes its limit, 1, instead of 0 / 0.
    """
    if gamma is None:
        return torch.ones(timesteps.shape, device=timesteps.device)
    snr = compute_snr(scheduler, timesteps)
    clipped = snr.clamp(max=gamma)
    kind = scheduler.config.prediction_type
    if kind == "epsilon":
        return torch.where(snr > 0, clipped / snr.clamp(min=torch.finfo(snr.dtype).tiny), torch.ones_like(snr))
    return clipped / (snr + 1) if kind == "v_prediction" else clipped


def frame_weights(mask: torch.Tensor, fill_weight: float) -> torch.Tensor:
    """Weights [B, T] with mean 1 over each clip: 1 for a sticker's own frames, `fill_weight` for filled ones."""
    weights = torch.where(mask, 1.0, fill_weight)
    return weights / weights.mean(dim=1, keepdim=True)


def denoising_loss(
    prediction: torch.Tensor, target: torch.Tensor, clip_weights: torch.Tensor, weights: torch.Tensor
) -> torch.Tensor:
    """Mean squared error of [B, C, T, h, w], weighted by clip [B] and by frame [B, T]."""
    error = (prediction.float() - target.float()).square().mean(dim=(1, 3, 4))
    return (error * weights * clip_weights[:, None]).mean()
