"""The denoiser's targets, and the loss weights of noise levels.

Letters: B batch, T frames, C channels.
"""

from typing import Any

import torch
from diffusers.training_utils import compute_snr


def prediction_target(
    scheduler: Any, latents: torch.Tensor, noise: torch.Tensor, timesteps: torch.Tensor
) -> torch.Tensor:
    """The network's target, by the scheduler's `prediction_type`."""
    kind = scheduler.config.prediction_type
    if kind == "epsilon":
        return noise
    if kind == "v_prediction":
        return scheduler.get_velocity(latents, noise, timesteps)
    if kind == "sample":
        return latents
    raise ValueError(f"unknown prediction_type {kind!r}")


def min_snr_weights(
    scheduler: Any, timesteps: torch.Tensor, gamma: float | None, *, floor: float = 0.0
) -> torch.Tensor:
    """Loss weights [B] of min-SNR-gamma (arXiv 2303.09556, section 3.4); ones for `gamma` None.

    w = min(SNR, gamma) is the weight of a loss on x0, w / SNR that of one on epsilon and w / (SNR + 1) that of one on
    v. At SNR = 0, where sampling starts if the schedule ends there, the weight of x0 and v would be 0: they take
    w = min(max(SNR, floor), gamma), the truncated SNR weighting of arXiv 2202.00512, section 4, which has floor = 1.
    That of epsilon takes its limit, 1, instead of 0 / 0, and needs no floor.
    """
    if gamma is None:
        return torch.ones(timesteps.shape, device=timesteps.device)
    snr = compute_snr(scheduler, timesteps)
    if scheduler.config.prediction_type == "epsilon":
        return torch.where(snr > 0, snr.clamp(max=gamma) / snr.clamp(min=torch.finfo(snr.dtype).tiny), 1.0)
    clipped = snr.clamp(floor, gamma)
    return clipped / (snr + 1) if scheduler.config.prediction_type == "v_prediction" else clipped


def denoising_loss(
    prediction: torch.Tensor, target: torch.Tensor, clip_weights: torch.Tensor, weights: torch.Tensor
) -> torch.Tensor:
    """Mean squared error of [B, C, T, h, w], weighted by clip [B] and by frame [B, T]."""
    error = (prediction.float() - target.float()).square().mean(dim=(1, 3, 4))
    return (error * weights * clip_weights[:, None]).mean()
