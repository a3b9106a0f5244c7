"""The work on one partition, shared by every runner: load, compute, commit.

A sticker whose inputs have not changed since the stage last processed it keeps its outcome, so changing a
filter's limit never runs a model again on a sticker it has already processed.
"""

import hashlib
import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import polars as pl
import pyarrow as pa

from vsd2m.core.commit import CommitRecord, OutputFile, digest
from vsd2m.core.errors import DamagedFileError, MissingFileError, StageError
from vsd2m.core.listing import Listing
from vsd2m.core.run import Run, part_path, rejects_path
from vsd2m.core.schema import MEDIA_COLUMNS, columns_schema
from vsd2m.core.stage import Batch, Columns, Drop, FileStage, Stage, StageSpec, TableStage
from vsd2m.pipelines.engine.plan import PlannedStage

NO_DIGEST = bytes(8)


@dataclass(frozen=True)
class Failure:
    """A stage could not compute an outcome: an unexpected exception, a time limit, a dead process."""

    error: str
    detail: str
    value: float | None = None
    limit: float | None = None


Outcome = Columns | Drop | Failure
ProcessBatch = Callable[[Batch], Sequence[Columns | Drop] | Failure]
"""Computes a batch: an outcome per sticker, or one failure for the whole batch."""
OnBatch = Callable[[int], None]


@dataclass(frozen=True)
class PartitionInput:
    """The rows of one partition for a sticker stage, each with a digest of the values that the stage reads."""

    partition: int
    rows: Sequence[Mapping[str, Any]]
    digests: Sequence[bytes]
    inputs: str
    known_outcomes: Mapping[int, Outcome]  # row number -> outcome carried over from an earlier commit

    @property
    def rows_to_compute(self) -> list[int]:
        return [number for number in range(len(self.rows)) if number not in self.known_outcomes]


def is_done(
    run: Run, planned: PlannedStage, partition: int | None, *, retry_failed: bool, files: Listing | None = None
) -> bool:
    """Whether the commit record matches the stage's identity and the partition's current inputs.

    `files` are asked for the sizes of outputs: one listing for many partitions.
    """
    record = run.record(planned.name, partition)
    if record is None or record.identity != planned.identity:
        return False
    if retry_failed and record.num_failed:
        return False
    if planned.retry_transient and _has_transient(run, planned.stage, partition):
        return False
    if record.inputs != inputs_of(run, planned, partition):
        return False
    files = files or Listing(run.store)
    return all(files.size(path) == file.num_bytes for path, file in record.outputs.items())


def _has_transient(run: Run, stage: Stage[Any], partition: int | None) -> bool:
    return isinstance(stage, FileStage) and partition is not None and stage.has_transient(run, partition)


def inputs_of(run: Run, planned: PlannedStage, partition: int | None) -> str:
    """Digest of everything a partition of the stage reads."""
    if isinstance(planned.stage, FileStage):
        assert partition is not None
        return planned.stage.input_digest(run, partition)
    if planned.name == run.root.name:
        return digest([_outputs_of(run, stage_name) for stage_name in _stages_before_root(run)])
    return run.input_digest(planned.reads, before=planned.name, partition=partition)


# -- sticker stages ------------------------------------------------------------------------------


def load_partition(run: Run, planned: PlannedStage, partition: int) -> PartitionInput:
    """The partition's rows, in catalog order, and the earlier outcomes that are still valid."""
    rows = run.frame(planned.reads, before=planned.name, partition=partition).to_dicts()
    digests = [_row_digest(row) for row in rows]
    earlier_outcomes = _earlier_outcomes(run, planned, partition)
    known_outcomes = {
        number: earlier_outcomes[row["key"], row_digest]
        for number, (row, row_digest) in enumerate(zip(rows, digests, strict=True))
        if (row["key"], row_digest) in earlier_outcomes
    }
    return PartitionInput(partition, rows, digests, inputs_of(run, planned, partition), known_outcomes)


