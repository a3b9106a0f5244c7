"""Checkpoints: `checkpoint-000500` is a diffusers pipeline (averaged weights) with a training state.

A checkpoint is written atomically, by a rename. The state is one file, the same for one process and for many.
"""

import json
import math
import os
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from vsd2m.generation.training.progress_bars import no_progress_bars

_NAME = re.compile(r"checkpoint-(\d{6,})")
STATE = "training_state.pt"


def checkpoint_path(folder: Path, step: int) -> Path:
    """The path of the checkpoint after `step` steps."""
    return folder / f"checkpoint-{step:06d}"


def list_checkpoints(folder: Path) -> list[tuple[int, Path]]:
    """(step, path) of all checkpoints, the newest last."""
    matches = [(match, path) for path in folder.glob("checkpoint-*") if (match := _NAME.fullmatch(path.name))]
    return sorted((int(match[1]), path) for match, path in matches)


def write_checkpoint(path: Path, state: Mapping[str, Any], save: Callable[[Path], None]) -> None:
    """Writes the training state, and the pipeline by `save(folder)`, to `path`, replacing an existing checkpoint."""
    building = path.with_name(f".tmp-{path.name}")
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(parents=True)
    with no_progress_bars():
        save(building)
    torch.save(dict(state), building / STATE)
    shutil.rmtree(path, ignore_errors=True)
    os.replace(building, path)


def read_state(path: Path) -> dict[str, Any]:
    """The training state of a checkpoint, on the CPU."""
    state: dict[str, Any] = torch.load(path / STATE, map_location="cpu", weights_only=True)
    return state


def keep_last(folder: Path, count: int) -> None:
    """Deletes all but the newest `count` checkpoints."""
    for _, path in list_checkpoints(folder)[:-count]:
        shutil.rmtree(path)


def write_losses(path: Path, losses: Sequence[float], skipped: Sequence[Mapping[str, Any]]) -> None:
    """One JSON line per step; a skipped one has the reason and its stickers, and no loss if that is not finite."""
    reasons = {entry["step"]: {"skipped": entry["reason"], "stickers": entry["stickers"]} for entry in skipped}
    lines = [
        json.dumps({"step": step, "loss": round(loss, 6) if math.isfinite(loss) else None, **reasons.get(step, {})})
        for step, loss in enumerate(losses, start=1)
    ]
    path.write_text("\n".join(lines) + "\n")
