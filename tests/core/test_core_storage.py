import os
import threading

import pytest

from vsd2m.core.errors import StorageError
from vsd2m.core.storage import Store


@pytest.fixture(params=["local", "memory", "s3"])
def store(request, tmp_path) -> Store:
    if request.param == "local":
        return Store(str(tmp_path / "run"))
    if request.param == "memory":
        return Store(f"memory://{tmp_path.name}")
    return Store(f"{request.getfixturevalue('s3_bucket')}/{tmp_path.name}")


def test_what_is_written_is_read_back_whole_and_in_ranges(store):
    data = os.urandom(100_000)
    store.write_bytes("a/b.bin", data)
    assert store.read_bytes("a/b.bin") == data
    assert store.read_range("a/b.bin", 12_345, 678) == data[12_345 : 12_345 + 678]
    assert store.size("a/b.bin") == len(data)
    assert store.exists("a/b.bin") and not store.exists("a/c.bin")
    assert store.list("a") == ["b.bin"] and store.list("nowhere") == []


def test_a_range_past_the_end_is_an_error_and_not_a_short_answer(store):
    store.write_bytes("a.bin", b"12345")
    with pytest.raises(StorageError, match="10 bytes expected at 2, 3 found"):
        store.read_range("a.bin", 2, 10)


def test_a_write_that_raises_leaves_nothing_and_keeps_what_was_there(store):
    for before in (None, b"old"):
        if before:
            store.write_bytes("a/file", before)
        with pytest.raises(RuntimeError), store.open_write("a/file") as file:
            file.write(b"half of the new")
            raise RuntimeError
        assert store.exists("a/file") is (before is not None)
        if before:
            assert store.read_bytes("a/file") == before
    assert store.list("a") == ["file"]


def test_a_reader_sees_the_old_file_or_the_new_one_never_a_mixture(store):
    contents = {bytes([letter]) * 50_000 for letter in b"abcd"}
    store.write_bytes("file", b"a" * 50_000)
    seen, stop = set(), threading.Event()

    def read() -> None:
        reader = Store(store.url)
        while not stop.is_set():
            seen.add(reader.read_bytes("file"))

    thread = threading.Thread(target=read)
    thread.start()
    for content in sorted(contents) * 3:
        store.write_bytes("file", content)
    stop.set()
    thread.join()
    assert seen <= contents


def test_deleting_twice_is_no_error(store):
    store.write_bytes("a", b"1")
    store.delete("a")
    store.delete("a")
    assert not store.exists("a")


def test_a_missing_file_is_our_error_with_its_path(store):
    with pytest.raises(StorageError, match="cannot read .*/gone"):
        store.read_bytes("gone")


def test_leftovers_of_a_killed_writer_are_removed_and_nothing_else(tmp_path):
    store = Store(str(tmp_path))
    store.write_bytes("stage/part-000000.parquet", b"x")
    (tmp_path / "stage" / "part-000001.parquet.tmp-ab12cd34").write_bytes(b"half")
    assert store.delete_leftovers("stage") == 1
    assert store.list("stage") == ["part-000000.parquet"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full on this system")
def test_a_full_disk_is_one_clear_line(tmp_path):
    (tmp_path / "full").mkdir()
    store = Store(str(tmp_path))
    with (
        pytest.raises(StorageError, match="cannot write .*: No space left on device"),
        store.open_write("full/x") as file,
    ):
        with open("/dev/full", "wb") as full:
            full.write(b"x" * 100)
        file.write(b"never")
    assert store.list("full") == []


def test_an_unknown_kind_of_address_is_refused():
    with pytest.raises(StorageError, match="cannot open 'nonsense://x'"):
        Store("nonsense://x")