def compute(
    run: Run, spec: StageSpec, rows: Sequence[Mapping[str, Any]], process: ProcessBatch, on_batch: OnBatch
) -> list[Outcome]:
    """One outcome per row."""
    outcomes: list[Outcome] = []
    for start in range(0, len(rows), spec.batch_size):
        part = rows[start : start + spec.batch_size]
        media = [read_media(run, row) for row in part] if spec.reads_media else []
        outcomes.extend(_outcomes(spec, process, Batch(part, media)))
        on_batch(len(part))
    return outcomes


def read_media(run: Run, row: Mapping[str, Any]) -> bytes:
    """A sticker's original bytes."""
    return run.store.read_range(row["media_tar"], row["media_offset"], row["num_bytes"])


def commit_partition(
    run: Run, planned: PlannedStage, partition_input: PartitionInput, computed: Mapping[int, Outcome], *, seconds: float
) -> CommitRecord:
    """Writes columns and rejects, then the record."""
    outcomes = {**partition_input.known_outcomes, **computed}
    kept_rows, rejects = [], []
    for number, row in enumerate(partition_input.rows):
        outcome = outcomes[number]
        if isinstance(outcome, Drop | Failure):
            rejects.append(_reject(planned, row["key"], outcome, partition_input.digests[number]))
        else:
            kept_rows.append({"key": row["key"], **outcome, "input_digest": partition_input.digests[number]})
    return _commit(
        run,
        planned,
        partition_input.partition,
        parts={partition_input.partition: (kept_rows, rejects)},
        inputs=partition_input.inputs,
        num_read=len(partition_input.rows),
        seconds=seconds,
        num_computed=len(computed),
    )


def check_failures(planned: PlannedStage, outcomes: Sequence[Outcome], *, max_failed_share: float) -> None:
    """Raises if so many stickers fail that the stage itself is the likely cause."""
    failures = [outcome for outcome in outcomes if isinstance(outcome, Failure)]
    if len(failures) > max(1, max_failed_share * len(outcomes)):
        raise StageError(
            f"stage {planned.name} failed on {len(failures)} of {len(outcomes)} stickers, more than max_failed_share "
            f"allows; the first said {failures[0].error}: {failures[0].detail.splitlines()[-1]}"
        )


def _outcomes(spec: StageSpec, process: ProcessBatch, batch: Batch) -> list[Outcome]:
    """A batch that fails is repeated sticker by sticker, so that one sticker cannot make others fail."""
    outcomes = process(batch)
    if not isinstance(outcomes, Failure):
        _check_contract(spec, batch, outcomes)
        return list(outcomes)
    if len(batch) == 1:
        return [outcomes]
    singles = [Batch(batch.rows[i : i + 1], batch.media[i : i + 1]) for i in range(len(batch))]
    return [outcome for single in singles for outcome in _outcomes(spec, process, single)]


def _check_contract(spec: StageSpec, batch: Batch, outcomes: Sequence[Columns | Drop]) -> None:
    if len(outcomes) != len(batch):
        raise StageError(f"stage {spec.name} returned {len(outcomes)} outcomes for {len(batch)} stickers")
    for outcome in outcomes:
        if not isinstance(outcome, Drop) and set(outcome) != set(spec.writes):
            raise StageError(
                f"stage {spec.name} returned columns {sorted(outcome)}, its spec says {sorted(spec.writes)}"
            )


def _row_digest(row: Mapping[str, Any]) -> bytes:
    """Digest of the values a stage reads; the location of the bytes does not matter, the key identifies them."""
    values = [[name, value] for name, value in row.items() if name not in MEDIA_COLUMNS]
    text = json.dumps(values, ensure_ascii=False, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=8).digest()


def _earlier_outcomes(run: Run, planned: PlannedStage, partition: int) -> dict[tuple[str, bytes], Outcome]:
    record = run.record(planned.name, partition)
    if record is None or record.identity != planned.identity:
        return {}
    try:
        kept_rows = run.read_part(planned.name, partition).to_dicts()
        rejects = run.read_rejects(planned.name, partition).to_dicts()
    except (MissingFileError, DamagedFileError):
        return {}
    outcomes: dict[tuple[str, bytes], Outcome] = {}
    for row in kept_rows:
        key, row_digest = row.pop("key"), row.pop("input_digest")
        outcomes[key, row_digest] = row
    for row in rejects:
        if row["outcome"] == "dropped":
            drop = Drop(row["reason"], row["value"], row["limit"], row["detail"])
            outcomes[row["key"], row["input_digest"]] = drop
    return outcomes


