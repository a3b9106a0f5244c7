"""Folders, tables and archives as they should not be: every one is read, or refused with a reason."""

import inspect
import io
import json
import struct
import sys
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ingest_run import bring, make_picture, reasons, rejects, rows, write_files

from vsd2m.core.errors import DamagedFileError
from vsd2m.core.finds.statements import texts_in
from vsd2m.ingest.listing import Place

GOOD = make_picture(1)
DEEP = b"[" * 100_000


def _tar(members: Mapping[str, bytes]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return file.getvalue()


def _urls(run) -> list[str]:
    return [row["url"] for row in rows(run)]


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("metadata.csv", "\ufefffile,words\r\na.gif,\"hi, hello\"\r\n"),
        ("metadata.csv", "file;words\na.gif;hi,hello\n"),
        ("metadata.csv", "file\twords\na.gif\thi|hello\n"),
        ("metadata.csv", "file,words,\na.gif,hi;hello,,,\n"),
        ("metadata.csv", 'file,words\na.gif,"[""hi"", ""hello""]"\n'),
        ("metadata.csv", "file,words\na.gif,\"['hi', 'hello']\"\n"),
        ("metadata.jsonl", '{"file": "other.gif"}\n{"file": "a.gif", "words": ["hi", ["hello"]]}\n'),
    ],
)  # fmt: skip
def test_a_table_is_understood_as_its_maker_meant_it(tmp_path: Path, name: str, table: str) -> None:
    run = bring(write_files(tmp_path / "s", {"a.gif": GOOD, name: table}), tmp_path / "run")
    assert [row["given_words"] for row in rows(run)] == [["hi", "hello"]]
    assert set(reasons(run)) <= {"missing_file"}


@pytest.mark.parametrize(
    ("name", "table", "message"),
    [
        ("metadata.csv", b"file,words,words\na.gif,hi,hello\n", "more than one column is named words"),
        ("metadata.csv", b'file,words\na.gif,"hi\nb.gif,hello\n', "unexpected end of data"),
        ("metadata.csv", b"file,words\ra.gif,hi\r", "save it with LF"),
        ("metadata.jsonl", b'{"file": "a.gif", "words": ' + DEEP + b"}\n", "lists in lists"),
        ("metadata.jsonl", b'{"file": "a.gif"}\n\n["a.gif"]\n', "line 3: expected an object, found list"),
    ],
)
def test_a_table_that_could_be_misread_stops_the_run_in_a_sentence(tmp_path: Path, name, table, message) -> None:
    folder = write_files(tmp_path / "s", {"a.gif": GOOD, "b.gif": make_picture(2), name: table})
    with pytest.raises(DamagedFileError, match=message):
        bring(folder, tmp_path / "run")


def test_a_cell_of_a_table_holds_a_mebibyte_and_no_more(tmp_path: Path) -> None:
    for size, name in ((2**20, "right"), (2**20 + 1, "long")):
        write_files(tmp_path / name, {"a.gif": GOOD, "metadata.csv": f"file,caption\na.gif,{'h' * size}\n"})
    assert [len(row["given_caption"]) for row in rows(bring(tmp_path / "right", tmp_path / "run"))] == [2**20]
    with pytest.raises(DamagedFileError, match="field larger than field limit"):
        bring(tmp_path / "long", tmp_path / "other")


def test_brackets_that_are_no_list_are_text() -> None:
    assert texts_in("[hi], hello]", divided=True) == ["[hi]", "hello]"]
    assert texts_in("[hi]", divided=True) == ["[hi]"]
    assert texts_in('["one, title"]') == ['["one, title"]']


def test_a_table_that_nobody_names_is_a_reject_that_says_how(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "s", {"a.gif": GOOD, "words.csv": "file,words\na.gif,hi\n"})
    (folder / "metadata.csv").mkdir()
    run = bring(folder, tmp_path / "run")
    assert [(reject["reason"], "metadata: FILE" in reject["detail"]) for reject in rejects(run)] == [
        ("unused_table", True)
    ]


def test_a_folder_is_read_whatever_its_name_and_depth(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "a::b [*] #?", {f"{'d/' * 120}a.gif": GOOD})
    depth = len(inspect.stack())
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(depth + 100)  # fewer calls than there are folders
    try:
        names = [file.name for file in Place(str(folder)).list_files(follow_symlinks=False)]
    finally:
        sys.setrecursionlimit(limit)
    assert names == [f"{'d/' * 120}a.gif"]


def test_links_among_folders_are_followed_once_and_a_link_to_itself_is_a_reject(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "s", {f"{name}/x.gif": make_picture(number) for number, name in enumerate("abcd")})
    outside = write_files(tmp_path / "outside", {"deep/y.gif": make_picture(9)})
    for name in "abcd":
        for other in "abcd":
            (folder / name / f"to-{other}").symlink_to(folder / other)
        (folder / name / "out").symlink_to(outside)
    (folder / "self").symlink_to("self")
    run = bring(folder, tmp_path / "run", follow_symlinks=True)
    assert _urls(run) == ["s/a/out/deep/y.gif", *(f"s/{name}/x.gif" for name in "abcd")]
    assert reasons(run) == {"symbolic_link_repeated": 15, "symbolic_link_loop": 4, "missing_file": 1}


