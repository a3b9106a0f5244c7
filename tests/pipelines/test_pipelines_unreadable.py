"""Only what does not exist is not there: whatever else cannot be read is an error, and nothing is done again for it."""

import shutil
from pathlib import Path

import pytest

from vsd2m.core.errors import MissingFileError, StageError, StorageError
from vsd2m.core.run import Run
from vsd2m.core.storage import Store
from vsd2m.pipelines.engine.local import run_local
from vsd2m.pipelines.status import manifest, status

RECORD = "source/part-000001.json"


def _unreadable(path: Path) -> None:
    """What no user may read, root included."""
    path.unlink()
    path.mkdir()
    (path / "x").touch()


def _torn(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100])


@pytest.mark.parametrize("spoil", [_unreadable, _torn])
def test_a_commit_record_that_cannot_be_read_is_an_error_and_no_missing_partition(number_plan, spoil) -> None:
    plan = number_plan()
    run = run_local(plan)
    record = Path(run.store.path(RECORD))
    before = manifest(run)
    whole = record.read_bytes()
    spoil(record)
    for use in (lambda: run_local(plan), lambda: run.records("source"), lambda: status(run), lambda: manifest(run)):
        with pytest.raises(StorageError, match=r"part-000001\.json"):
            use()
    shutil.rmtree(record) if record.is_dir() else record.unlink()
    record.write_bytes(whole)
    assert manifest(run_local(plan)) == before


def test_a_record_that_does_not_exist_is_done_again(number_plan) -> None:
    plan = number_plan()
    run = run_local(plan)
    before = manifest(run)
    run.store.delete(RECORD)
    assert run.record("source", 1) is None
    assert manifest(run_local(plan)) == before


def test_the_catalog_is_not_made_of_fewer_partitions_than_were_planned(number_plan) -> None:
    from vsd2m.pipelines.engine.partition_worker import run_one
    from vsd2m.pipelines.engine.progress import Silent

    plan = number_plan()
    run = run_local(plan)
    before = manifest(run)
    run.store.delete(RECORD)
    with pytest.raises(StageError, match="expected 2 committed partitions, found 1"):
        run_one(run, plan, plan.stage("catalog"), None, Silent())
    assert {path for path in before if path.startswith("catalog/")} <= set(manifest(run))


def test_columns_that_cannot_be_read_are_not_computed_anew_in_silence(number_plan, tmp_path) -> None:
    calls = tmp_path / "calls"
    run = run_local(number_plan(measure={"calls": str(calls)}))
    num_calls = len(calls.read_text().split())
    run.store.delete("measure/rejects-000000.parquet")
    _unreadable(Path(run.store.path("measure/part-000000.parquet")))
    with pytest.raises(StorageError, match="Is a directory"):
        run_local(number_plan(measure={"calls": str(calls)}))
    assert len(calls.read_text().split()) == num_calls


def test_a_run_file_that_is_torn_is_named(number_plan) -> None:
    run = run_local(number_plan())
    _torn(Path(run.store.path("run.json")))
    with pytest.raises(StorageError, match=r"run\.json: expected JSON"):
        Run.open(run.store.url)


def test_a_missing_file_is_told_from_one_that_cannot_be_read(tmp_path) -> None:
    store = Store(str(tmp_path))
    with pytest.raises(MissingFileError):
        store.read_bytes("gone")
    (tmp_path / "folder").mkdir()
    with pytest.raises(StorageError) as caught:
        store.read_bytes("folder")
    assert not isinstance(caught.value, MissingFileError)


def test_a_storage_that_does_not_answer_is_no_empty_folder(tmp_path) -> None:
    store = Store(str(tmp_path))
    too_long = "x" * 300
    for use in (store.exists, store.list, store.read_bytes):
        with pytest.raises(StorageError, match="File name too long"):
            use(too_long)
