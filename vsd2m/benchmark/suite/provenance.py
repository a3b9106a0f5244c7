"""The origin of evaluated stickers."""

from collections import Counter
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from platform import python_version
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from vsd2m import __version__
from vsd2m.benchmark.suite.clips import FileClip
from vsd2m.core.commit import digest

_PACKAGES = ("numpy", "torch", "torchvision", "timm", "transformers", "diffusers", "av", "pillow", "paddleocr")


class Origin(BaseModel):
    """The model and settings that generated a folder of stickers. A folder from elsewhere has no checkpoint."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    outputs: str = Field(default="", description="the folder; relative to the results if it is below them")
    outputs_digest: str = Field(default="", description="digest of every file and its prompt")
    formats: dict[str, int] = Field(
        default={}, description="suffix -> number of files: GIF and MP4 lose colours, PNG does not"
    )
    series: str | None = Field(default=None, description="the training run, for several checkpoints of one")
    step: int | None = Field(default=None, ge=0, description="training steps of the checkpoint")
    checkpoint: str | None = Field(default=None, description="the generator's folder")
    weights_digest: str | None = Field(default=None, description="digest of the generator's files")
    sampling: dict[str, Any] | None = Field(default=None, description="the sampling settings")


def describe_outputs(origin: Origin | None, folder: Path, clips: Sequence[FileClip], results: Path | None) -> Origin:
    """`origin` (if known), completed with facts about the folder."""
    whole = folder.resolve()
    below = results is not None and whole.is_relative_to(results.resolve())
    formats = Counter(clip.path.suffix.lower().removeprefix(".") for clip in clips)
    facts = {
        "outputs": str(whole.relative_to(results.resolve())) if below and results else str(whole),
        "outputs_digest": digest([[clip.name, clip.key, clip.prompt] for clip in clips])[:16],
        "formats": dict(sorted(formats.items())),
    }
    return (origin or Origin()).model_copy(update=facts)


def installed_versions() -> dict[str, str]:
    """Versions of this package, Python, and the libraries that affect the numbers."""
    versions = {"vsd2m": __version__, "python": python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return versions
