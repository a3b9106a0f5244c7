"""The codebook of a VQ-VAE (arXiv 1711.00937), updated by moving averages; unused codes are reinitialised.

Letters: B batch, D channels of a code, K codes, N vectors of a batch, t, h, w the grid of codes.
"""

from typing import NamedTuple

import torch
from torch import distributed, nn
from torch.nn import functional

EPSILON = 1e-5


class Quantised(NamedTuple):
    """`codes` [B, t, h, w]; `latents` [B, D, t, h, w], the codes' vectors, with straight-through gradients to
    the encoder; `commitment` the mean squared distance between the two; `perplexity` the effective number of codes in
    the batch."""

    codes: torch.Tensor
    latents: torch.Tensor
    commitment: torch.Tensor
    perplexity: torch.Tensor


class Codebook(nn.Module):  # type: ignore[misc]
    """K vectors that follow the encoder's outputs (section 2.1 of arXiv 2104.10157).

    The first batch in training initialises them. A code whose moving count of uses falls below `restart_below` is
    reset to a random output of the batch. All processes of a training have equal codebooks.
    """

    def __init__(self, num_codes: int, dim: int, *, decay: float = 0.99, restart_below: float = 1.0) -> None:
        super().__init__()
        self.decay = decay
        self.restart_below = restart_below
        self.register_buffer("vectors", torch.randn(num_codes, dim))
        self.register_buffer("counts", torch.zeros(num_codes))
        self.register_buffer("sums", torch.zeros(num_codes, dim))
        self.register_buffer("started", torch.zeros(()))

    def forward(self, encoded: torch.Tensor) -> Quantised:
        with torch.autocast(encoded.device.type, enabled=False):
            encoded = encoded.float()
            flat = encoded.movedim(1, -1).flatten(0, -2)
            if self.training and not self.started:
                self._start(flat.detach())
            codes = self.nearest(flat)
            grid = codes.unflatten(0, (len(encoded), *encoded.shape[2:]))
            vectors = self.look_up(grid)
            if self.training:
                self._follow(flat.detach(), codes)
            straight = encoded + (vectors - encoded).detach()
            commitment = functional.mse_loss(encoded, vectors.detach())
        return Quantised(grid, straight, commitment, self._perplexity(codes))

    def nearest(self, flat: torch.Tensor) -> torch.Tensor:
        """The nearest code of every vector, [N, D] -> [N]."""
        # without the square of the vector, which is the same for all codes
        distances = self.vectors.square().sum(1) - 2 * flat @ self.vectors.T
        return distances.argmin(dim=1)

    def look_up(self, codes: torch.Tensor) -> torch.Tensor:
        """[B, t, h, w] -> the codes' vectors [B, D, t, h, w]."""
        return functional.embedding(codes, self.vectors).movedim(-1, 1)

    def _start(self, flat: torch.Tensor) -> None:
        self.vectors.copy_(self._random_outputs(flat))
        self.sums.copy_(self.vectors)
        self.counts.fill_(1)
        self.started.fill_(1)

    def _follow(self, flat: torch.Tensor, codes: torch.Tensor) -> None:
        """Moves every code towards the mean of its nearest vectors; reinitialises unused codes."""
        uses = torch.bincount(codes, minlength=len(self.counts)).to(flat.dtype)
        sums = torch.zeros_like(self.sums).index_add_(0, codes, flat)
        for value in (uses, sums):
            if _is_distributed():
                distributed.all_reduce(value)
        self.counts.lerp_(uses, 1 - self.decay)
        self.sums.lerp_(sums, 1 - self.decay)
        unused = self.counts < self.restart_below
        fresh = self._random_outputs(flat)
        self.sums[unused] = fresh[unused]
        self.counts[unused] = 1
        self.vectors.copy_(self.sums / self.counts.clamp(min=EPSILON)[:, None])

    def _random_outputs(self, flat: torch.Tensor) -> torch.Tensor:
        """K vectors of the batch, with a little noise if there are fewer; the same in every process."""
        num_codes = len(self.counts)
        order = torch.randperm(len(flat), device=flat.device)
        chosen = flat[order.repeat(-(-num_codes // len(flat)))[:num_codes]]
        if num_codes > len(flat):
            chosen = chosen + 0.01 * flat.std() * torch.randn_like(chosen)
        if _is_distributed():
            distributed.broadcast(chosen, 0)
        return chosen

    def _perplexity(self, codes: torch.Tensor) -> torch.Tensor:
        shares = torch.bincount(codes, minlength=len(self.counts)).float() / len(codes)
        return torch.exp(-(shares * (shares + 1e-10).log()).sum())


def _is_distributed() -> bool:
    return bool(distributed.is_available() and distributed.is_initialized())
