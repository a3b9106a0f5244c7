"""The near-duplicate stage: keeps one sticker of each group of perceptually equal ones and rejects the others."""

from typing import ClassVar

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
from pydantic import Field

from vsd2m.core.schema import Column
from vsd2m.core.stage import Resources, StageConfig, StageSpec, TableResult, TableStage
from vsd2m.filter.duplicates.signatures import matrix

QUALITY = ("width", "height", "num_distinct_frames", "num_bytes")


COLUMNS = (
    Column("duplicate_group", pa.string(), "key of the group's winner", in_json=True),
    Column("duplicate_group_size", pa.int32(), "stickers in the group, including the winner"),
)


class NearDuplicatesConfig(StageConfig):
    """The limit of similarity between stickers that are both kept."""

    max_distance: float = Field(
        0.75, gt=0, le=4, description="greatest distance of a near duplicate to its group's winner (inclusive)"
    )


class NearDuplicatesStage(TableStage[NearDuplicatesConfig]):
    """Groups near duplicates and keeps each group's best sticker: most pixels, then most distinct frames, then
    most bytes, then the smallest key. Every reject is within `max_distance` of its winner. A still
    picture is never a duplicate of an animation, or vice versa."""

    Config: ClassVar[type[StageConfig]] = NearDuplicatesConfig

    @property
    def spec(self) -> StageSpec:
        return StageSpec(
            name="near_duplicates",
            version=3,
            reads=("fingerprint", *QUALITY),
            columns=COLUMNS,
            resources=Resources(num_cpus=2),
        )

    def seconds_per_sticker(self) -> float:
        return 4e-5

    def process_table(self, table: pl.DataFrame) -> TableResult:
        from vsd2m.filter.duplicates.groups import group

        words, lines = matrix(table["fingerprint"])
        is_still = (table["num_distinct_frames"] == 1).to_numpy()
        grouping = group(
            words,
            preference(table)[lines],
            self.config.max_distance,
            is_still=is_still[lines],
            num_threads=self.spec.resources.num_cpus,
        )
        winner, distance = np.arange(len(table)), np.zeros(len(table))
        winner[lines], distance[lines] = lines[grouping.winner], grouping.distance
        outcomes = table.select("key").with_columns(
            duplicate_group=table["key"].gather(winner),
            duplicate_group_size=pl.Series(np.bincount(winner, minlength=len(table))[winner], dtype=pl.Int32),
            value=pl.Series(distance, dtype=pl.Float64).round(4),
        )
        is_winner = pl.col("key") == pl.col("duplicate_group")
        winners = outcomes.filter(is_winner).select("key", "duplicate_group", "duplicate_group_size")
        rejects = outcomes.filter(~is_winner).select(
            "key",
            "value",
            reason=pl.lit("near_duplicate"),
            limit=pl.lit(self.config.max_distance, pl.Float64),
            detail=pl.col("duplicate_group"),
        )
        return TableResult(winners, rejects.select("key", "reason", "value", "limit", "detail"))


def preference(table: pl.DataFrame) -> npt.NDArray[np.int64]:
    """Each sticker's position, the best first; it depends on content, not on the order of the rows."""
    order = table.select(
        "key", "num_distinct_frames", "num_bytes", pixels=pl.col("width").cast(pl.Int64) * pl.col("height")
    ).with_row_index("row")
    by = ["pixels", "num_distinct_frames", "num_bytes", "key"]
    ranked = order.sort(by, descending=[True, True, True, False])["row"].to_numpy()
    place = np.empty(len(table), np.int64)
    place[ranked] = np.arange(len(table))
    return place
