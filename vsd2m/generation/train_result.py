"""The progress callback and the result of a training."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

OnStep = Callable[[int, int, float], None]
"""`(step, num_steps, loss)`, after every step."""


@dataclass(frozen=True)
class TrainResult:
    """The result of a training run. `losses` has one entry per step, including resumed runs and skipped steps."""

    checkpoint: Path
    losses: list[float]
    num_steps: int
    num_clips: int
    num_parameters: int
    num_trained_parameters: int
    num_captions_truncated: int
    num_skipped_steps: int
