"""Records that are kept: read once, and in agreement with what this process commits and deletes."""

import pytest

from vsd2m.core.commit import CommitRecord
from vsd2m.core.errors import StorageError
from vsd2m.core.listing import Listing
from vsd2m.core.run import Run, StageLayout, record_path
from vsd2m.core.storage import Store


def record(partition: int | None, **values: object) -> CommitRecord:
    zero = dict.fromkeys(("num_read", "num_kept", "num_dropped", "num_failed", "seconds", "num_computed"), 0)
    facts = {"identity": "i", "inputs": "x", "outputs": {}, "reasons": {}, "versions": {"a": "1"}, "config": {"b": [2]}}
    return CommitRecord(stage="probe", partition=partition, **{**zero, **facts, **values})


@pytest.fixture
def run(tmp_path) -> Run:
    """A run with three commits; the number of the last has more than six digits."""
    run = Run(Store(str(tmp_path)), (StageLayout("probe", "probe", "sticker", ()),))
    for partition in (0, 12, 1_000_001):
        run.commit(record(partition))
    return run


@pytest.mark.parametrize("whole_stages", [True, False])
def test_a_known_record_is_not_read_again(run, whole_stages):
    knowing = run.remembering(whole_stages=whole_stages)
    assert knowing.record("probe", 12) == run.record("probe", 12)
    run.store.write_bytes(record_path("probe", 12), b"torn")
    assert knowing.record("probe", 12) == record(12)
    with pytest.raises(StorageError, match="is no commit record"):
        run.record("probe", 12)


def test_a_stage_is_listed_once_and_what_it_lacks_does_not_exist(run):
    knowing = run.remembering(whole_stages=True)
    assert knowing.record("probe", 3) is None
    run.commit(record(3))
    assert knowing.record("probe", 3) is None
    knowing.remember(record(3))
    assert knowing.record("probe", 3) == record(3)


def test_a_worker_asks_again_for_a_record_that_does_not_exist_yet(run):
    knowing = run.remembering(whole_stages=False)
    assert knowing.record("probe", 3) is None
    run.commit(record(3))
    assert knowing.record("probe", 3) == record(3)


@pytest.mark.parametrize("whole_stages", [True, False])
def test_what_is_committed_and_deleted_is_known_at_once(run, whole_stages):
    knowing = run.remembering(whole_stages=whole_stages)
    knowing.record("probe", 0)
    knowing.commit(record(0, inputs="changed"))
    assert knowing.record("probe", 0).inputs == run.record("probe", 0).inputs == "changed"
    knowing.uncommit("probe", 0)
    assert knowing.record("probe", 0) is None and run.record("probe", 0) is None
    assert [entry.partition for entry in knowing.records("probe")] == [12, 1_000_001]


def test_records_come_by_partition_whatever_the_order_they_were_committed_in(run):
    knowing = run.remembering(whole_stages=True)
    knowing.records("probe")
    knowing.commit(record(7))
    for each in (run, knowing):
        assert [entry.partition for entry in each.records("probe")] == [0, 7, 12, 1_000_001]


def test_equal_parts_of_records_are_kept_once(run):
    first, second, _ = run.remembering(whole_stages=True).records("probe")
    assert first.config is second.config and first.versions is second.versions
    other = run.remembering(whole_stages=True)
    other.remember(record(0))
    other.remember(record(1, config={"b": [3]}))
    assert [entry.config for entry in other.records("probe") if entry.partition == 1] in ([{"b": [3]}], [])


def test_a_listing_gives_the_sizes_of_files_and_none_for_those_that_do_not_exist(run):
    run.store.write_bytes("shards/a.tar", b"12345")
    run.store.write_bytes("page.html", b"123")
    listing = Listing(run.store)
    sizes = [listing.size(path) for path in ("shards/a.tar", "page.html", "shards/b.tar", "nowhere/c")]
    assert sizes == [5, 3, None, None]


def test_many_files_are_read_in_order_and_those_that_do_not_exist_are_none(run, s3_bucket, tmp_path):
    for store in (run.store, Store(f"{s3_bucket}/{tmp_path.name}"), Store(f"memory://{tmp_path.name}")):
        store.write_bytes("a", b"1")
        store.write_bytes("b", b"2")
        assert list(store.read_many(["b", "gone", "a"])) == [b"2", None, b"1"]
        assert list(store.read_many([])) == []
