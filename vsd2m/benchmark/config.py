"""The config of a benchmark run."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from vsd2m.benchmark.metrics import METRICS, metric_class
from vsd2m.core.errors import ConfigError


class JudgingConfig(BaseModel):
    """The real stickers, and the metrics that compare others with them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    shards: str = Field(description="folder or URL of the shards with the real stickers")
    splits: tuple[str, ...] = Field(("vsd_r", "vsd_c"), min_length=1, description="splits the real stickers come from")
    metrics: tuple[str, ...] = Field(
        tuple(METRICS), min_length=1, description="metrics, by name or `module:Class`, in the table's order"
    )
    weights: dict[str, str] = Field({}, description="checkpoints that no package distributes: name -> path or hub id")
    num_frames: int = Field(
        8,
        ge=2,
        le=256,
        description="frames of every clip, real or generated, at equal steps of one loop",
    )
    size: int = Field(256, ge=16, le=1024, description="every clip is resized to a square of this side")
    max_real: int = Field(2048, ge=2, description="most real stickers; distances use half of them")
    training: Literal["apart", "joint", "other"] | None = Field(
        None,
        description="models trained on the tested domain alone, on both, or on another data set: they belong to the "
        "paper's Table 4, 7 or 5",
    )
    seed: int = Field(0, ge=0, description="seed of the bootstrap")

    @field_validator("metrics")
    @classmethod
    def _are_known(cls, metrics: tuple[str, ...]) -> tuple[str, ...]:
        try:
            for name in metrics:
                metric_class(name)
        except ConfigError as error:
            raise ValueError(str(error)) from error
        return metrics


class BenchmarkConfig(JudgingConfig):
    """The folders of stickers to evaluate, and how."""

    generated: dict[str, str] = Field(min_length=1, description="name of a model -> folder of its GIFs, WebPs or MP4s")
