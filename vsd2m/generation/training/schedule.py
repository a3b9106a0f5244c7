"""The optimiser and its learning rates. A rate depends only on the step, so there is no state to resume."""

import math
from typing import Any

import torch

from vsd2m.generation.config import OptimizerConfig

GATE_GROUP = 2
"""The index of the group of gates, if there is one: after matrices and other parameters."""


def make_optimizer(parameters: list[Any], gates: list[Any], config: OptimizerConfig) -> torch.optim.Optimizer:
    """AdamW, without weight decay for scalars, biases, norms and `gates`."""
    matrices = [weight for weight in parameters if weight.ndim > 1]
    others = [weight for weight in parameters if weight.ndim <= 1]
    groups = [{"params": matrices, "weight_decay": config.weight_decay}, {"params": others, "weight_decay": 0.0}]
    if gates:
        groups.append({"params": gates, "weight_decay": 0.0})
    return torch.optim.AdamW(groups, lr=config.learning_rate, betas=(config.beta1, config.beta2))


def set_learning_rate(optimizer: Any, config: OptimizerConfig, share: float) -> None:
    """Sets the rate of every group to this share of its configured rate."""
    for number, group in enumerate(optimizer.param_groups):
        rate = config.gate_learning_rate if number == GATE_GROUP else None
        group["lr"] = share * (config.learning_rate if rate is None else rate)


def schedule_share(config: OptimizerConfig, step: int, num_steps: int) -> float:
    """The share of the configured rates: linear warm-up to 1, then 1, or down to 0 at `num_steps` by a cosine or a
    line."""
    if step < config.warmup_steps:
        return (step + 1) / config.warmup_steps
    if config.decay == "constant":
        return 1.0
    progress = (step - config.warmup_steps) / max(num_steps - config.warmup_steps, 1)
    return 1 - progress if config.decay == "linear" else (1 + math.cos(math.pi * progress)) / 2
