"""Archives from outside: bounded, never unpacked onto the disk, and whatever is wrong is a reject."""

import gzip
import io
import tarfile
import zipfile
from pathlib import Path

import pytest
import webdataset
from ingest_run import bring, make_picture, reasons, rejects, rows, stickers, write_files

GOOD = make_picture(1)


def _zip(members, **options) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, **options) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return file.getvalue()


def _tar(members) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, data in members:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return file.getvalue()


def _bring(tmp_path: Path, name: str, data: bytes, **config):
    return bring(write_files(tmp_path / "s", {name: data}), tmp_path / "run", **config)


def _named(run) -> dict[str, str]:
    return {str(reject["url"]): reject["reason"] for reject in rejects(run)}


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_members_with_bad_names_are_refused_and_nothing_is_written_outside_the_run(tmp_path: Path) -> None:
    names = ("../evil.gif", "/evil.gif", "a/../../evil.gif", "C:/evil.gif", "..\\evil.gif")
    members = [("good.gif", GOOD), *((name, make_picture(2)) for name in names), ("good.gif", make_picture(3))]
    for name, data in (("a.zip", _zip(members)), ("a.tar", _tar(members))):
        folder = tmp_path / name
        run = _bring(folder, name, data)
        assert [row["url"] for row in rows(run)] == [f"s/{name}/good.gif"]
        assert reasons(run) == {"unsafe_name": 5, "duplicate_name": 1}
        assert [path for path in tmp_path.rglob("*") if "evil" in path.name] == []


def test_a_bomb_is_refused_with_the_value_and_the_limit(tmp_path: Path) -> None:
    bomb = _zip([("zeros.gif", bytes(50_000_000)), ("good.gif", GOOD)])
    assert len(bomb) < 100_000
    run = _bring(tmp_path, "bomb.zip", bomb, max_file_bytes=1_000_000)
    (reject,) = rejects(run)
    assert (reject["reason"], reject["value"], reject["limit"]) == ("too_large", 50_000_000, 1_000_000)
    assert len(rows(run)) == 1


def test_a_member_that_lies_about_its_size_is_still_bounded(tmp_path: Path) -> None:
    data = bytearray(_zip([("zeros.gif", bytes(5_000_000))]))
    for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        start = data.index(signature) + offset
        data[start : start + 4] = (900).to_bytes(4, "little")
    assert set(reasons(_bring(tmp_path, "lie.zip", bytes(data), max_file_bytes=1000))) <= {
        "damaged_archive",
        "not_an_image",
    }


def test_what_all_members_unpack_to_is_bounded_too(tmp_path: Path) -> None:
    members = [(f"{number}.gif", bytes(400_000)) for number in range(20)]
    for name, data in (("many.zip", _zip(members)), ("many.tar.gz", gzip.compress(_tar(members)))):
        run = _bring(tmp_path / name, name, data, max_archive_bytes=2_000_000)
        assert reasons(run)["archive_too_large"] == 1
        assert sum(reasons(run).values()) < 8
    run = _bring(tmp_path / "members", "many.zip", _zip(members), max_members=3)
    assert reasons(run)["too_many_members"] == 1


def test_an_encrypted_member_is_a_reject(tmp_path: Path) -> None:
    data = bytearray(_zip([("secret.gif", GOOD)]))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + offset] |= 1
    assert _named(_bring(tmp_path, "a.zip", bytes(data))) == {"s/a.zip/secret.gif": "encrypted"}


def test_a_tar_that_was_cut_off_gives_what_it_has_and_says_so(tmp_path: Path) -> None:
    whole = _tar([(f"{number}.gif", make_picture(number)) for number in range(4)])
    for place, size in enumerate((1024 + 512 + 50, 1024 * 2, 1024 * 3 + 100, 100)):
        for name, data in (("a.tar", whole[:size]), ("a.tar.gz", gzip.compress(whole[:size]))):
            run = _bring(tmp_path / f"{place}{name}", name, data)
            assert _named(run) == {f"s/{name}": "damaged_archive"}
            assert len(rows(run)) == size // 1024, (name, size)
    run = _bring(tmp_path / "gz", "a.tar.gz", gzip.compress(whole)[:-40])
    assert _named(run) == {"s/a.tar.gz": "damaged_archive"}


def test_an_archive_that_is_none_is_a_reject(tmp_path: Path) -> None:
    files = dict.fromkeys(
        ("a.zip", "a.tar", "a.tgz", "a.wastickers", "a.parquet", "a.arrow"), b"nothing of the kind" * 40
    )
    run = bring(write_files(tmp_path / "s", files), tmp_path / "run")
    assert set(_named(run).values()) == {"damaged_archive"}
    assert len(_named(run)) == 6


def test_links_and_devices_in_a_tar_are_rejects(tmp_path: Path) -> None:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, kind in (("a.gif", tarfile.SYMTYPE), ("b.gif", tarfile.LNKTYPE), ("c.gif", tarfile.CHRTYPE)):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "/etc/passwd"
            archive.addfile(member)
    assert reasons(_bring(tmp_path, "a.tar", file.getvalue())) == {"not_a_regular_file": 3}


def test_a_tar_that_webdataset_wrote_gives_every_picture_with_its_texts(tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    samples = [
        {"__key__": "x/0001", "gif": make_picture(1), "json": {"tags": ["a"], "author": "Ann"}, "txt": "a cat waves"},
        {"__key__": "x/0002", "webp": make_picture(2, "WEBP"), "png": make_picture(3, "PNG"), "cls": b"7"},
        {"__key__": "x/0003", "txt": "nothing here"},
    ]
    with webdataset.TarWriter(str(tmp_path / "s" / "train-0.tar"), encoder=True) as writer:
        for sample in samples:
            writer.write(sample)
    run = bring(tmp_path / "s", tmp_path / "run")
    assert [row["urls"] for row in stickers(run)] == [
        ["s/train-0.tar/x/0001.gif"], ["s/train-0.tar/x/0002.png"], ["s/train-0.tar/x/0002.webp"]
    ]  # fmt: skip
    first, second, _ = stickers(run)
    assert (first["tags"], first["authors"], first["given_captions"]) == (["a"], ["Ann"], ["a cat waves"])
    assert second["trigger_words"] == ["7"]
    assert _named(run) == {"s/train-0.tar/x/0003": "no_picture"}


def test_a_lottie_in_a_tar_is_a_picture_and_not_a_description(tmp_path: Path) -> None:
    lottie = b'{"v":"5.5","fr":10,"ip":0,"op":10,"w":8,"h":8,"layers":[]}'
    run = _bring(tmp_path, "a.tar", _tar([("1.json", lottie), ("1.txt", b"moves")]))
    assert [(row["urls"], row["given_captions"]) for row in stickers(run)] == [(["s/a.tar/1.json"], ["moves"])]
