"""The near-duplicate stage: one sticker of each group of perceptually equal ones stays, the rest are rejects."""

from typing import ClassVar

import numpy as np
import polars as pl
from pydantic import Field

from vsd2m.core.stage import StageConfig, StageSpec, TableResult, TableStage
from vsd2m.filter.duplicates.groups import group
from vsd2m.filter.duplicates.signatures import signatures

QUALITY = ("width", "height", "num_distinct_frames", "num_bytes")


class NearDuplicatesConfig(StageConfig):
    """How alike two stickers may be and both stay."""

    max_distance: float = Field(
        0.1, ge=0, le=1, description="greatest distance of a near duplicate to its group's winner (inclusive)"
    )


class NearDuplicatesStage(TableStage[NearDuplicatesConfig]):
    """Groups near duplicates and keeps each group's best sticker: most pixels, then most distinct frames, then
    most bytes, then the smallest key. Every reject is within `max_distance` of the winner that stands for it."""

    Config: ClassVar[type[StageConfig]] = NearDuplicatesConfig

    @property
    def spec(self) -> StageSpec:
        return StageSpec(
            name="near_duplicates",
            version=1,
            reads=("fingerprint", *QUALITY),
            writes=("duplicate_group", "duplicate_group_size"),
        )

    def seconds_per_sticker(self) -> float:
        return 4e-5

    def process_table(self, table: pl.DataFrame) -> TableResult:
        ranked = table.with_row_index("row").sort(
            pl.col("width").cast(pl.Int64) * pl.col("height"),
            "num_distinct_frames",
            "num_bytes",
            "key",
            descending=[True, True, True, False],
        )
        found = group(signatures(ranked["fingerprint"]), self.config.max_distance)
        keys = ranked["key"].to_numpy()
        judged = ranked.select("row", "key").with_columns(
            duplicate_group=pl.Series(keys[found.winner]),
            duplicate_group_size=pl.Series(
                np.bincount(found.winner, minlength=len(keys))[found.winner], dtype=pl.Int32
            ),
            value=pl.Series(found.distance),
        )
        is_winner = pl.col("key") == pl.col("duplicate_group")
        judged = judged.sort("row")
        kept = judged.filter(is_winner).select("key", "duplicate_group", "duplicate_group_size")
        rejects = judged.filter(~is_winner).select(
            "key",
            reason=pl.lit("near_duplicate"),
            value=pl.col("value").round(6),
            limit=pl.lit(self.config.max_distance),
            detail=pl.col("duplicate_group"),
        )
        return TableResult(kept, rejects)
