"""Handles losses, gradients and weights that are not finite.

Letters: P processes, M micro-batches of a step.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import torch
from torch.distributed.tensor import DTensor

MAX_NAMED = 16


class StepOutcome(NamedTuple):
    """The outcome of a step, the same in all processes. `suspects` are the (process, micro-batch) pairs that may be the
    cause, empty if loss and gradient are finite."""

    loss: float
    gradient_norm: float
    suspects: list[tuple[int, int]]

    @property
    def reason(self) -> str:
        """The quantity that is not finite."""
        return "gradient" if math.isfinite(self.loss) else "loss"


def gather_outcome(accelerator: Any, losses: Sequence[torch.Tensor], gradient_norm: Any) -> StepOutcome:
    """The outcome of a step from its losses, one per micro-batch, and the norm of the gradient; all processes call it.

    A loss that is not finite identifies its micro-batch. A gradient is the sum over all of them and identifies none.
    """
    if isinstance(gradient_norm, DTensor):
        gradient_norm = gradient_norm.full_tensor()
    row = torch.stack([*losses, gradient_norm.to(losses[0])]).float()
    table = accelerator.gather(row[None]).cpu()
    finite = table.isfinite()
    suspects: list[tuple[int, int]] = []
    if not finite.all():
        blamed = ~finite[:, :-1] if not finite[:, :-1].all() else torch.ones_like(finite[:, :-1])
        suspects = [(int(process), int(micro)) for process, micro in blamed.nonzero()]
    return StepOutcome(float(table[:, :-1].mean()), float(table[:, -1].max()), suspects)


def all_finite(accelerator: Any, tensors: Iterable[torch.Tensor]) -> bool:
    """Whether every number of `tensors` is finite, in all processes; all of them call it."""
    local_tensors = [tensor.to_local() if isinstance(tensor, DTensor) else tensor for tensor in tensors]
    bad = [~tensor.isfinite().all() for tensor in local_tensors if tensor.is_floating_point()]
    count = torch.stack([flag.to(accelerator.device) for flag in bad]).sum().float()
    return float(accelerator.reduce(count, reduction="sum")) == 0


def lower_scale(scaler: Any) -> None:
    """Lowers the loss scale of fp16 as after an overflow, by the same factor in every process."""
    scaler.update(scaler.get_scale() * scaler.get_backoff_factor())


def name_stickers(keys: Sequence[str]) -> str:
    """The first keys as text, and the number of the others."""
    rest = f" and {len(keys) - MAX_NAMED} more" if len(keys) > MAX_NAMED else ""
    return ", ".join(keys[:MAX_NAMED]) + rest
