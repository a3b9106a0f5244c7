"""How much each frame of a clip counts in the loss. Letters: B batch, T frames."""

import torch


def frame_weights(mask: torch.Tensor, fill_weight: float) -> torch.Tensor:
    """Weights [B, T] with mean 1 over each clip: 1 for a sticker's own frames, `fill_weight` for filled ones."""
    weights = torch.where(mask, 1.0, fill_weight)
    return weights / weights.mean(dim=1, keepdim=True)