def test_a_damaged_member_of_a_zip_is_a_reject_and_those_after_it_are_read(tmp_path: Path) -> None:
    for packing in (zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", packing) as archive:
            archive.writestr("a.gif", make_picture(2))
            archive.writestr("b.gif", GOOD)
            first = archive.infolist()[0]
        data = bytearray(file.getvalue())
        start = 30 + len("a.gif")
        data[start + 12 : start + first.compress_size] = b"\xff" * (first.compress_size - 12)
        folder = tmp_path / str(packing)
        run = bring(write_files(folder / "s", {"p.zip": bytes(data)}), folder / "run")
        assert _urls(run) == ["s/p.zip/b.gif"]
        assert reasons(run) == {"damaged_archive": 1}


@pytest.mark.parametrize(
    ("data", "detail"),
    [
        (_tar({"a.gif": GOOD}) + _tar({"b.gif": GOOD}), "after the end of the tar"),
        (_tar({"a.gif": GOOD, "b.bin": bytes(512), "c.gif": GOOD})[: 6 * 512], "cut off"),
    ],
)
def test_a_tar_with_more_than_one_end_or_none_says_so(tmp_path: Path, data: bytes, detail: str) -> None:
    run = bring(write_files(tmp_path / "s", {"t.tar": data}), tmp_path / "run")
    assert "s/t.tar/a.gif" in _urls(run)
    assert any(reject["reason"] == "damaged_archive" and detail in reject["detail"] for reject in rejects(run))


def test_a_description_that_nobody_can_read_costs_no_picture(tmp_path: Path) -> None:
    tar = _tar({"a.gif": GOOD, "a.json": DEEP, "b.gif": make_picture(2), "b.json": b'{"label": "hi"}'})
    run = bring(write_files(tmp_path / "s", {"t.tar": tar}), tmp_path / "run")
    assert [row["given_words"] for row in rows(run)] == [[], ["hi"]]
    assert reasons(run) == {}


def test_archives_that_no_reader_takes_apart_are_named(tmp_path: Path) -> None:
    heads = {"a.tar.xz": b"\xfd7zXZ\0", "b.rar": b"Rar!\x1a\x07\x01\0", "c.7z": b"7z\xbc\xaf\x27\x1c", "d.bz2": b"BZh9"}
    run = bring(write_files(tmp_path / "s", {name: head + bytes(9) for name, head in heads.items()}), tmp_path / "run")
    assert [reject["detail"].split()[0] for reject in rejects(run)] == ["xz", "rar", "7z", "bzip2"]
    assert reasons(run) == {"unsupported_archive": 4}


def _arrow(table: pa.Table, *, is_file: bool = False) -> bytes:
    sink = io.BytesIO()
    with (pa.ipc.new_file if is_file else pa.ipc.new_stream)(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def test_a_text_of_a_false_length_is_a_reject_and_does_not_end_the_process(tmp_path: Path) -> None:
    offsets, text = pa.py_buffer(struct.pack("<3i", 0, 1 << 30, 2)), pa.py_buffer(b"ab")
    labels = pa.StringArray.from_buffers(2, offsets, text)
    table = pa.table({"image": pa.array([GOOD, make_picture(2)], pa.binary()), "label": labels})
    run = bring(write_files(tmp_path / "s", {"t.arrow": _arrow(table), "a.gif": GOOD}), tmp_path / "run")
    assert _urls(run) == ["s/a.gif"]
    assert reasons(run) == {"damaged_archive": 1}


def test_arrow_files_are_read_like_arrow_streams_whatever_stands_in_their_description(tmp_path: Path) -> None:
    features = {"info": {"features": {"label": {"names": 5}, "image": 3}}}
    table = pa.table(
        {"image": pa.array([GOOD], pa.binary()), "label": [7], "title": pa.array([2**62], pa.timestamp("us"))}
    )
    described = table.replace_schema_metadata({"huggingface": json.dumps(features)})
    data = {"file.arrow": _arrow(described, is_file=True), "stream.arrow": _arrow(described)}
    run = bring(write_files(tmp_path / "s", data), tmp_path / "run")
    assert [row["given_words"] for row in rows(run)] == [["7"], ["7"]]
    assert all(row["title"] for row in rows(run))


def test_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    table = pa.Table.from_arrays([pa.array([GOOD]), pa.array(["x"]), pa.array(["y"])], ["image", "label", "label"])
    file = io.BytesIO()
    pq.write_table(table, file)
    run = bring(write_files(tmp_path / "s", {"t.parquet": file.getvalue()}), tmp_path / "run")
    assert [reject["detail"] for reject in rejects(run)] == ["more than one column is named label"]
