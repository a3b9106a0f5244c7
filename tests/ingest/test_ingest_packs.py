"""The sticker packs people trade."""

import contextlib
import gzip
import hashlib
import hmac
import io
import json
import zipfile
from pathlib import Path

import fsspec
import pytest
from aes_reference import encrypt_block, encrypt_cbc
from hypothesis import given
from hypothesis import strategies as st
from ingest_run import bring, make_picture, reasons, rejects, stickers, write_files

from vsd2m.ingest.protobuf import ProtobufError, fields_of

PACK_KEY = bytes(range(32))


def _zip(members) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


def _found(run) -> list[tuple]:
    return [(row["urls"][0], row["titles"], row["authors"], row["trigger_words"]) for row in stickers(run)]


def test_a_folder_of_tgs_is_a_folder_of_stickers(tmp_path: Path) -> None:
    lottie = json.dumps({"v": "5.5", "fr": 60, "ip": 0, "op": 60, "w": 512, "h": 512, "layers": []}).encode()
    files = {"😀.tgs": gzip.compress(lottie, mtime=0), "not.tgs": gzip.compress(b"text", mtime=0)}
    run = bring(write_files(tmp_path / "pack", files), tmp_path / "run")
    assert [url for url, *_ in _found(run)] == ["pack/😀.tgs"]
    assert reasons(run) == {"not_an_image": 1}


def test_a_whatsapp_pack_gives_its_stickers_with_title_and_author_and_leaves_its_icon(tmp_path: Path) -> None:
    members = {"1.webp": make_picture(1, "WEBP"), "2.webp": make_picture(2, "WEBP"), "tray.png": make_picture(3, "PNG"),
               "title.txt": "Höflich", "author.txt": " Ann\n"}  # fmt: skip
    run = bring(write_files(tmp_path / "s", {"cat/p.wastickers": _zip(members)}), tmp_path / "run")
    assert _found(run) == [(f"s/cat/p.wastickers/{number}.webp", ["Höflich"], ["Ann"], ["cat"]) for number in (1, 2)]
    assert reasons(run) == {"pack_cover": 1}


META = {"packageId": 1234, "title": {"ja": "ねこ", "en": "Cats"}, "author": {"ja": "アン"}, "stickers": [{"id": 11}]}


def test_an_animated_line_pack_gives_its_animations_and_leaves_stills_and_buttons(tmp_path: Path) -> None:
    members = {"productInfo.meta": json.dumps(META), "11@2x.png": make_picture(1, "PNG"),
               "11_key@2x.png": make_picture(2, "PNG"), "tab_on@2x.png": make_picture(3, "PNG"),
               "animation@2x/11@2x.png": make_picture(4, "PNG")}  # fmt: skip
    run = bring(write_files(tmp_path / "s", {"pack.zip": _zip(members)}), tmp_path / "run")
    assert _found(run) == [("s/pack.zip/animation@2x/11@2x.png", ["Cats"], ["アン"], [])]
    assert stickers(run)[0]["source_ids"] == ["1234"] and stickers(run)[0]["sources"] == ["line"]
    assert reasons(run) == {"pack_preview": 3}


def test_a_still_line_pack_gives_its_stills(tmp_path: Path) -> None:
    members = {"11@2x.png": make_picture(1, "PNG"), "11_key@2x.png": make_picture(2, "PNG"), "productInfo.meta": "{"}
    run = bring(write_files(tmp_path / "s", {"pack.zip": _zip(members)}), tmp_path / "run")
    assert [url for url, *_ in _found(run)] == ["s/pack.zip/11@2x.png"]


def test_another_zip_is_a_folder(tmp_path: Path) -> None:
    run = bring(write_files(tmp_path / "s", {"all.zip": _zip({"dog/a.gif": make_picture(1)})}), tmp_path / "run")
    assert _found(run) == [("s/all.zip/dog/a.gif", [], [], ["dog"])]


# -- Signal --------------------------------------------------------------------------------------


def test_the_reference_cipher_is_that_of_the_standard() -> None:
    from aes_reference import _round_keys  # FIPS 197, appendix C.3

    block = bytes.fromhex("00112233445566778899aabbccddeeff")
    assert encrypt_block(block, _round_keys(bytes(range(32)))).hex() == "8ea2b7ca516745bfeafc49904b496089"


def _encrypted(data: bytes, number: int = 0) -> bytes:
    """By the standard library's HMAC (HKDF is RFC 5869) and the tests' own AES."""
    extracted = hmac.digest(bytes(32), PACK_KEY, "sha256")
    first = hmac.digest(extracted, b"Sticker Pack\x01", "sha256")
    second = hmac.digest(extracted, first + b"Sticker Pack\x02", "sha256")
    iv = hashlib.sha256(bytes([number])).digest()[:16]
    body = iv + encrypt_cbc(data, first, iv)
    return body + hmac.digest(second, body, "sha256")


