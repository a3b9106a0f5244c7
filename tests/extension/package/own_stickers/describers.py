"""Describes a sticker by its main colour."""

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from vsd2m.annotate.describers.base import Describer, DescriberConfig, Sighting


class ColourConfig(DescriberConfig):
    noun: str = Field("sticker", min_length=1, description="what it is called")


class ColourDescriber(Describer[ColourConfig]):
    """Reads a column of the package's own stage."""

    Config: ClassVar[type[DescriberConfig]] = ColourConfig
    reads = ("main_colour",)

    @property
    def source(self) -> str:
        return "own colours"

    def model_versions(self) -> dict[str, str]:
        return {}

    def start(self, *, num_threads: int) -> None:
        del num_threads

    def describe(self, sightings: Sequence[Sighting]) -> list[str]:
        return [f"A {self.config.noun} of {sighting.columns['main_colour']}." for sighting in sightings]
