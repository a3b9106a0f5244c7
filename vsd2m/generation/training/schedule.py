"""The optimiser and its learning rate. A rate is a function of the step alone, so there is no state to resume."""

import math
from typing import Any

import torch

from vsd2m.generation.config import OptimizerConfig


def make_optimizer(parameters: list[Any], config: OptimizerConfig) -> torch.optim.Optimizer:
    """AdamW; scalars, biases and norms are not decayed."""
    matrices = [weight for weight in parameters if weight.ndim > 1]
    others = [weight for weight in parameters if weight.ndim <= 1]
    groups = [{"params": matrices, "weight_decay": config.weight_decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=config.learning_rate, betas=(config.beta1, config.beta2))


def set_learning_rate(optimizer: Any, rate: float) -> None:
    """Sets the rate of every group."""
    for group in optimizer.param_groups:
        group["lr"] = rate


def learning_rate(config: OptimizerConfig, step: int, num_steps: int) -> float:
    """Linear warm-up to the configured rate, then constant, or down to 0 at `num_steps` by a cosine or a line."""
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / config.warmup_steps
    if config.decay == "constant":
        return config.learning_rate
    progress = (step - config.warmup_steps) / max(num_steps - config.warmup_steps, 1)
    remaining = 1 - progress if config.decay == "linear" else (1 + math.cos(math.pi * progress)) / 2
    return config.learning_rate * remaining