def _message(*fields: tuple[int, int | bytes]) -> bytes:
    data = b""
    for number, value in fields:
        if isinstance(value, int):
            data += bytes([number << 3]) + _number(value)
        else:
            data += bytes([number << 3 | 2]) + _number(len(value)) + value
    return data


def _number(value: int) -> bytes:
    return bytes([value]) if value < 128 else bytes([value & 127 | 128]) + _number(value >> 7)


def _signal_pack(folder: Path, key_file: str = "pack_key", key: str = PACK_KEY.hex(), below: str = "full/") -> Path:
    manifest = _message(
        (1, "Grüße".encode()),
        (2, b"Ann"),
        (3, _message((1, 300))),
        (4, _message((1, 0), (2, "😀".encode()))),
        (4, _message((1, 1), (2, "👋".encode()))),
        (4, _message((1, 2))),
    )
    pictures = {f"{below}{number}": _encrypted(make_picture(number, "PNG"), number) for number in (0, 1)}
    files = {"manifest.proto": _encrypted(manifest), key_file: key, **pictures}
    return write_files(folder, files)


@pytest.mark.parametrize(
    ("key_file", "key", "below"),
    [
        ("pack_key", PACK_KEY.hex(), "full/"),
        ("link.txt", f"https://signal.art/addstickers/#pack_id=00&pack_key={PACK_KEY.hex()}\n", ""),
    ],
)
def test_a_signal_pack_is_decrypted_with_its_key(tmp_path: Path, key_file, key, below) -> None:
    _signal_pack(tmp_path / "packs" / "hello", key_file, key, below)
    run = bring(tmp_path / "packs", tmp_path / "run")
    manifest = "packs/hello/manifest.proto"
    assert _found(run) == [
        (f"{manifest}/0", ["Grüße"], ["Ann"], ["😀"]),
        (f"{manifest}/1", ["Grüße"], ["Ann"], ["👋"]),
    ]
    assert {reject["url"]: reject["reason"] for reject in rejects(run)} == {
        f"{manifest}/2": "missing_file",
        f"{manifest}/300": "pack_cover",
    }


@pytest.mark.parametrize(
    ("key", "reason"), [("00" * 32, "cannot_decrypt"), ("no key", "no_pack_key"), ("0" * 63, "no_pack_key")]
)
def test_a_pack_without_its_key_is_one_reject(tmp_path: Path, key, reason) -> None:
    _signal_pack(tmp_path / "p", key=key)
    run = bring(tmp_path / "p", tmp_path / "run")
    assert [(reject["url"], reject["reason"]) for reject in rejects(run)] == [("p/manifest.proto", reason)]


def test_a_pack_is_read_again_when_its_key_or_a_picture_of_it_arrives(tmp_path: Path) -> None:
    folder = _signal_pack(tmp_path / "p", key="no key")
    late = (folder / "full" / "1").rename(tmp_path / "late")
    assert reasons(bring(folder, tmp_path / "run")) == {"no_pack_key": 1}
    (folder / "pack_key").write_text(PACK_KEY.hex())
    assert reasons(bring(folder, tmp_path / "run")) == {"missing_file": 2, "pack_cover": 1}
    late.rename(folder / "full" / "1")
    assert reasons(bring(folder, tmp_path / "run")) == {"missing_file": 1, "pack_cover": 1}


@pytest.mark.parametrize("is_remote", [False, True])
def test_what_lies_beside_a_pack_is_read_too(tmp_path: Path, is_remote: bool) -> None:
    folder = _signal_pack(tmp_path / "p")
    others = {"own.gif": make_picture(5), "full/x.gif": make_picture(6), "cat/7": make_picture(7)}
    write_files(folder, others)
    address = str(folder)
    if is_remote:
        address = f"memory://{tmp_path.name}"
        fsspec.filesystem("memory").put(str(folder), address, recursive=True)
    urls = [url.removeprefix(f"{address}/").removeprefix("p/") for url, *_ in _found(bring(address, tmp_path / "run"))]
    assert sorted(urls) == sorted([*others, "manifest.proto/0", "manifest.proto/1"])


def test_a_picture_that_was_changed_is_a_reject_and_the_others_stay(tmp_path: Path) -> None:
    folder = _signal_pack(tmp_path / "p")
    data = bytearray((folder / "full" / "0").read_bytes())
    data[20] ^= 1
    (folder / "full" / "0").write_bytes(data)
    run = bring(folder, tmp_path / "run")
    assert [url for url, *_ in _found(run)] == ["p/manifest.proto/1"]
    assert reasons(run) == {"cannot_decrypt": 1, "missing_file": 1, "pack_cover": 1}


@given(st.binary(max_size=60))
def test_bytes_that_are_no_message_are_an_error_and_nothing_else(data) -> None:
    with contextlib.suppress(ProtobufError):
        fields_of(data).text(1)
