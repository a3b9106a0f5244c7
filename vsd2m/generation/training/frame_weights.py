"""The loss weights of a clip's frames. Letters: B batch, T frames."""

import torch


def frame_weights(mask: torch.Tensor, fill_weight: float) -> torch.Tensor:
    """Weights [B, T] with mean 1 over each clip: 1 for a sticker's frames, `fill_weight` for repeated ones (before
    normalisation)."""
    weights = torch.where(mask, 1.0, fill_weight)
    return weights / weights.mean(dim=1, keepdim=True)
