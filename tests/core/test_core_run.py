"""A run's folder without a runner: who gives rows and columns, and what is read of what was committed."""

import io

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from vsd2m.core.commit import CommitRecord, OutputFile
from vsd2m.core.errors import DamagedFileError, StageError, StorageError
from vsd2m.core.run import Run, StageLayout, part_path, record_path, rejects_path
from vsd2m.core.schema import Column, columns_schema
from vsd2m.core.storage import Store

LAYOUT = (
    StageLayout("crawl", "crawl", "file", ("url",)),
    StageLayout("catalog", "catalog", "table", ("url",)),
    StageLayout("probe", "probe", "sticker", ("width", "mood")),
    StageLayout("pictures", "shard", "file", ()),
    StageLayout("moods", "moods", "table", ("mood",)),
    StageLayout("caption", "caption", "sticker", ("caption",)),
)
SCHEMA = {
    "url": Column("url", pa.string(), "where it was found"),
    "width": Column("width", pa.int32(), "pixels"),
    "mood": Column("mood", pa.list_(pa.string()), "glad or sad"),
    "caption": Column("caption", pa.string(), "what it shows"),
}


@pytest.fixture
def run(tmp_path) -> Run:
    return Run(Store(str(tmp_path / "run")), LAYOUT, SCHEMA)


def commit(run: Run, stage: str, parts: dict[int, list[dict]], rejects: list[dict] = ()) -> None:
    """Rows of partitions as a runner leaves them, `rejects` in the first one."""
    entry = next(entry for entry in LAYOUT if entry.name == stage)
    digest = {"input_digest": bytes(8)}
    for number, rows in parts.items():
        schema = columns_schema(entry.writes, SCHEMA)
        run.write_table(part_path(stage, number), pa.Table.from_pylist([{**row, **digest} for row in rows], schema))
        lost = [{**reject, **digest, "version": 1} for reject in rejects] if number == min(parts) else []
        run.write_rejects(rejects_path(stage, number), lost)
    for partition, numbers in ({None: list(parts)} if entry.kind == "table" else {n: [n] for n in parts}).items():
        paths = [path(stage, number) for number in numbers for path in (part_path, rejects_path)]
        num_kept = sum(len(parts[number]) for number in numbers)
        run.commit(
            CommitRecord(
                stage=stage, partition=partition, identity="", inputs="", reasons={}, versions={}, config={}, seconds=0,
                outputs={p: OutputFile(sha256=run.store.sha256(p), num_bytes=run.store.size(p)) for p in paths},
                num_read=num_kept, num_kept=num_kept, num_dropped=0, num_failed=0, num_computed=0,
            )
        )  # fmt: skip


@pytest.fixture
def finished(run) -> Run:
    """Five stickers in two partitions; the probe keeps four, the moods three, the captions two."""
    commit(run, "catalog", {0: [{"key": k, "url": f"u{k}"} for k in "abc"], 1: [{"key": k, "url": k} for k in "de"]})
    probed = {0: [("c", 3), ("a", 1)], 1: [("d", 4), ("e", 5)]}
    commit(
        run,
        "probe",
        {number: [{"key": k, "width": w, "mood": ["new"]} for k, w in rows] for number, rows in probed.items()},
        [{"key": "b", "outcome": "dropped", "reason": "truncated"}],
    )
    commit(
        run,
        "moods",
        {0: [{"key": "a", "mood": ["glad"]}, {"key": "c", "mood": []}], 1: [{"key": "e", "mood": ["sad"]}]},
    )
    commit(run, "caption", {0: [{"key": "c", "caption": "C"}], 1: [{"key": "e", "caption": None}]})
    return run


def test_the_chain_begins_with_the_first_table_and_has_no_stage_of_files(run):
    assert [entry.name for entry in run.chain] == ["catalog", "probe", "moods", "caption"]
    assert run.root.name == "catalog" and run.kind("pictures") == "file"
    assert [entry.name for entry in run.chain_before("moods")] == ["catalog", "probe"]
    assert [entry.name for entry in run.chain_before("pictures")] == ["catalog", "probe"]
    assert run.chain_before(None) == run.chain
    with pytest.raises(StageError, match="no catalog stage"):
        Run(run.store, LAYOUT[:1], SCHEMA).root  # noqa: B018


def test_the_last_stage_gives_the_rows_and_the_latest_writer_the_column(run):
    assert run.providers(["mood", "url"], before=None) == {"caption": [], "moods": ["mood"], "catalog": ["url"]}
    assert run.providers(["mood", "width"], before="moods") == {"probe": ["mood", "width"]}
    with pytest.raises(StageError, match="stage moods reads 'caption', which no stage before it writes"):
        run.providers(["caption"], before="moods")
    with pytest.raises(StageError, match="stage end reads 'colour'"):
        run.providers(["colour"], before=None)


