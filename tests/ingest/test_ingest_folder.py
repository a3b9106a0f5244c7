"""Folders of stickers, with and without a table that describes them."""

import json
import os
import unicodedata
from pathlib import Path

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ingest_run import bring, make_picture, reasons, rejects, rows, stickers, write_files

from vsd2m.core.errors import ConfigError, StorageError
from vsd2m.core.keys import sticker_key


def test_every_picture_of_a_nested_folder_is_stored_under_its_own_bytes(tmp_path: Path) -> None:
    files = {
        "a.gif": make_picture(1),
        "cat/b.webp": make_picture(2, "WEBP"),
        "cat/wild/早安 ü.png": make_picture(3, "PNG"),
    }
    run = bring(write_files(tmp_path / "stickers", files), tmp_path / "run")
    assert {row["url"]: row["key"] for row in rows(run)} == {
        f"stickers/{name}": sticker_key(data) for name, data in files.items()
    }
    for row in rows(run):
        stored = run.store.read_range(row["media_tar"], row["media_offset"], row["num_bytes"])
        assert sticker_key(stored) == row["key"]
    assert {tuple(row["urls"]): row["trigger_words"] for row in stickers(run)} == {
        ("stickers/a.gif",): [],
        ("stickers/cat/b.webp",): ["cat"],
        ("stickers/cat/wild/早安 ü.png",): ["wild"],
    }
    assert reasons(run) == {}


def test_what_is_no_sticker_is_a_reject_with_its_reason(tmp_path: Path) -> None:
    folder = write_files(
        tmp_path / "stickers",
        {
            "good.gif": make_picture(1),
            "README.md": "about",
            "empty.gif": b"",
            "large.gif": make_picture(2) + bytes(5000),
        },
    )
    (folder / "picture.bmp").write_bytes(b"BM" + bytes(60))
    os.mkfifo(folder / "pipe")
    run = bring(folder, tmp_path / "run", max_file_bytes=4000)
    assert {reject["url"]: (reject["reason"], reject["detail"]) for reject in rejects(run)} == {
        "stickers/README.md": ("not_an_image", "no picture format that is known"),
        "stickers/empty.gif": ("empty_file", None),
        "stickers/large.gif": ("too_large", None),
        "stickers/picture.bmp": ("not_an_image", "looks like bmp"),
        "stickers/pipe": ("not_a_regular_file", "a pipe, a socket or a device"),
    }
    too_large = next(reject for reject in rejects(run) if reject["reason"] == "too_large")
    assert (too_large["value"], too_large["limit"]) == ((folder / "large.gif").stat().st_size, 4000)
    assert len(rows(run)) == 1


def test_links_are_followed_only_where_the_config_says_so_and_never_in_a_circle(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "stickers", {"a.gif": make_picture(1)})
    elsewhere = write_files(tmp_path / "elsewhere", {"b.gif": make_picture(2)})
    (folder / "there").symlink_to(elsewhere)
    (folder / "self").symlink_to(folder)
    (folder / "nowhere.gif").symlink_to(tmp_path / "gone.gif")
    assert reasons(bring(folder, tmp_path / "run")) == {"symbolic_link": 3}
    followed = bring(folder, tmp_path / "followed", follow_symlinks=True)
    assert [row["url"] for row in rows(followed)] == ["stickers/a.gif", "stickers/there/b.gif"]
    assert reasons(followed) == {"symbolic_link_loop": 1, "missing_file": 1}


DESCRIBED = [
    {"file_name": "a.gif", "keywords": "hi; hello", "title": "A", "tags": "x|y", "license": "CC0-1.0", "artist": "Ann",
     "text": "a red square, blinking"},
    {"file_name": "gone.gif", "keywords": "lost", "title": "", "tags": "", "license": "", "artist": "", "text": ""},
    {"file_name": "cat/b.gif", "keywords": "", "title": "B", "tags": "", "license": "", "artist": "", "text": ""},
    {"file_name": "", "keywords": "none", "title": "", "tags": "", "license": "", "artist": "", "text": ""},
]  # fmt: skip


def _table(suffix: str) -> bytes:
    names = list(DESCRIBED[0])
    if suffix == "jsonl":
        return "".join(json.dumps(row) + "\n" for row in DESCRIBED).encode()
    if suffix == "parquet":
        sink = pa.BufferOutputStream()
        pq.write_table(pa.Table.from_pylist(DESCRIBED), sink)
        return sink.getvalue().to_pybytes()
    quote = {"csv": '"{}"', "tsv": "{}"}[suffix]
    separator = {"csv": ",", "tsv": "\t"}[suffix]
    lines = [separator.join(names), *(separator.join(quote.format(row[name]) for name in names) for row in DESCRIBED)]
    return ("\ufeff" + "\r\n".join(lines) + "\r\n").encode()


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "parquet"])
def test_a_table_beside_the_files_says_what_they_are_and_rows_without_a_file_are_rejects(
    tmp_path: Path, suffix
) -> None:
    files = {"a.gif": make_picture(1), "cat/b.gif": make_picture(2), "cat/c.gif": make_picture(3)}
    folder = write_files(tmp_path / "stickers", {**files, f"metadata.{suffix}": _table(suffix)})
    run = bring(folder, tmp_path / "run")
    a, b, c = stickers(run)
    assert (a["trigger_words"], a["titles"], a["tags"]) == (["hello", "hi"], ["A"], ["x", "y"])
    assert (a["licences"], a["authors"], a["given_captions"]) == (["CC0-1.0"], ["Ann"], ["a red square, blinking"])
    assert (b["trigger_words"], b["titles"]) == (["cat"], ["B"])
    assert (c["trigger_words"], c["titles"], c["given_captions"]) == (["cat"], [], [])
    assert {(reject["url"], reject["reason"]) for reject in rejects(run)} == {
        ("stickers/gone.gif", "missing_file"),
        (None, "no_file_named"),
    }
    facts = run.store.read_json("ingest/partitions.json")["facts"]
    assert facts == {
        "num_files": 3,
        "num_companions": 1,
        "num_rows": 4,
        "num_rows_without_file": 2,
        "num_files_without_row": 1,
    }


