"""Which weights a local engine loads: a packaged model, a path, or a model of the hub at a pinned commit."""

import hashlib
import os
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from vsd2m.annotate.engines.packaged import PACKAGED_MODELS, converted_folder, missing_weights
from vsd2m.core.errors import EngineError
from vsd2m.core.file_digest import file_sha256
from vsd2m.core.stage import StageConfig, neutral

_WEIGHTS = (".safetensors", ".bin", ".gguf", "config.json", "tokenizer.json", "tokenizer.model")


class ModelReference(StageConfig):
    """The fields that name a model, for the configs of engines that load one themselves."""

    model: str = Field(
        default="smollm2-135m-instruct",
        description="a packaged model (smollm2-135m-instruct, gemma3-270m), a folder or .gguf file (a path that starts "
        "with /, ./, ../ or ~), or a name on the hub",
        min_length=1,
    )
    revision: str | None = Field(
        default=None,
        description="commit of the hub's model, 40 hex digits; needed for hub models",
        pattern="^[0-9a-f]{40}$",
    )

    @model_validator(mode="after")
    def _hub_models_are_pinned(self) -> "ModelReference":
        if not self.is_path and self.model not in PACKAGED_MODELS and self.revision is None:
            raise ValueError(
                f"model {self.model!r} is neither packaged ({', '.join(sorted(PACKAGED_MODELS))}) nor a path, so it is "
                "treated as a model of the hub, which needs `revision`: the commit's 40 hex digits"
            )
        return self

    @property
    def is_path(self) -> bool:
        return self.model.startswith(("/", "./", "../", "~"))

    @property
    def short_name(self) -> str:
        return Path(self.model).name if self.is_path else self.model

    def versions(self) -> dict[str, str]:
        """Name -> digest or commit, without loading the model; `EngineError` if a path does not exist."""
        if self.model in PACKAGED_MODELS:
            return {self.model: f"sha256:{PACKAGED_MODELS[self.model].sha256}"}
        if self.is_path:
            return {self.short_name: f"sha256:{_digest(existing_path(self.model))}"}
        return {self.model: f"revision:{self.revision}"}

    def missing(self) -> list[str]:
        """A sentence if weights are missing on this machine; models of the hub are not checked."""
        if self.model in PACKAGED_MODELS:
            return missing_weights(self.model)
        try:
            if self.is_path:
                existing_path(self.model)
        except EngineError as error:
            return [str(error)]
        return []

    def location(self) -> str:
        """What to hand to a loader: an absolute path, or the hub's name. Converts a packaged model on first use."""
        if self.model in PACKAGED_MODELS:
            return str(converted_folder(self.model))
        return str(existing_path(self.model)) if self.is_path else self.model


class OnDevice(StageConfig):
    """The device on which a torch model runs in this process."""

    device: str = neutral("cpu", description="cpu, mps, cuda or cuda:N", pattern=r"^(cpu|mps|cuda(:\d+)?)$")

    @property
    def num_gpus(self) -> float:
        """GPUs per worker."""
        return float(self.device.startswith("cuda"))


class WithPrecision(OnDevice):
    """The device and the precision. A device changes the outputs only if it changes the precision."""

    dtype: Literal["auto", "bfloat16", "float16", "float32"] = Field(
        default="auto",
        description="precision of the computation; auto: float32 on a CPU (on many of them a lower one takes several "
        "times as long), else bfloat16",
    )

    def output_fields(self) -> dict[str, Any]:
        return {**super().output_fields(), "dtype": self.precision}

    @property
    def precision(self) -> str:
        """The name of the torch type."""
        if self.dtype != "auto":
            return self.dtype
        return "float32" if self.device == "cpu" else "bfloat16"


def existing_path(model: str) -> Path:
    """The absolute path of a model on disk; `EngineError` if there is none."""
    path = Path(model).expanduser().absolute()
    if not path.exists():
        raise EngineError(f"no model at {path}: give a folder with config.json and weights, or a .gguf file")
    return path


def one_line(error: Exception) -> str:
    """An error's message in one line of at most 300 characters."""
    return (" ".join(str(error).split()) or type(error).__name__)[:300]


def _digest(path: Path) -> str:
    files = [path] if path.is_file() else sorted(file for file in path.iterdir() if file.name.endswith(_WEIGHTS))
    facts = [(file.name, _file_digest(str(file), os.stat(file).st_size, os.stat(file).st_mtime_ns)) for file in files]
    return hashlib.sha256(repr(facts).encode()).hexdigest()


@cache
def _file_digest(path: str, size: int, mtime_ns: int) -> str:
    del size, mtime_ns  # part of the cache's key alone
    return file_sha256(path)
