"""What a generator brings to the trainer: a module, its loss, and the pipeline that is saved."""

from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn


class Objective(Protocol):
    """One thing to train. Its loss draws from torch's global generator, which the loop seeds for every step."""

    pipeline: Any
    keys: list[str]
    shard_blocks: tuple[str, ...]
    gates: tuple[str, ...]
    """Names, without those of the modules around them, of parameters that are trained at `gate_learning_rate`."""

    def module_of(self, pipeline: Any) -> nn.Module:
        """The module that is trained, made of a pipeline's parts; those without gradients stay as they are."""

    def loss(self, model: nn.Module, indices: NDArray[np.int64], device: torch.device) -> torch.Tensor:
        """The mean loss of the clips at `indices`; `model` is `module_of(pipeline)`, wrapped."""

    def save(self, pipeline: Any, folder: Path) -> None:
        """Writes the pipeline into a fresh folder."""
