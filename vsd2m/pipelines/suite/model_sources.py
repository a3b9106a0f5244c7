"""The models of a benchmark: a checkpoint, the folder of a training with several, or a folder of outputs."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from vsd2m.core.commit import digest
from vsd2m.core.errors import ConfigError, EngineError
from vsd2m.core.file_digest import file_sha256

Checkpoints = Literal["newest", "all"]
_STEP = re.compile(r"checkpoint-(\d+)")
_NOT_WEIGHTS = frozenset({"training_state.pt"})


@dataclass(frozen=True)
class ModelSource:
    """One row of a table: `checkpoint` generates the stickers, or they already exist in `outputs`."""

    name: str
    outputs: Path | None = None
    checkpoint: Path | None = None
    series: str | None = None
    step: int | None = None

    def weights_digest(self) -> str | None:
        """Digest of every file of the checkpoint that its stickers depend on."""
        if self.checkpoint is None:
            return None
        files = sorted(p for p in self.checkpoint.rglob("*") if p.is_file() and p.name not in _NOT_WEIGHTS)
        return digest({str(path.relative_to(self.checkpoint)): file_sha256(path) for path in files})[:16]


def model_sources(name: str, folder: str, checkpoints: Checkpoints) -> list[ModelSource]:
    """A folder of a training run gives its newest checkpoint or, as `NAME step N`, all of them by step.

    Any other folder is one of outputs. `ConfigError` if there is no such folder.
    """
    from vsd2m.generation.sampler import newest_checkpoint

    path_of_model = Path(folder)
    if not path_of_model.is_dir():
        raise ConfigError(f"model {name}: there is no folder {folder}; expected a checkpoint or a folder of stickers")
    try:
        newest = newest_checkpoint(path_of_model)
    except EngineError:
        return [ModelSource(name, outputs=path_of_model)]
    if checkpoints == "newest" or newest == path_of_model:
        return [ModelSource(name, checkpoint=newest, series=name, step=_step(newest))]
    steps = {step: path for path in path_of_model.glob("checkpoint-*") if (step := _step(path)) is not None}
    return [
        ModelSource(f"{name} step {step}", checkpoint=steps[step], series=name, step=step) for step in sorted(steps)
    ]


def _step(checkpoint: Path) -> int | None:
    match = _STEP.fullmatch(checkpoint.name)
    return int(match[1]) if match else None