def test_two_rows_for_one_file_are_both_heard(tmp_path: Path) -> None:
    table = "file,caption\na.gif,one\na.gif,two\n"
    run = bring(write_files(tmp_path / "s", {"a.gif": make_picture(1), "captions.csv": table}), tmp_path / "run")
    assert [row["given_captions"] for row in stickers(run)] == [["one", "two"]]
    assert run.record("catalog", None).reasons == {"found_again": 1}


def test_names_match_however_their_accents_are_spelled(tmp_path: Path) -> None:
    composed, decomposed = (unicodedata.normalize(form, "é.gif") for form in ("NFC", "NFD"))
    files = {decomposed: make_picture(1), "metadata.csv": f"file,title\n./{composed},E\n"}
    run = bring(write_files(tmp_path / "s", files), tmp_path / "run")
    assert [row["titles"] for row in stickers(run)] == [["E"]]


def test_columns_that_cannot_be_guessed_are_named_and_a_table_may_lie_elsewhere(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "s", {"a.gif": make_picture(1)})
    table = write_files(tmp_path, {"my.tsv": 'pic\tsaid\na.gif\t"hello" she said\n'}) / "my.tsv"
    columns = {"file": "pic", "caption": "said"}
    run = bring(folder, tmp_path / "run", metadata=str(table), columns=columns)
    assert [row["given_captions"] for row in stickers(run)] == [['"hello" she said']]
    with pytest.raises(ConfigError, match="no column of my.tsv names the files; its columns are pic, said"):
        bring(folder, tmp_path / "other", metadata=str(table))
    with pytest.raises(ConfigError, match="my.tsv has no column 'sayed' \\(did you mean 'said'\\?\\)"):
        bring(folder, tmp_path / "other", metadata=str(table), columns={"file": "pic", "caption": "sayed"})


def test_a_table_none_of_whose_rows_fits_stops_the_run(tmp_path: Path) -> None:
    files = {"a.gif": make_picture(1), "metadata.csv": "file,title\n/home/ann/a.gif,A\n"}
    with pytest.raises(ConfigError, match="none of the 1 rows of the metadata names a file"):
        bring(write_files(tmp_path / "s", files), tmp_path / "run")


def test_a_folder_with_nothing_in_it_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "empty" / "deeper").mkdir(parents=True)
    with pytest.raises(StorageError, match="there are no files in .*empty; expected stickers, archives or packs"):
        bring(tmp_path / "empty", tmp_path / "run")
    with pytest.raises(ConfigError, match="path: there is no file or folder"):
        bring(tmp_path / "nowhere", tmp_path / "run")
    with pytest.raises(ConfigError, match="which is read; choose a folder beside it"):
        bring(tmp_path / "empty", tmp_path / "empty" / "run")


def test_a_prefix_on_an_object_store_is_read_like_a_folder() -> None:
    memory = fsspec.filesystem("memory")
    memory.pipe_file("/bucket/stickers/cat/a.gif", make_picture(1))
    memory.pipe_file("/bucket/stickers/metadata.csv", b"file,title\ncat/a.gif,A\n")
    run = bring("memory://bucket/stickers", "memory://bucket/run")
    assert [(row["urls"], row["titles"], row["trigger_words"]) for row in stickers(run)] == [
        (["memory://bucket/stickers/cat/a.gif"], ["A"], ["cat"])
    ]
    memory.rm("/bucket", recursive=True)


def test_a_file_that_may_not_be_read_fails_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_files(tmp_path / "s", {"a.gif": make_picture(1), "b.tar": b"no tar" * 200})
    run = bring(folder, tmp_path / "run")
    assert [(reject["url"], reject["reason"], reject["outcome"]) for reject in rejects(run)] == [
        ("s/b.tar", "damaged_archive", "dropped")
    ]


def test_two_ingests_and_their_folders_stand_together(tmp_path: Path) -> None:
    from vsd2m.pipelines.engine.config import PipelineConfig
    from vsd2m.pipelines.engine.local import run_local
    from vsd2m.pipelines.engine.plan import make_plan

    first = write_files(tmp_path / "first", {"a.gif": make_picture(1), "b.gif": make_picture(2)})
    second = write_files(tmp_path / "second", {"a.gif": make_picture(1), "c.gif": make_picture(3)})
    stages = {
        "first": {"stage": "ingest", "path": str(first), "media_folder": "first"},
        "second": {"stage": "ingest", "path": str(second), "media_folder": "second"},
        "catalog": None,
    }
    run = run_local(make_plan(PipelineConfig.model_validate({"run": str(tmp_path / "run"), "stages": stages})))
    assert [row["urls"] for row in stickers(run)] == [
        ["first/a.gif", "second/a.gif"],
        ["first/b.gif"],
        ["second/c.gif"],
    ]
    stages["second"]["media_folder"] = "first"
    with pytest.raises(ConfigError, match="stages.second: media_folder: stage 'first' writes to 'first'"):
        make_plan(PipelineConfig.model_validate({"run": str(tmp_path / "run"), "stages": stages}))