def test_a_frame_has_the_rows_that_survive_in_the_order_of_the_stage_that_gives_them(finished):
    whole = finished.frame(["url", "mood", "caption"])
    assert whole.rows() == [("c", "uc", [], "C", 0), ("e", "e", ["sad"], None, 1)]
    assert whole.columns == ["key", "url", "mood", "caption", "partition"]
    assert whole.schema["partition"] == pl.Int32
    assert finished.frame(["width", "url"], before="moods", partition=0).rows() == [("c", 3, "uc"), ("a", 1, "ua")]
    assert finished.frame(["mood"], before="moods", partition=1).rows() == [("d", ["new"]), ("e", ["new"])]
    assert finished.num_partitions() == 2


def test_a_run_without_stickers_has_frames_of_the_right_types(run):
    assert run.num_partitions() == 0
    frame = run.frame(["width", "mood"])
    assert frame.height == 0
    assert dict(frame.schema) == {
        "key": pl.String, "width": pl.Int32, "mood": pl.List(pl.String), "partition": pl.Int32,
    }  # fmt: skip


def test_a_digest_covers_all_files_that_a_frame_reads_and_no_others(finished):
    digests = lambda: {  # noqa: E731
        (number, before): finished.input_digest(["width", "url"], before=before, partition=number)
        for number in (0, 1, None)
        for before in ("moods", None)
    }
    first = digests()
    assert len(set(first.values())) == 6 and digests() == first
    commit(finished, "caption", {0: [{"key": "c", "caption": "changed"}]})
    second = digests()
    assert {place for place in first if first[place] != second[place]} == {(0, None), (None, None)}
    commit(finished, "probe", {1: [{"key": "d", "width": 5, "mood": ["new"]}]})
    third = digests()
    changed = {place for place in first if second[place] != third[place]}
    assert changed == {(1, "moods"), (1, None), (None, "moods"), (None, None)}


def test_what_is_not_finished_has_no_digest(finished):
    finished.store.delete(record_path("probe", 1))
    finished.input_digest(["width"], before="moods", partition=0)
    with pytest.raises(StageError, match="stage probe has not finished partition 1; run the pipeline again"):
        finished.input_digest(["width"], before="moods", partition=1)
    with pytest.raises(StageError, match="stage catalog has not finished partition 2"):
        finished.input_digest(["url"], before="probe", partition=2)


def test_records_come_by_partition_and_other_files_are_none(finished):
    for number in (10, 2):
        commit(finished, "probe", {number: []})
    finished.store.write_bytes("probe/notes.json", b"{}")
    assert [record.partition for record in finished.records("probe")] == [0, 1, 2, 10]
    assert [record.partition for record in finished.records("moods")] == [None]
    assert finished.records("pictures") == [] and finished.record("probe", 3) is None
    finished.store.write_bytes("probe/part-000003.json", b"{}")
    with pytest.raises(StorageError, match=r"part-000003\.json is no commit record; delete it"):
        finished.record("probe", 3)


def test_rejects_are_those_of_committed_partitions_with_their_stage(finished):
    rejects = [(stage, part["key"].to_list()) for stage, part in finished.all_rejects() if part.height]
    assert rejects == [("probe", ["b"])]
    assert finished.read_rejects("probe", 0)["reason"].to_list() == ["truncated"]


def test_files_have_the_names_of_the_architecture():
    assert part_path("probe", 12) == "probe/part-000012.parquet"
    assert rejects_path("probe", 12) == "probe/rejects-000012.parquet"
    assert record_path("probe", 12) == "probe/part-000012.json"
    assert record_path("probe", None) == "probe/all.json"


def test_a_table_is_compressed_divided_and_keeps_its_arrow_types(run):
    table = pa.table({"mood": pa.array(["glad"] * 5000, pa.large_string())})
    run.write_table("x.parquet", table)
    file = pq.ParquetFile(io.BytesIO(run.store.read_bytes("x.parquet")))
    assert [file.metadata.row_group(number).num_rows for number in range(2)] == [4096, 904]
    assert file.metadata.row_group(0).column(0).compression == "ZSTD"
    assert file.schema_arrow.field("mood").type == pa.large_string()
    assert run.read_file("x.parquet").height == 5000
    run.store.write_bytes("x.parquet", b"no table")
    with pytest.raises(DamagedFileError, match=r"x\.parquet: no Parquet file; run the pipeline again"):
        run.read_file("x.parquet")


def test_a_run_is_opened_as_it_was_described(run):
    with pytest.raises(StorageError, match="is not a run: it has no run.json"):
        Run.open(run.store.url)
    run.describe(vsd2m="1.0", config={"words": ["贴纸"]})
    opened = Run.open(run.store.url)
    assert (opened.layout, opened.schema) == (LAYOUT, SCHEMA)
    assert opened.facts["config"] == {"words": ["贴纸"]} and opened.facts["vsd2m"] == "1.0"
    text = run.store.read_bytes("run.json").decode()
    assert "贴纸" in text and text.endswith("}\n")
