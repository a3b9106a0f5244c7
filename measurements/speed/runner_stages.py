"""Stages that do next to nothing, or sleep: what is left of a run's time is the runner's own."""

import time

import polars as pl
import pyarrow as pa

from vsd2m.core.commit import digest
from vsd2m.core.keys import sticker_key
from vsd2m.core.run import Run
from vsd2m.core.schema import Column
from vsd2m.core.stage import (
    Batch,
    Columns,
    Drop,
    FileResult,
    FileStage,
    Resources,
    StageConfig,
    StageSpec,
    StickerStage,
    TableResult,
    TableStage,
)
from vsd2m.pipelines.engine.config import PipelineConfig
from vsd2m.pipelines.engine.plan import Plan, make_plan

MEDIA = ("media_tar", "media_offset", "num_bytes")
REJECTS = {"key": pl.String, "reason": pl.String, "value": pl.Float64, "limit": pl.Float64, "detail": pl.String}


class NumbersConfig(StageConfig):
    num_stickers: int = 40


class Numbers(FileStage[NumbersConfig]):
    """Numbers as stickers, without media."""

    Config = NumbersConfig

    @property
    def spec(self) -> StageSpec:
        return StageSpec("numbers", 1, (), ("url", *MEDIA, "trigger_word"))

    def num_partitions(self, run: Run) -> int:
        return 1

    def input_digest(self, run: Run, partition: int) -> str:
        return digest([self.config.num_stickers])

    def write_partition(self, run: Run, partition: int) -> FileResult:
        nowhere = {"media_tar": "", "media_offset": 0, "num_bytes": 0, "trigger_word": "number"}
        rows = [
            {"key": sticker_key(str(number).encode()), "url": f"memory://{number}", **nowhere}
            for number in range(self.config.num_stickers)
        ]
        return FileResult(num_read=len(rows), kept=rows)


class Catalog(TableStage[StageConfig]):
    """The root."""

    @property
    def spec(self) -> StageSpec:
        return StageSpec("catalog", 1, ("url", *MEDIA), ("urls", *MEDIA))

    def process_table(self, table: pl.DataFrame) -> TableResult:
        kept_rows = table.with_columns(urls=pl.concat_list("url")).select("key", "urls", *MEDIA)
        return TableResult(kept_rows, pl.DataFrame(schema=REJECTS))


class SleepConfig(StageConfig):
    column: str
    seconds: float = 0.0
    num_gpus: float = 0.0
    reads: str = "urls"
    is_new: bool = False  # whether the column is declared here


class Sleep(StickerStage[SleepConfig]):
    """Sleeps once per batch, and writes a constant."""

    Config = SleepConfig

    @property
    def spec(self) -> StageSpec:
        resources = Resources(num_gpus=self.config.num_gpus)
        column = self.config.column
        columns = (Column(column, pa.float64(), "a constant"),) if self.config.is_new else ()
        return StageSpec("sleep", 1, (self.config.reads,), (column,), resources=resources, columns=columns)

    def process(self, batch: Batch) -> list[Columns | Drop]:
        time.sleep(self.config.seconds)
        return [{self.config.column: 1.0} for _ in batch.rows]


class GroupConfig(StageConfig):
    reads: str


class Group(TableStage[GroupConfig]):
    """Keeps every sticker."""

    Config = GroupConfig

    @property
    def spec(self) -> StageSpec:
        return StageSpec("group", 1, (self.config.reads,), ("duplicate_group_size",))

    def process_table(self, table: pl.DataFrame) -> TableResult:
        return TableResult(table.select("key", duplicate_group_size=pl.lit(1, pl.Int32)), pl.DataFrame(schema=REJECTS))


def sleeping_plan(folder: str, *, num_partitions: int, stages: dict[str, dict[str, object]]) -> Plan:
    """Partitions of one sticker through stages called as the columns that they write."""
    head = {
        "numbers": {"stage": "runner_stages:Numbers", "num_stickers": num_partitions},
        "catalog": {"stage": "runner_stages:Catalog"},
    }
    sleeping = {
        name: options if "stage" in options else {"stage": "runner_stages:Sleep", "column": name, **options}
        for name, options in stages.items()
    }
    return make_plan(PipelineConfig(run=folder, partition_size=1, stages={**head, **sleeping}))
