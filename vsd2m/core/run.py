"""A run's folder: which stages it has, what each has committed, and the columns they wrote.

Layout, per stage: `STAGE/part-000123.parquet` (new columns), `STAGE/rejects-000123.parquet`,
`STAGE/part-000123.json` (commit record; `STAGE/all.json` where a stage commits all partitions at once).
The stages from the first `TableStage` on form the chain: each one's rows are the survivors of the one before.
"""

import hashlib
import io
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import polars as pl
import pyarrow as pa

from vsd2m.core.commit import CommitRecord, OutputFile, digest
from vsd2m.core.errors import DamagedFileError, MissingFileError, StageError, StorageError
from vsd2m.core.known_records import KnownRecords
from vsd2m.core.parquet import parquet_bytes, read_parquet
from vsd2m.core.schema import REJECTS, Column, Schema
from vsd2m.core.storage import Store
from vsd2m.core.storage_faults import Retries

RUN_FILE = "run.json"
Kind = Literal["sticker", "table", "file"]

_RECORD_NAME = re.compile(r"part-\d+\.json|all\.json")


@dataclass(frozen=True)
class StageLayout:
    """One stage of the run: its name in the config, its registry name, its kind and the columns it writes."""

    name: str
    stage: str
    kind: Kind
    writes: tuple[str, ...]