# -- table and file stages -----------------------------------------------------------------------


def run_table_stage(run: Run, planned: PlannedStage, *, partition_size: int) -> CommitRecord:
    """Computes over all stickers at once and commits all partitions in one record."""
    assert isinstance(planned.stage, TableStage)
    started = time.perf_counter()
    is_root = planned.name == run.root.name
    inputs = inputs_of(run, planned, None)
    if is_root:
        table = _rows_before_root(run, planned)
        num_partitions = 0
    else:
        table = run.frame(planned.reads, before=planned.name)
        num_partitions = run.num_partitions()
    result = planned.stage.process_table(table)
    _check_columns(planned, result.kept.columns)
    kept_table = result.kept.select("key", *planned.stage.spec.writes)
    if is_root:
        kept_table = kept_table.with_columns(partition=pl.int_range(pl.len()) // partition_size)
        num_partitions = -(-kept_table.height // partition_size)
        rejects = result.rejects.with_columns(partition=pl.lit(0))
    else:
        where = table.select("key", "partition")
        kept_table = where.join(kept_table, on="key", how="inner", maintain_order="left")
        rejects = result.rejects.join(where, on="key", how="left", maintain_order="left")
    parts = {
        number: (
            _with_digest(kept_table.filter(pl.col("partition") == number).drop("partition").to_dicts()),
            [_table_reject(planned, row) for row in rejects.filter(pl.col("partition") == number).to_dicts()],
        )
        for number in range(max(num_partitions, 1 if is_root and rejects.height else 0))
    }
    return _commit(
        run,
        planned,
        None,
        parts=parts,
        inputs=inputs,
        num_read=table.height,
        seconds=time.perf_counter() - started,
        num_computed=table.height,
    )


def run_file_partition(run: Run, planned: PlannedStage, partition: int) -> CommitRecord:
    """Lets a file stage write one partition and commits it."""
    assert isinstance(planned.stage, FileStage)
    started = time.perf_counter()
    inputs = planned.stage.input_digest(run, partition)
    result = planned.stage.write_partition(run, partition)
    for row in result.kept:
        _check_columns(planned, row)
    rejects = [
        {**reject, "version": planned.stage.spec.version, "input_digest": NO_DIGEST} for reject in result.rejects
    ]
    return _commit(
        run,
        planned,
        partition,
        parts={partition: (_with_digest(result.kept), rejects)},
        inputs=inputs,
        num_read=result.num_read,
        num_kept=result.num_kept,
        files=result.files,
        seconds=time.perf_counter() - started,
        num_computed=result.num_read,
    )


def _check_columns(planned: PlannedStage, names: Iterable[str]) -> None:
    """Checks that a table or file stage returned `key` and the columns of its spec."""
    expected = {"key", *planned.stage.spec.writes}
    if missing := expected - set(names):
        raise StageError(f"stage {planned.name} returned no {', '.join(sorted(missing))}, its spec says it writes them")


def check_sources(run: Run, crawl_stages: Sequence[PlannedStage]) -> None:
    """`StageError` unless every partition of the stages before the root has its commit record."""
    for crawl_stage in crawl_stages:
        assert isinstance(crawl_stage.stage, FileStage)
        expected = set(crawl_stage.stage.partitions(run))
        committed = {record.partition for record in run.records(crawl_stage.name)}
        if committed != expected:
            raise StageError(
                f"stage {run.root.name} reads all of {crawl_stage.name}: expected {len(expected)} committed "
                f"partitions, found {len(committed & expected)}; run the pipeline again to resume"
            )


def _stages_before_root(run: Run) -> list[str]:
    names = [entry.name for entry in run.layout]
    return [entry.name for entry in run.layout[: names.index(run.root.name)]]


def _rows_before_root(run: Run, planned: PlannedStage) -> pl.DataFrame:
    tables = []
    for stage_name in _stages_before_root(run):
        for record in run.records(stage_name):
            assert record.partition is not None
            part = run.read_part(stage_name, record.partition, ["key", *planned.reads])
            tables.append(part.with_columns(partition=pl.lit(record.partition, pl.Int32)))
    return pl.concat(tables)


def _outputs_of(run: Run, stage_name: str) -> list[Any]:
    return [[path, file.sha256] for record in run.records(stage_name) for path, file in sorted(record.outputs.items())]


def _with_digest(rows: Sequence[Columns]) -> list[dict[str, Any]]:
    return [{**row, "input_digest": NO_DIGEST} for row in rows]


# -- committing ----------------------------------------------------------------------------------


def _reject(planned: PlannedStage, key: str, outcome: Drop | Failure, row_digest: bytes) -> dict[str, Any]:
    if isinstance(outcome, Drop):
        verdict = {"outcome": "dropped", **asdict(outcome)}
    else:
        facts = asdict(outcome)
        verdict = {"outcome": "failed", "reason": facts.pop("error"), **facts}
    return {"key": key, **verdict, "version": planned.stage.spec.version, "input_digest": row_digest}


def _table_reject(planned: PlannedStage, row: Mapping[str, Any]) -> dict[str, Any]:
    fields = {name: row.get(name) for name in ("key", "reason", "value", "limit", "detail", "url")}
    return {**fields, "outcome": "dropped", "version": planned.stage.spec.version, "input_digest": NO_DIGEST}


def _commit(
    run: Run,
    planned: PlannedStage,
    partition: int | None,
    *,
    parts: Mapping[int, tuple[Sequence[Mapping[str, Any]], Sequence[Mapping[str, Any]]]],
    inputs: str,
    num_read: int,
    seconds: float,
    num_computed: int,
    num_kept: int | None = None,
    files: Sequence[str] = (),
) -> CommitRecord:
    # Deleted first: a record must never describe other outputs than its own.
    if run.record(planned.name, partition) is not None:
        run.uncommit(planned.name, partition)
    schema = columns_schema(tuple(planned.stage.spec.writes), run.schema)
    outputs = {path: _output_file(run, path) for path in files}
    for number, (kept_rows, reject_rows) in parts.items():
        part, rejects = part_path(planned.name, number), rejects_path(planned.name, number)
        outputs[part] = run.write_table(part, _table(planned, kept_rows, schema))
        outputs[rejects] = run.write_rejects(rejects, [dict(reject) for reject in reject_rows])
    all_rejects = [reject for _, reject_rows in parts.values() for reject in reject_rows]
    outcomes = Counter(reject["outcome"] for reject in all_rejects)
    record = CommitRecord(
        stage=planned.name,
        partition=partition,
        identity=planned.identity,
        inputs=inputs,
        outputs=dict(sorted(outputs.items())),
        num_read=num_read,
        num_kept=sum(len(kept_rows) for kept_rows, _ in parts.values()) if num_kept is None else num_kept,
        num_dropped=outcomes["dropped"],
        num_failed=outcomes["failed"],
        reasons=dict(sorted(Counter(reject["reason"] for reject in all_rejects).items())),
        versions=planned.versions,
        config=planned.stage.config.model_dump(mode="json"),
        seconds=round(seconds, 3),
        num_computed=num_computed,
    )
    run.commit(record)
    return record


def _output_file(run: Run, path: str) -> OutputFile:
    return OutputFile(sha256=run.store.sha256(path), num_bytes=run.store.size(path))


def _table(planned: PlannedStage, rows: Sequence[Mapping[str, Any]], schema: pa.Schema) -> pa.Table:
    try:
        return pa.Table.from_pylist([dict(row) for row in rows], schema=schema)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise StageError(f"stage {planned.name} wrote a value its column's type does not allow: {error}") from error
