"""Shards as files: what others read in them, and that a rebuild gives the same bytes."""

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from small_run import commit_split, hashes, make_rows, make_run, write_shards

from vsd2m.core.errors import StorageError
from vsd2m.shard.split import SplitConfig
from vsd2m.shard.stage import ShardConfig, ShardStage
from vsd2m.shard.writer import ShardSample, encode_json, write_tar


def tars(url: str) -> list[Path]:
    return sorted(Path(url).glob("*.tar"))


# webdataset leaves the tars it has read open.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
def test_plain_webdataset_reads_every_sticker(shards_url, rows):
    import webdataset

    dataset = webdataset.WebDataset([str(tar) for tar in tars(shards_url)], shardshuffle=False)
    found = {sample["__key__"]: sample for sample in dataset}
    assert set(found) == {row["key"] for row in rows}
    for row in rows:
        sample = found[row["key"]]
        assert {name for name in sample if not name.startswith("__")} == {"media", "json", "txt"}
        assert sample["media"] == row["media"]
        assert sample["txt"].decode() == row["caption"]
        assert json.loads(sample["json"])["trigger_words"] == row["trigger_words"]


def test_hugging_face_streams_every_sticker(shards_url, rows, tmp_path):
    datasets = pytest.importorskip("datasets")
    files = {split: [str(tar) for tar in tars(shards_url) if f"-{split}-" in tar.name] for split in ("train", "vsd_c")}
    for split, paths in files.items():
        stream = datasets.load_dataset(
            "webdataset", data_files={split: paths}, split=split, streaming=True, cache_dir=str(tmp_path)
        )
        found = {sample["__key__"]: sample for sample in stream}
        assert len(found) == sum(len(pq.read_table(path.replace(".tar", ".parquet"))) for path in paths) > 0
        for row in rows:
            if row["key"] in found:
                assert found[row["key"]]["media"] == row["media"]
                assert found[row["key"]]["json"]["caption_zh"] == (row["caption_zh"] or "")


def test_tarfile_finds_the_media_where_the_parquet_says(shards_url):
    for path in tars(shards_url):
        columns = pq.read_table(path.with_suffix(".parquet")).to_pylist()
        with tarfile.open(path) as tar:
            members = tar.getmembers()
        assert [member.name for member in members] == [
            f"{row['key']}.{field}" for row in columns for field in ("media", "json", "txt")
        ]
        for row, member in zip(columns, members[::3], strict=True):
            assert (member.offset_data, member.size) == (row["tar_offset"], row["num_bytes"])
        assert {(member.mtime, member.uid, member.gid, member.uname, member.mode) for member in members} == {
            (0, 0, 0, "", 0o644)
        }


def test_a_rebuild_is_identical_whatever_the_partitioning_and_the_order(tmp_path):
    rows = make_rows(50)
    first = make_run(tmp_path / "first", rows, partition_size=20)
    second = make_run(tmp_path / "second", rows[::-1], partition_size=7)
    for run in (first, second):
        write_shards(run)
        write_shards(run)
    assert hashes(tmp_path / "first" / "shards") == hashes(tmp_path / "second" / "shards") != {}


def test_the_parquet_holds_every_published_column_as_the_contract_types_it(shards_url, rows):
    by_key = {row["key"]: row for row in rows}
    found = [row for path in tars(shards_url) for row in pq.read_table(path.with_suffix(".parquet")).to_pylist()]
    assert len(found) == len(rows)
    for row in found:
        for name, value in by_key[row["key"]].items():
            if name != "media":
                assert row[name] == value
    assert "media_tar" not in found[0]


def test_a_change_to_one_sticker_changes_one_input_digest(tmp_path):
    rows = make_rows(50)
    run = make_run(tmp_path / "first", rows)
    rows[10] = {**rows[10], "caption": "Another caption."}
    changed = make_run(tmp_path / "second", rows)
    digests = []
    for each in (run, changed):
        stage = ShardStage(ShardConfig())
        digests.append([stage.input_digest(each, i) for i in range(stage.num_partitions(each))])
    assert sum(a != b for a, b in zip(*digests, strict=True)) == 1


def test_a_stage_object_sees_a_new_plan(tmp_path):
    run = make_run(tmp_path, make_rows(30), split=SplitConfig(stickers_per_shard=10))
    stage = ShardStage(ShardConfig())
    before = stage.num_partitions(run)
    commit_split(run, SplitConfig(stickers_per_shard=2))
    assert stage.num_partitions(run) > before


def test_damaged_original_bytes_are_refused_and_no_shard_appears(tmp_path):
    run = make_run(tmp_path, make_rows(20))
    media = tmp_path / "crawl" / "media.tar"
    data = bytearray(media.read_bytes())
    data[530] ^= 1
    media.write_bytes(data)
    stage = ShardStage(ShardConfig())
    with pytest.raises(StorageError, match=r"crawl/media\.tar"):
        for partition in range(stage.num_partitions(run)):
            stage.write_partition(run, partition)
    assert not [path for path in (tmp_path / "shards").iterdir() if "tmp" in path.name]


def test_the_kept_rows_give_the_place_of_each_sticker(tmp_path):
    run = make_run(tmp_path, make_rows(20))
    stage = ShardStage(ShardConfig())
    result = stage.write_partition(run, 0)
    assert result.num_read == len(result.kept) > 0
    tar = (tmp_path / result.files[0]).read_bytes()
    rows = {row["key"]: row["media"] for row in make_rows(20)}
    for kept in result.kept:
        media = rows[kept["key"]]
        assert tar[kept["tar_offset"] :][: len(media)] == media


def test_an_empty_tar_is_still_a_tar():
    file = io.BytesIO()
    assert write_tar(file, []) == [0]
    with tarfile.open(fileobj=io.BytesIO(file.getvalue())) as tar:
        assert tar.getmembers() == []


def test_the_tar_is_what_tarfile_itself_writes():
    samples = [ShardSample(f"k{i}", bytes(range(i)), {"key": f"k{i}"}, "text" * i) for i in range(30)]
    ours, theirs = io.BytesIO(), io.BytesIO()
    write_tar(ours, samples)
    with tarfile.open(fileobj=theirs, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for sample in samples:
            for field, data in (
                ("media", sample.media),
                ("json", encode_json(sample.facts)),
                ("txt", sample.text.encode()),
            ):
                info = tarfile.TarInfo(f"{sample.key}.{field}")
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
    assert ours.getvalue() == theirs.getvalue()


def test_the_index_holds_where_each_sticker_begins_and_where_the_last_ends(shards_url):
    for path in tars(shards_url):
        with tarfile.open(path) as tar:
            members = tar.getmembers()
            end = tar.offset
        offsets = np.frombuffer(Path(f"{path}.idx").read_bytes(), "<u8").tolist()
        assert offsets == [member.offset for member in members[::3]] + [end]
