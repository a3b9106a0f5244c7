"""Data sets on disk, written by the libraries that people write them with."""

import io
from pathlib import Path

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ingest_run import bring, make_picture, reasons, rejects, rows, stickers, write_files
from PIL import Image

from vsd2m.core.keys import sticker_key


def _dataset(folder: Path) -> datasets.Dataset:
    write_files(folder, {f"{number}.png": make_picture(number, "PNG") for number in range(3)})
    features = datasets.Features(
        {
            "image": datasets.Image(),
            "label": datasets.ClassLabel(names=["cat", "dog"]),
            "text": datasets.Value("string"),
        }
    )
    entries = {
        "image": [str(folder / f"{number}.png") for number in range(3)],
        "label": [0, 1, 0],
        "text": ["a", "b", "c"],
    }
    return datasets.Dataset.from_dict(entries, features=features)


def _check(run, tmp_path: Path) -> None:
    assert reasons(run) == {}
    expected = {sticker_key((tmp_path / "files" / f"{number}.png").read_bytes()): number for number in range(3)}
    assert {row["key"]: (row["trigger_words"], row["given_captions"]) for row in stickers(run)} == {
        key: ([["cat", "dog", "cat"][number]], ["abc"[number]]) for key, number in expected.items()
    }


def test_a_dataset_saved_to_disk_is_brought_with_labels_and_texts(tmp_path: Path) -> None:
    datasets.DatasetDict({"train": _dataset(tmp_path / "files")}).save_to_disk(str(tmp_path / "saved"))
    _check(bring(tmp_path / "saved", tmp_path / "run", words_from_folders=False), tmp_path)


def test_a_dataset_in_parquet_is_brought_with_labels_and_texts(tmp_path: Path) -> None:
    _dataset(tmp_path / "files").save_to_disk(str(tmp_path / "saved"))  # which embeds the bytes
    saved = datasets.load_from_disk(str(tmp_path / "saved"))
    (tmp_path / "data").mkdir()
    saved.to_parquet(str(tmp_path / "data" / "train-00000-of-00001.parquet"))
    _check(bring(tmp_path / "data", tmp_path / "run", words_from_folders=False), tmp_path)


def _parquet(folder: Path, table: pa.Table) -> Path:
    folder.mkdir()
    pq.write_table(table, folder / "part.parquet")
    return folder


def test_parquet_with_plain_bytes_needs_no_special_names(tmp_path: Path) -> None:
    pictures = [make_picture(1), b"no picture", make_picture(2)]
    table = pa.table({"n": [1, 2, 3], "blob": pa.array(pictures, pa.large_binary()), "license": ["MIT", "", "CC0"]})
    run = bring(_parquet(tmp_path / "s", table), tmp_path / "run")
    assert [(row["urls"], row["licences"]) for row in stickers(run)] == [
        (["s/part.parquet/000000"], ["MIT"]), (["s/part.parquet/000002"], ["CC0"])
    ]  # fmt: skip
    assert [reject["url"] for reject in rejects(run)] == ["s/part.parquet/000001"]


def test_a_row_that_names_a_file_reads_it_only_beside_the_table(tmp_path: Path) -> None:
    (tmp_path / "secret.gif").write_bytes(make_picture(9))
    paths = ["a.gif", "gone.gif", "../secret.gif", str(tmp_path / "secret.gif"), None]
    cells = [{"bytes": None, "path": path} for path in paths]
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    folder = _parquet(tmp_path / "s", pa.table({"image": pa.array(cells, kind)}))
    write_files(folder, {"a.gif": make_picture(1)})
    run = bring(folder, tmp_path / "run", readers=["parquet"])
    assert [row["url"] for row in rows(run)] == ["s/part.parquet/000000/a.gif"]
    assert reasons(run) == {"missing_file": 2, "unsafe_name": 2, "no_reader": 1}


def test_a_table_of_addresses_says_where_they_are_downloaded(tmp_path: Path) -> None:
    table = pa.table({"url": ["http://127.0.0.1/a.gif"], "caption": ["a"]})
    (reject,) = rejects(bring(_parquet(tmp_path / "s", table), tmp_path / "run"))
    assert reject["reason"] == "no_pictures"
    assert "a crawl stage with `source: addresses` downloads" in reject["detail"]


def test_a_parquet_file_that_was_damaged_is_a_reject(tmp_path: Path) -> None:
    folder = _parquet(tmp_path / "s", pa.table({"image": pa.array([make_picture(n) for n in range(200)], pa.binary())}))
    data = bytearray((folder / "part.parquet").read_bytes())
    data[40:400] = bytes(360)
    (folder / "part.parquet").write_bytes(data)
    assert set(reasons(bring(folder, tmp_path / "run"))) <= {"damaged_archive", "reader_error"}
    assert reasons(bring(folder, tmp_path / "run"))


@pytest.mark.parametrize("media_format", ["GIF", "WEBP"])
def test_the_bytes_are_those_of_the_data_set_and_every_frame_is_there(tmp_path: Path, media_format) -> None:
    table = pa.table({"image": pa.array([make_picture(5, media_format)], pa.binary())})
    run = bring(_parquet(tmp_path / "s", table), tmp_path / "run")
    (row,) = rows(run)
    data = run.store.read_range(row["media_tar"], row["media_offset"], row["num_bytes"])
    assert Image.open(io.BytesIO(data)).n_frames == 2
