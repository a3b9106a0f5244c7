"""The describe stage: what a sticker shows and how it moves, in words."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
from pydantic import Field

from vsd2m.annotate.describers import ChosenDescriber, make_describer
from vsd2m.annotate.describers.base import Sighting
from vsd2m.core.schema import Column
from vsd2m.core.stage import Batch, Columns, Drop, Resources, StageConfig, StageSpec, StickerStage
from vsd2m.media.decode import decode

COLUMNS = (
    Column("description", pa.string(), "static and dynamic features in words", in_json=True, in_samples=True),
    Column(
        "description_source", pa.string(), "what wrote the description: a model's name, or `measured`", in_json=True
    ),
)


class DescribeConfig(StageConfig):
    """Which describer writes, and with what options."""

    describer: ChosenDescriber = Field(
        default="measured", validate_default=True, description="the describer and its options"
    )


class DescribeStage(StickerStage[DescribeConfig]):
    """Writes `description` and `description_source`."""

    Config = DescribeConfig

    def __init__(self, config: DescribeConfig) -> None:
        super().__init__(config)
        self._describer = make_describer(config.describer)

    @property
    def spec(self) -> StageSpec:
        return StageSpec(
            name="describe",
            version=1,
            reads=self._describer.reads,
            columns=COLUMNS,
            reads_media=True,
            batch_size=32,
            resources=Resources(num_cpus=1, num_gpus=self.config.describer.num_gpus),
        )

    def model_versions(self) -> dict[str, str]:
        return self._describer.model_versions()

    def packages(self) -> Mapping[str, str]:
        return self._describer.packages()

    def missing(self) -> list[str]:
        return self._describer.missing()

    def seconds_per_sticker(self) -> float:
        return 0.08

    def setup(self) -> None:
        self._describer.start(num_threads=self.spec.resources.num_cpus)

    def process(self, batch: Batch) -> list[Columns | Drop]:
        sightings = []
        for row, data in zip(batch.rows, batch.media, strict=True):
            clip = decode(data)
            columns = {name: row[name] for name in self._describer.reads}
            sightings.append(Sighting(clip.frames, np.asarray(clip.played_durations_ms, np.int32), columns))
        source = self._describer.source
        return [
            {"description": description, "description_source": source}
            for description in self._describer.describe(sightings)
        ]
