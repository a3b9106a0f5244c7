"""The interface of describers: vision-language models, or measurements instead of one."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from vsd2m.core.stage import StageConfig


@dataclass(frozen=True)
class Sighting:
    """The input of a describer: straight-alpha RGBA frames uint8 [T, H, W, 4], how long each is shown, and the
    sticker's `columns` from earlier stages (those that the describer `reads`)."""

    frames: NDArray[np.uint8]
    durations_ms: NDArray[np.int32]
    columns: dict[str, Any]


class DescriberConfig(StageConfig):
    """Base of every describer's config, which is part of the describe stage's config."""

    describer: str = Field(description="the describer's registry name, or `module:Class` of your own")

    @property
    def num_gpus(self) -> float:
        """GPUs per worker: none, unless the describer's config says otherwise."""
        return 0.0


C = TypeVar("C", bound=DescriberConfig)


class Describer(ABC, Generic[C]):
    """Writes one description per sticker, its static part first. Construction is cheap; `start` loads models."""

    Config: ClassVar[type[DescriberConfig]] = DescriberConfig

    reads: tuple[str, ...] = ()
    """The columns in `Sighting.columns`."""

    def __init__(self, config: C) -> None:
        self.config = config

    @property
    @abstractmethod
    def source(self) -> str:
        """The value of `description_source`."""

    @abstractmethod
    def model_versions(self) -> dict[str, str]:
        """Digests of the models, available without loading them."""

    def packages(self) -> Mapping[str, str]:
        """Module -> dependency group, of the optional packages it imports."""
        return {}

    def missing(self) -> list[str]:
        """Sentences about weights that this machine lacks."""
        return []

    @abstractmethod
    def start(self, *, num_threads: int) -> None:
        """Loads the models."""

    @abstractmethod
    def describe(self, sightings: Sequence[Sighting]) -> list[str]:
        """One description per sighting; each depends only on its sighting."""
