"""The interface between generators and the trainer: a module, its loss, and the pipeline that is saved."""

from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn


class Objective(Protocol):
    """An objective of training. Its loss uses torch's global generator, which the loop seeds for every step."""

    pipeline: Any
    keys: list[str]
    shard_blocks: tuple[str, ...]
    gates: tuple[str, ...]
    """Names (without those of the parent modules) of parameters that are trained at `gate_learning_rate`."""

    def module_of(self, pipeline: Any) -> nn.Module:
        """The trained module, built from a pipeline's parts; parts without gradients stay unchanged."""

    def loss(self, model: nn.Module, indices: NDArray[np.int64], device: torch.device) -> torch.Tensor:
        """The mean loss of the clips at `indices`; `model` is `module_of(pipeline)`, wrapped."""

    def save(self, pipeline: Any, folder: Path) -> None:
        """Writes the pipeline to a new folder."""