@dataclass(frozen=True)
class Run:
    """A run's folder, its stages, in order, and the columns they may write."""

    store: Store
    layout: tuple[StageLayout, ...]
    schema: Schema = field(default_factory=dict)
    known: KnownRecords | None = field(default=None, compare=False, repr=False)

    @classmethod
    def open(cls, url: str, *, retries: Retries | None = None) -> "Run":
        """The run at `url`; `StorageError` if there is none."""
        store = Store(url, retries=retries)
        if not store.exists(RUN_FILE):
            raise StorageError(f"{url} is not a run: it has no {RUN_FILE}; give the folder that `vsd2m run` printed")
        described = store.read_json(RUN_FILE)
        layout = tuple(StageLayout(**{**entry, "writes": tuple(entry["writes"])}) for entry in described["stages"])
        columns = map(Column.from_json, described.get("columns", ()))
        return cls(store, layout, {column.name: column for column in columns})

    def remembering(self, *, whole_stages: bool) -> "Run":
        """The same run, whose commit records are each read once; for the one process that changes it, and its workers.

        `whole_stages`: this process sees every commit (`commit`, `remember`), so records are listed once per stage.
        """
        return replace(self, known=KnownRecords(whole_stages=whole_stages))

    def describe(self, **facts: Any) -> None:
        """Writes the run's file: its stages, the columns they write, and `facts` (resolved config, versions)."""
        written = dict.fromkeys(name for entry in self.layout for name in entry.writes)
        columns = [self.schema[name].to_json() for name in written]
        described = {"stages": [asdict(entry) for entry in self.layout], "columns": columns, **facts}
        self.store.write_bytes(RUN_FILE, (json.dumps(described, indent=2, ensure_ascii=False) + "\n").encode())

    @cached_property
    def facts(self) -> dict[str, Any]:
        """What `describe` wrote."""
        facts: dict[str, Any] = self.store.read_json(RUN_FILE)
        return facts

    # -- the chain of row stages -------------------------------------------------------------

    @cached_property
    def chain(self) -> tuple[StageLayout, ...]:
        """The stages whose rows are stickers: the root (the first table stage) and what follows, files left out."""
        kinds = [entry.kind for entry in self.layout]
        if "table" not in kinds:
            raise StageError("the run has no catalog stage, so no stickers")
        return tuple(entry for entry in self.layout[kinds.index("table") :] if entry.kind != "file")

    @property
    def root(self) -> StageLayout:
        return self.chain[0]

    def chain_before(self, stage: str | None) -> tuple[StageLayout, ...]:
        """The chain up to, and without, `stage` (which may be a file stage); the whole chain for None."""
        if stage is None:
            return self.chain
        order = [entry.name for entry in self.layout]
        return tuple(entry for entry in self.chain if order.index(entry.name) < order.index(stage))

    def providers(self, columns: Sequence[str], *, before: str | None) -> dict[str, list[str]]:
        """Stage -> the columns to take from it; the stage that gives the rows comes first. The latest writer wins."""
        question = (tuple(columns), before)
        if question not in self._providers:
            self._providers[question] = self._find_providers(columns, before)
        return self._providers[question]

    @cached_property
    def _providers(self) -> dict[tuple[tuple[str, ...], str | None], dict[str, list[str]]]:
        return {}

    def _find_providers(self, columns: Sequence[str], before: str | None) -> dict[str, list[str]]:
        chain = self.chain_before(before)
        by_writer: dict[str, list[str]] = {chain[-1].name: []}
        for column in columns:
            writers = [entry.name for entry in chain if column in entry.writes]
            if not writers:
                raise StageError(f"stage {before or 'end'} reads {column!r}, which no stage before it writes")
            by_writer.setdefault(writers[-1], []).append(column)
        return by_writer

    def num_partitions(self) -> int:
        """How many partitions the root made; 0 before it has run."""
        record = self.record(self.root.name, None)
        start = f"{self.root.name}/part-"
        return sum(path.startswith(start) for path in record.outputs) if record else 0

    def frame(self, columns: Sequence[str], *, before: str | None = None, partition: int | None = None) -> pl.DataFrame:
        """`key` and `columns` of the stickers that survive to stage `before` (None: to the end), in catalog order.

        Without `partition`, all of them, with a `partition` column.
        """
        if partition is None:
            parts = [
                self.frame(columns, before=before, partition=number).with_columns(partition=pl.lit(number, pl.Int32))
                for number in range(self.num_partitions())
            ]
            return pl.concat(parts) if parts else self._empty(columns)
        provided = self.providers(columns, before=before)
        frame: pl.DataFrame | None = None
        for stage, names in provided.items():
            table = self.read_part(stage, partition, ["key", *names])
            frame = table if frame is None else frame.join(table, on="key", how="left", maintain_order="left")
        assert frame is not None
        return frame.select("key", *columns)

    def _empty(self, columns: Sequence[str]) -> pl.DataFrame:
        types = {name: polars_type(name, self.schema) for name in columns}
        return pl.DataFrame(schema={"key": pl.String(), **types, "partition": pl.Int32()})

    def input_digest(self, columns: Sequence[str], *, before: str | None, partition: int | None) -> str:
        """Digest of everything `frame` with these arguments reads."""
        numbers = range(self.num_partitions()) if partition is None else [partition]
        stages = self.providers(columns, before=before)
        return digest([[stage, number, self._part_digest(stage, number)] for stage in stages for number in numbers])

    def _part_digest(self, stage: str, partition: int) -> str:
        record = self.record(stage, None if self.kind(stage) == "table" else partition)
        path = part_path(stage, partition)
        if record is None or path not in record.outputs:
            raise StageError(f"stage {stage} has not finished partition {partition}; run the pipeline again to resume")
        return record.outputs[path].sha256

    # -- commit records ----------------------------------------------------------------------

    def kind(self, stage: str) -> Kind:
        return self._kinds[stage]

    @cached_property
    def _kinds(self) -> dict[str, Kind]:
        return {entry.name: entry.kind for entry in self.layout}

    def record(self, stage: str, partition: int | None) -> CommitRecord | None:
        """The commit record, or None where there is none; `StorageError` where there is one that cannot be read."""
        return self.read_record(stage, partition) if self.known is None else self.known.one(self, stage, partition)

    def records(self, stage: str) -> list[CommitRecord]:
        """Every commit record of a stage, by partition."""
        records = self.read_records(stage) if self.known is None else self.known.all(self, stage)
        return sorted(records, key=lambda record: -1 if record.partition is None else record.partition)

    def read_record(self, stage: str, partition: int | None) -> CommitRecord | None:
        """Like `record`, always from the storage."""
        path = record_path(stage, partition)
        try:
            return self._parse_record(path, self.store.read_bytes(path))
        except MissingFileError:
            return None

    def read_records(self, stage: str) -> list[CommitRecord]:
        """The commit records of a stage, always from the storage: one listing, and reads side by side."""
        paths = [f"{stage}/{name}" for name in self.store.list(stage) if _RECORD_NAME.fullmatch(name)]
        contents = self.store.read_many(paths)
        return [self._parse_record(path, data) for path, data in zip(paths, contents, strict=True) if data is not None]

    def _parse_record(self, path: str, data: bytes) -> CommitRecord:
        try:
            return CommitRecord.model_validate_json(data)
        except ValueError as error:
            raise StorageError(
                f"{self.store.path(path)} is no commit record; delete it, and its partition is done again"
            ) from error

    def commit(self, record: CommitRecord) -> None:
        self.store.write_bytes(record_path(record.stage, record.partition), record.to_bytes())
        self.remember(record)

    def remember(self, record: CommitRecord) -> None:
        """Takes a record that another process has committed."""
        if self.known is not None:
            self.known.put(record)

    def uncommit(self, stage: str, partition: int | None) -> None:
        """Deletes a commit record."""
        self.store.delete(record_path(stage, partition))
        if self.known is not None:
            self.known.drop(stage, partition)

    # -- parquet -----------------------------------------------------------------------------

    def read_part(self, stage: str, partition: int, columns: list[str] | None = None) -> pl.DataFrame:
        """`key` and a stage's columns, as it wrote them."""
        return self.read_file(part_path(stage, partition), columns)

    def read_rejects(self, stage: str, partition: int) -> pl.DataFrame:
        return self.read_file(rejects_path(stage, partition))

    def all_rejects(self) -> Iterator[tuple[str, pl.DataFrame]]:
        """(stage, rejects) of every committed partition."""
        for entry in self.layout:
            for record in self.records(entry.name):
                for path in sorted(record.outputs):
                    if path.startswith(f"{entry.name}/rejects-"):
                        yield entry.name, self.read_file(path)

    def write_table(self, path: str, table: pa.Table) -> OutputFile:
        """Parquet whose bytes depend on the rows alone; returns what a commit record says of it."""
        data = parquet_bytes(table)
        self.store.write_bytes(path, data)
        return OutputFile(sha256=hashlib.sha256(data).hexdigest(), num_bytes=len(data))

    def write_rejects(self, path: str, rejects: list[dict[str, Any]]) -> OutputFile:
        return self.write_table(path, pa.Table.from_pylist(rejects, schema=REJECTS))

    def read_file(self, path: str, columns: list[str] | None = None) -> pl.DataFrame:
        """A Parquet file of the run, by its relative path."""
        data = self.store.read_bytes(path)
        try:
            frame = pl.from_arrow(read_parquet(io.BytesIO(data), columns))
        except pa.ArrowException as error:
            raise DamagedFileError(
                f"cannot read {self.store.path(path)}: no Parquet file; run the pipeline again"
            ) from error
        assert isinstance(frame, pl.DataFrame)
        return frame


def polars_type(column: str, schema: Schema) -> pl.DataType:
    """The polars type of a column."""
    empty = pl.from_arrow(pa.table({column: pa.array([], schema[column].type)}))
    assert isinstance(empty, pl.DataFrame)
    return empty.schema[column]


def part_path(stage: str, partition: int) -> str:
    """Where a stage's columns of a partition lie, relative to the run."""
    return f"{stage}/part-{partition:06d}.parquet"


def rejects_path(stage: str, partition: int) -> str:
    """Where a stage's rejects of a partition lie, relative to the run."""
    return f"{stage}/rejects-{partition:06d}.parquet"


def record_path(stage: str, partition: int | None) -> str:
    """Where a commit record lies; None: the record over all partitions of a table stage."""
    return f"{stage}/all.json" if partition is None else f"{stage}/part-{partition:06d}.json"
