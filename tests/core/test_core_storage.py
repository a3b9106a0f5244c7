import hashlib
import os
import pickle
import threading

import pytest

from vsd2m.core.errors import MissingFileError, StorageError
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


def test_addresses_are_the_url_with_the_path_and_survive_the_way_between_processes(store, tmp_path):
    assert store.path("a/b") == f"{store.url}/a/b" and store.path("") == store.url
    again = pickle.loads(pickle.dumps(store))
    store.write_bytes("a/b", b"1")
    assert again.url == store.url and again.read_bytes("a/b") == b"1"
    assert Store(f"{store.url}/").url == store.url


def test_only_a_local_disk_has_paths_of_this_machine(tmp_path):
    assert Store(str(tmp_path)).local_path("a/b") == f"{tmp_path}/a/b"
    assert Store(f"memory://{tmp_path.name}").local_path("a/b") is None


def test_the_digest_of_a_file_of_several_blocks_is_that_of_all_its_bytes(store):
    data = os.urandom(2_500_000)
    store.write_bytes("large", data)
    assert store.sha256("large") == hashlib.sha256(data).hexdigest()
    store.write_bytes("empty", b"")
    assert store.sha256("empty") == hashlib.sha256(b"").hexdigest()


def test_names_are_listed_in_order_files_and_folders_alike(store):
    for path in ("b", "a/x", "a/y/z", "c"):
        store.write_bytes(path, b"1")
    assert store.list("") == ["a", "b", "c"] and store.list("a") == ["x", "y"]
    assert store.exists("a/y") and not store.exists("b/x") and store.list("b/x") == []


def test_json_is_read_and_what_is_none_is_named(store):
    store.write_bytes("a.json", '{"a": "贴纸"}'.encode())
    assert store.read_json("a.json") == {"a": "贴纸"}
    store.write_bytes("a.json", b'{"a": ')
    with pytest.raises(StorageError, match=r"cannot read .*a\.json: expected JSON"):
        store.read_json("a.json")


def test_leftovers_are_removed_from_the_runs_own_folder_too(tmp_path):
    store = Store(str(tmp_path))
    (tmp_path / "run.json.tmp-ab12cd34").write_bytes(b"half")
    store.write_bytes("run.json", b"{}")
    assert store.delete_leftovers("") == 1 and store.list("") == ["run.json"]
    assert store.delete_leftovers("nowhere") == 0


@pytest.mark.parametrize("kind", ["disk", "memory"])
def test_a_file_that_exists_is_not_created_again(kind, tmp_path):
    store = Store(str(tmp_path) if kind == "disk" else f"memory://{tmp_path.name}")
    assert store.create_bytes("new/file", b"first") is True
    assert store.create_bytes("new/file", b"second") is False
    assert store.read_bytes("new/file") == b"first" and store.list("new") == ["file"]


def test_of_writers_that_create_a_file_at_once_exactly_one_succeeds(tmp_path):
    from vsd2m.core.storage import _local_create

    path = str(tmp_path / "file")
    assert _local_create(path, b"first") is True and _local_create(path, b"second") is False
    assert (tmp_path / "file").read_bytes() == b"first" and os.listdir(tmp_path) == ["file"]


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    store = Store(str(tmp_path))
    store.write_bytes("file", b"1")
    for write in (store.write_bytes, store.create_bytes):
        with pytest.raises(StorageError, match="cannot write .*/file/below: "):
            write("file/below", b"2")


def test_what_is_not_there_cannot_be_measured(store):
    for use in (store.size, store.sha256):
        with pytest.raises(MissingFileError, match="cannot (measure|read) .*/gone"):
            use("gone")


def test_a_listing_says_how_large_every_file_is(store):
    for path, size in (("a/x", 3), ("a/y", 0), ("b", 5)):
        store.write_bytes(path, b"1" * size)
    assert store.sizes("a") == {"x": 3, "y": 0} and store.sizes("nowhere") == {}
    assert store.sizes("")["b"] == 5
