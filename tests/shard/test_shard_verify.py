"""What the check of published shards finds, and that it finds nothing where nothing is wrong."""

import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from vsd2m.core.errors import StorageError
from vsd2m.shard.verify import verify

SHARD = "vsd2m-train-000000"


@pytest.fixture
def folder(shards_url, tmp_path) -> Path:
    return Path(shutil.copytree(shards_url, tmp_path / "shards"))


def whats(folder: Path) -> str:
    return "\n".join(map(str, verify(str(folder))))


def change_column(folder: Path, name: str, change) -> None:
    path = folder / f"{SHARD}.parquet"
    table = pq.read_table(path)
    column = pa.array(change(table[name].to_pylist()), table.schema.field(name).type)
    pq.write_table(table.set_column(table.schema.get_field_index(name), table.schema.field(name), column), path)


def test_untouched_shards_have_no_problem(shards_url, rows):
    done = []
    assert verify(shards_url, progress=done.append) == []
    assert sum(done) == len(rows)


def test_a_flipped_bit_of_a_picture_is_found_with_its_key(folder):
    path = folder / f"{SHARD}.tar"
    data = bytearray(path.read_bytes())
    data[540] ^= 1
    path.write_bytes(data)
    [problem] = verify(str(folder))
    key = pq.read_table(folder / f"{SHARD}.parquet")["key"][0].as_py()
    assert str(problem) == f"{SHARD}.tar: sticker {key}: the bytes do not match the key"


def test_a_cut_tar_and_a_missing_file_are_found(folder):
    path = folder / f"{SHARD}.tar"
    path.write_bytes(path.read_bytes()[:2000])
    (folder / "vsd2m-train-000001.parquet").unlink()
    (folder / "vsd2m-vsd_c-000000.tar").unlink()
    found = whats(folder)
    assert f"{SHARD}.tar: " in found
    assert "vsd2m-train-000001.parquet: missing" in found
    assert "vsd2m-vsd_c-000000.tar: missing" in found


def test_a_missing_shard_in_the_middle_is_found(folder):
    for suffix in ("tar", "parquet"):
        (folder / f"vsd2m-train-000001.{suffix}").unlink()
    assert "vsd2m-train-000001 is missing" in whats(folder)


def test_a_wrong_offset_and_a_changed_caption_are_found(folder):
    change_column(folder, "tar_offset", lambda values: [values[0] + 512, *values[1:]])
    assert whats(folder).count("tar_offset") == 1
    change_column(folder, "caption", lambda values: [*values[:-1], "Something else."])
    assert "the JSON differs from the Parquet: caption" in whats(folder)


def test_a_sticker_in_two_splits_is_found(folder):
    for suffix in ("tar", "parquet"):
        shutil.copy(folder / f"vsd2m-vsd_c-000000.{suffix}", folder / f"vsd2m-train-000099.{suffix}")
    assert "is also in" in whats(folder)


def test_a_near_duplicate_on_both_sides_is_found(folder):
    test = pq.read_table(folder / "vsd2m-vsd_c-000000.parquet")["key"][0].as_py()
    change_column(folder, "duplicate_group", lambda values: [test, *values[1:]])
    assert "is on the other side of the split" in whats(folder)


def test_a_folder_without_shards_is_an_error(tmp_path):
    with pytest.raises(StorageError, match="has no shards"):
        verify(str(tmp_path))
