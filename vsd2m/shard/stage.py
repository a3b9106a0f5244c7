"""Packs stickers into WebDataset tars, one partition per shard, with the columns as Parquet next to each."""

from collections.abc import Iterator, Sequence
from typing import Any

import polars as pl
import pyarrow as pa

from vsd2m.core.commit import digest
from vsd2m.core.errors import StorageError
from vsd2m.core.keys import sticker_key
from vsd2m.core.run import Run
from vsd2m.core.schema import MEDIA_COLUMNS, Column
from vsd2m.core.stage import FileResult, FileStage, StageConfig, StageSpec
from vsd2m.shard.columns import PLAN, json_columns, json_facts, layout_of, parquet_schema, published_columns
from vsd2m.shard.sticker_text import sticker_text
from vsd2m.shard.writer import MEDIA_OFFSET, ShardSample, tar_index, write_tar

FOLDER = "shards"


COLUMNS = (Column("tar_offset", pa.int64(), "offset of the media bytes in the shard's tar"),)


class ShardConfig(StageConfig):
    """No options: the split stage plans the content of the shards."""


class ShardStage(FileStage[ShardConfig]):
    """Writes `shards/NAME.tar`, its index `NAME.tar.idx`, and `NAME.parquet`, for every shard of the plan."""

    Config = ShardConfig
    folders = (FOLDER,)
    _plan: "_Plan | None" = None

    @property
    def spec(self) -> StageSpec:
        return StageSpec("shard", version=2, reads=(*PLAN, *MEDIA_COLUMNS), columns=COLUMNS, reads_media=True)

    def num_partitions(self, run: Run) -> int:
        """How many shards the split stage planned; reads the plan again."""
        self._plan = None
        return len(self._read_plan(run).shards)

    def input_digest(self, run: Run, partition: int) -> str:
        """Digest of the rows of this shard only: changes of other shards do not affect it."""
        plan = self._read_plan(run)
        # The location of the bytes is not an input, the key identifies them.
        rows = plan.rows(partition).drop("media_tar", "media_offset")
        described = [run.schema[name].to_json() for name in plan.columns]
        return digest([described, [list(row) for row in rows.iter_rows()]])

    def write_partition(self, run: Run, partition: int) -> FileResult:
        plan = self._read_plan(run)
        rows = plan.rows(partition).to_dicts()
        tar, index, parquet = (
            f"{FOLDER}/{plan.shards[partition]}.{suffix}" for suffix in ("tar", "tar.idx", "parquet")
        )
        with run.store.open_write(tar) as file:
            offsets = write_tar(file, _samples(run, rows, plan.columns))
        run.store.write_bytes(index, tar_index(offsets))
        table = [{**row, "tar_offset": start + MEDIA_OFFSET} for row, start in zip(rows, offsets, strict=False)]
        schema = parquet_schema((*plan.columns, "tar_offset"), run.schema)
        run.write_table(parquet, pa.Table.from_pylist(table, schema=schema))
        kept_rows = [{"key": row["key"], "tar_offset": row["tar_offset"]} for row in table]
        return FileResult(num_read=len(rows), kept=kept_rows, files=[tar, index, parquet])

    def _read_plan(self, run: Run) -> "_Plan":
        if self._plan is None or self._plan.run is not run:
            self._plan = _Plan(run)
        return self._plan


class _Plan:
    """The columns of all stickers to be packed, by shard."""

    def __init__(self, run: Run) -> None:
        self.run = run
        before = layout_of(run, "shard").name
        self.columns = published_columns(run, before)
        columns_to_read = tuple(dict.fromkeys((*self.columns, *MEDIA_COLUMNS)))
        self._frame = run.frame(columns_to_read, before=before).drop("partition").sort("shard", "shard_index")
        counts = self._frame.group_by("shard", maintain_order=True).len()
        self.shards: list[str] = counts["shard"].to_list()
        self._ends: list[int] = counts["len"].cum_sum().to_list()

    def rows(self, partition: int) -> pl.DataFrame:
        start = self._ends[partition - 1] if partition else 0
        return self._frame[start : self._ends[partition]]


def _samples(run: Run, rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> Iterator[ShardSample]:
    names = json_columns(columns, run.schema)
    for row in rows:
        media = run.store.read_range(row["media_tar"], row["media_offset"], row["num_bytes"])
        if sticker_key(media) != row["key"]:
            raise StorageError(
                f"{run.store.path(row['media_tar'])}: the bytes at {row['media_offset']} do not belong to sticker "
                f"{row['key']}; the file was changed or damaged, delete it and run the crawl again"
            )
        yield ShardSample(row["key"], media, json_facts(row, names, run.schema), sticker_text(row))
