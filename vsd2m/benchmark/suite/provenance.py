"""Where judged stickers come from, and what they cost."""

from collections import Counter
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from platform import python_version
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from vsd2m import __version__
from vsd2m.benchmark.suite.clips import FileClip
from vsd2m.core.commit import digest
from vsd2m.core.errors import ConfigError

COST = "cost.json"
_PACKAGES = ("numpy", "torch", "torchvision", "timm", "transformers", "diffusers", "scipy", "av", "pillow", "paddleocr")


class Cost(BaseModel):
    """What a sticker cost its generator: the content of `cost.json` in a folder of outputs. Other keys are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    seconds_per_sample: float = Field(gt=0, description="wall clock of one sticker, without loading the model")
    num_parameters: int | None = Field(None, gt=0, description="of everything that runs: denoiser, text encoder, VAE")
    peak_memory_bytes: int | None = Field(None, gt=0, description="most memory the device held at once")
    device: str = Field("not stated", description="what it ran on, such as `NVIDIA V100`")
    num_samples: int | None = Field(None, gt=0, description="stickers that were timed")


class Origin(BaseModel):
    """What made a folder of stickers. A folder from elsewhere has no checkpoint."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    outputs: str = Field(default="", description="the folder; relative to the results if it lies below them")
    outputs_digest: str = Field(default="", description="of every file and its prompt")
    formats: dict[str, int] = Field(
        default={}, description="suffix -> number of files: GIF and MP4 lose colours, PNG does not"
    )
    series: str | None = Field(default=None, description="the training run, for several checkpoints of one")
    step: int | None = Field(default=None, ge=0, description="training steps of the checkpoint")
    checkpoint: str | None = Field(default=None, description="the generator's folder")
    weights_digest: str | None = Field(default=None, description="of the generator's files")
    sampling: dict[str, Any] | None = Field(default=None, description="how it was sampled")


def describe_outputs(origin: Origin | None, folder: Path, clips: Sequence[FileClip], results: Path | None) -> Origin:
    """`origin`, if anything is known of it, with what can be seen of the folder itself."""
    whole = folder.resolve()
    below = results is not None and whole.is_relative_to(results.resolve())
    formats = Counter(clip.path.suffix.lower().removeprefix(".") for clip in clips)
    seen = {
        "outputs": str(whole.relative_to(results.resolve())) if below and results else str(whole),
        "outputs_digest": digest([[clip.name, clip.key, clip.prompt] for clip in clips])[:16],
        "formats": dict(sorted(formats.items())),
    }
    return (origin or Origin()).model_copy(update=seen)


def read_cost(folder: Path) -> Cost | None:
    """The `cost.json` in a folder of outputs, or of its parts as one; None if there is none.

    Seconds are averaged over the stickers timed, memory is the most of all. `ConfigError` for a file that is no cost.
    """
    costs = [_read_cost(path) for path in sorted(folder.rglob(COST))]
    if not costs:
        return None
    counts = [cost.num_samples or 1 for cost in costs]
    seconds = sum(cost.seconds_per_sample * count for cost, count in zip(costs, counts, strict=True)) / sum(counts)
    return Cost(
        seconds_per_sample=seconds,
        num_parameters=_most(cost.num_parameters for cost in costs),
        peak_memory_bytes=_most(cost.peak_memory_bytes for cost in costs),
        device=", ".join(dict.fromkeys(cost.device for cost in costs)),
        num_samples=sum(counts) if all(cost.num_samples for cost in costs) else None,
    )


def installed_versions() -> dict[str, str]:
    """Of this package, Python, and the libraries that numbers depend on."""
    found = {"vsd2m": __version__, "python": python_version()}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def _read_cost(path: Path) -> Cost:
    try:
        return Cost.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigError(f"{path}: {'.'.join(map(str, first['loc'])) or 'content'}: {first['msg']}") from error


def _most(values: Any) -> int | None:
    return max((value for value in values if value is not None), default=None)
