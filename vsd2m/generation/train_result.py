"""What a training says while it runs, and what it leaves behind. No torch here."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

OnStep = Callable[[int, int, float], None]
"""`(step, num_steps, loss)`, after every step."""


@dataclass(frozen=True)
class TrainResult:
    """What a training run left behind. `losses` has one entry per step, those of resumed runs and of skipped steps
    included."""

    checkpoint: Path
    losses: list[float]
    num_steps: int
    num_clips: int
    num_parameters: int
    num_trained_parameters: int
    num_captions_truncated: int
    num_skipped_steps: int
