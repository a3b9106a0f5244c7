"""Stages as a user's own package would have them, with columns that the data contract does not know."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from vsd2m.core.schema import Column
from vsd2m.core.stage import Batch, Columns, Drop, StageConfig, StageSpec, StickerStage, TableResult, TableStage
from vsd2m.pipelines.engine.config import PipelineConfig
from vsd2m.pipelines.engine.plan import Plan, make_plan

MOOD = Column("mood", pa.string(), "how the number feels", in_json=True, in_samples=True)
MARKS = Column("marks", pa.list_(pa.string()), "every mark it has", in_json=True)
LUCK = Column("luck", pa.int64(), "how often it wins; None: not known", in_samples=True)
RATIOS = Column("ratios", pa.list_(pa.float32()), "its parts")
IS_ROUND = Column("is_round", pa.bool_(), "whether it ends in 0", in_json=True)
NOTE = Column("note", pa.string(), "for the run alone", published=False)


class MoodConfig(StageConfig):
    word: str = "glad"


class Mood(StickerStage[MoodConfig]):
    """Writes columns of every kind."""

    Config = MoodConfig

    @property
    def spec(self) -> StageSpec:
        return StageSpec("mood", 1, ("width",), columns=(MOOD, MARKS, LUCK, RATIOS, IS_ROUND, NOTE))

    def process(self, batch: Batch) -> list[Columns | Drop]:
        return [self._one(row["width"]) for row in batch.rows]

    def _one(self, number: int) -> Columns:
        return {
            "mood": f"{self.config.word} {number}",
            "marks": ["odd"] if number % 2 else [],
            "luck": number if number % 3 else None,
            "ratios": [number / 2],
            "is_round": number % 10 == 0,
            "note": "private",
        }


class Cheer(StickerStage[StageConfig]):
    """Reads an own column of another stage, and drops by it."""

    @property
    def spec(self) -> StageSpec:
        return StageSpec("cheer", 1, ("mood", "is_round"), ("caption",))

    def process(self, batch: Batch) -> list[Columns | Drop]:
        return [Drop("round") if row["is_round"] else {"caption": row["mood"].upper()} for row in batch.rows]


class Halves(TableStage[StageConfig]):
    """Plans two shards."""

    @property
    def spec(self) -> StageSpec:
        return StageSpec("halves", 1, ("width",), ("split", "shard", "shard_index"))

    def process_table(self, table: pl.DataFrame) -> TableResult:
        rejects = {"key": pl.String, "reason": pl.String, "value": pl.Float64, "limit": pl.Float64, "detail": pl.String}
        half = pl.when(pl.col("width") < 20).then(pl.lit("vsd2m-train-000000")).otherwise(pl.lit("vsd2m-train-000001"))
        kept = table.sort("width").with_columns(split=pl.lit("train"), shard=half)
        kept = kept.with_columns(shard_index=pl.int_range(pl.len(), dtype=pl.Int32).over("shard"))
        return TableResult(kept, pl.DataFrame(schema=rejects))


class Declares(StickerStage[StageConfig]):
    """Something that is wrong, by `case`."""

    class Config(StageConfig):
        case: str = ""

    @property
    def spec(self) -> StageSpec:
        columns = {
            "another type": (replace(MOOD, type=pa.int32()),),
            "another meaning": (replace(MOOD, description="something else"),),
            "other flags": (replace(MOOD, in_json=False),),
            "the same": (MOOD,),
            "of the contract": (Column("width", pa.string(), "in words"),),
            "reserved": (Column("key", pa.string(), "mine"),),
            "no description": (Column("mine", pa.string(), " "),),
            "nested": (Column("mine", pa.struct({"a": pa.int32()}), "nested"),),
            "hidden": (Column("mine", pa.string(), "hidden", in_json=True, published=False),),
            "nothing": (),
        }[self.config.case]
        writes = ("mine",) if self.config.case == "nothing" else ()
        return StageSpec("declares", 1, ("width",), writes, columns=columns)

    def process(self, batch: Batch) -> list[Columns | Drop]:
        return [{"mood": "other"} for _ in batch.rows]


class Forgetful(TableStage[StageConfig]):
    """Does not return what it says it writes."""

    @property
    def spec(self) -> StageSpec:
        return StageSpec("forgetful", 1, ("width",), columns=(MOOD,))

    def process_table(self, table: pl.DataFrame) -> TableResult:
        return TableResult(table.select("key"), table.select("key").clear())


def own_plan(folder: Path, **stages: dict[str, Any] | None) -> Plan:
    """Numbers and further stages."""
    numbers = {name: {"stage": f"fake_stages:{name.title()}"} for name in ("source", "catalog", "measure")}
    return make_plan(PipelineConfig(run=str(folder), partition_size=9, stages={**numbers, **stages}))


def whole_plan(folder: Path, word: str = "glad") -> Plan:
    """Numbers, own columns, two shards and what is published beside them."""
    return own_plan(
        folder,
        mood={"stage": "own_stages:Mood", "word": word},
        cheer={"stage": "own_stages:Cheer"},
        halves={"stage": "own_stages:Halves"},
        shard=None,
        stats=None,
    )
