import os
from pathlib import Path

import polars as pl
import pytest

from vsd2m.core.errors import StageError, StorageError
from vsd2m.core.run import Run
from vsd2m.pipelines.engine.local import run_local
from vsd2m.pipelines.engine.plan import make_plan
from vsd2m.pipelines.lineage import why
from vsd2m.pipelines.status import damaged_files, manifest, status


def widths(run: Run) -> list[int]:
    return run.frame(["width"])["width"].to_list()


def test_every_stage_accounts_for_every_sticker(number_plan):
    run = run_local(number_plan(limit={"max_width": 30}))
    rows = status(run)
    for row in rows:
        assert row.num_kept + row.num_dropped + row.num_failed == row.num_read
    assert [row.num_read for row in rows] == [42, 40, 40, 40, 31, 16]
    assert rows[3].reasons == {"too_wide": 9}


def test_the_survivors_come_in_catalog_order_with_the_columns_of_every_stage(number_plan):
    run = run_local(number_plan(limit={"max_width": 9}))
    frame = run.frame(["width", "entropy", "caption", "urls"])
    assert frame["width"].to_list() == [0, 2, 4, 6, 8]
    assert frame["entropy"].to_list() == [number**2 / 7 for number in (0, 2, 4, 6, 8)]
    assert frame["caption"].to_list() == [f"number {number}" for number in (0, 2, 4, 6, 8)]


def test_a_second_run_computes_nothing(number_plan, tmp_path: Path):
    calls = tmp_path / "calls"
    run_local(number_plan(measure={"calls": str(calls)}))
    assert len(calls.read_text().split()) == 40
    run_local(number_plan(measure={"calls": str(calls)}))
    assert len(calls.read_text().split()) == 40


def test_changing_a_limit_never_measures_a_sticker_again(number_plan, tmp_path: Path):
    """The stage behind the filter sees each sticker once, however often the limit moves."""
    calls = tmp_path / "calls"
    plan = lambda limit: number_plan(limit={"max_width": limit}, measure={"calls": str(calls)})  # noqa: E731
    tight = run_local(plan(10))
    tight_manifest = manifest(tight)
    loose = run_local(plan(20))
    assert widths(loose) == [*range(0, 21, 2)]
    labels = [record.num_computed for record in loose.records("label")]
    assert sum(labels) == len(widths(loose)) - 6  # 0 to 10 were labelled before
    assert manifest(run_local(plan(10))) == tight_manifest
    assert len(calls.read_text().split()) == 40


def test_what_is_carried_over_equals_what_a_fresh_run_writes(number_plan):
    run_local(number_plan(limit={"max_width": 10}))
    moved = run_local(number_plan(limit={"max_width": 33}))
    fresh = run_local(number_plan(run="fresh", limit={"max_width": 33}))
    assert manifest(moved) == manifest(fresh)


def test_partition_size_changes_files_but_no_sticker(number_plan):
    one = run_local(number_plan(run="one", partition_size=100)).frame(["width", "caption"])
    many = run_local(number_plan(run="many", partition_size=3)).frame(["width", "caption"])
    assert one.drop("partition").equals(many.drop("partition"))


def test_a_sticker_that_raises_is_recorded_and_takes_no_other_with_it(number_plan):
    run = run_local(number_plan(measure={"raise_on": 12}))
    failed = pl.concat([rejects for stage, rejects in run.all_rejects() if stage == "measure"])
    assert failed["outcome"].to_list() == ["failed"]
    assert failed["reason"].to_list() == ["ValueError"]
    assert "cannot take 12" in failed["detail"][0]
    assert sorted(widths(run)) == [number for number in range(0, 40, 2) if number != 12]


def test_failed_stickers_are_tried_again_only_when_asked(number_plan, tmp_path: Path):
    calls = tmp_path / "calls"
    plan = number_plan(measure={"raise_on": 12, "calls": str(calls)})
    run_local(plan)
    first = len(calls.read_text().split())
    run_local(plan)
    assert len(calls.read_text().split()) == first
    run_local(plan, retry_failed=True)
    assert calls.read_text().split()[first:] == ["12"]


def test_a_stage_that_fails_on_most_stickers_stops_the_run(number_plan):
    """A broken model fails everywhere; carrying on would record every sticker as its own fault."""
    broken = number_plan(source={"num_stickers": 6, "num_partitions": 1}, measure={"calls": "/nowhere/calls"})
    with pytest.raises(StageError, match=r"measure failed on 6 of 6 stickers.*FileNotFoundError"):
        run_local(broken)


def test_a_stage_that_loses_a_column_is_refused(number_plan):
    with pytest.raises(StageError, match=r"returned columns \['width'\], its spec says \['entropy', 'width'\]"):
        run_local(number_plan(measure={"lose_column": True}))


def test_a_smaller_data_set_leaves_no_partition_of_the_larger_one(number_plan):
    run_local(number_plan(source={"num_stickers": 40}))
    shrunk = run_local(number_plan(source={"num_stickers": 10}))
    fresh = run_local(number_plan(run="fresh", source={"num_stickers": 10}))
    assert manifest(shrunk) == manifest(fresh)
    assert shrunk.store.list("measure") == fresh.store.list("measure")


def test_a_damaged_or_missing_output_is_noticed_and_made_again(number_plan):
    plan = number_plan()
    run = run_local(plan)
    whole = manifest(run)
    path = "measure/part-000001.parquet"
    run.store.delete(path)
    assert damaged_files(run) == [f"{path}: missing"]
    assert manifest(run_local(plan)) == whole
    assert damaged_files(run) == []
    run.store.write_bytes(path, b"x" * run.store.size(path))
    assert damaged_files(run)[0].startswith(f"{path}: sha256 ")


def test_a_cut_off_output_is_noticed_by_its_size_and_made_again(number_plan):
    plan = number_plan()
    run = run_local(plan)
    whole = manifest(run)
    path = "label/part-000001.parquet"  # nothing reads the last stage's output
    run.store.write_bytes(path, run.store.read_bytes(path)[:-1])
    run_local(plan)
    assert damaged_files(run) == []
    assert manifest(run) == whole


def test_going_back_to_an_earlier_config_gives_its_files_again(number_plan):
    first = manifest(run_local(number_plan(limit={"max_width": 10})))
    run_local(number_plan(limit={"max_width": 20}))
    assert manifest(run_local(number_plan(limit={"max_width": 10}))) == first


@pytest.mark.parametrize(("stage", "partition"), [("limit", 0), ("group", None)])
def test_a_record_is_gone_before_the_outputs_it_describes_are_replaced(number_plan, stage, partition):
    """The write of the second of two files fails, as on a full disk; the first is another config's by then."""
    run = run_local(number_plan(limit={"max_width": 10}))
    assert run.record(stage, partition) is not None
    before = run.store.sha256(f"{stage}/part-000000.parquet")
    rejects = Path(run.store.path(f"{stage}/rejects-000000.parquet"))
    rejects.unlink()
    (rejects / "in the way").mkdir(parents=True)
    with pytest.raises(StorageError, match=f"cannot write .*{stage}/rejects-000000"):
        run_local(number_plan(limit={"max_width": 30}))
    assert run.store.sha256(f"{stage}/part-000000.parquet") != before
    assert run.record(stage, partition) is None


def test_of_two_stages_that_write_a_column_the_later_one_wins(number_plan):
    config = number_plan().config
    relabel = {"stage": "fake_stages:Relabel"}
    plan = make_plan(config.model_copy(update={"stages": {**config.stages, "relabel": relabel}}))
    run = run_local(plan)
    assert run.frame(["caption"])["caption"].to_list()[:2] == ["NUMBER 0", "NUMBER 2"]
    assert run.frame(["caption"], before="relabel")["caption"].to_list()[:2] == ["number 0", "number 2"]


def test_why_tells_a_stickers_whole_story_by_key_start_and_by_address(number_plan):
    run = run_local(number_plan(limit={"max_width": 20}))
    key = run.frame(["width"], before="limit").filter(pl.col("width") == 25)["key"][0]
    events = why(run, key[:12])
    assert [(event.stage, event.outcome) for event in events] == [
        ("source", "kept"), ("catalog", "kept"), ("measure", "kept"), ("limit", "dropped"),
    ]  # fmt: skip
    assert events[-1].facts | {"key": key} == {"key": key, "reason": "too_wide", "value": 25.0, "limit": 20.0}
    assert why(run, "memory://25") == events
    assert [event.facts["reason"] for event in why(run, "memory://gone-1")] == ["http_error"]


def test_a_run_in_an_s3_bucket_equals_one_on_disk_and_resumes(number_plan, s3_bucket, tmp_path: Path):
    address = f"{s3_bucket}/{tmp_path.name}"
    on_disk = manifest(run_local(number_plan()))
    in_bucket = run_local(number_plan(run=address))
    assert manifest(in_bucket) == on_disk
    in_bucket.store.delete("measure/part-000001.json")
    assert manifest(run_local(number_plan(run=address))) == on_disk
    assert damaged_files(in_bucket) == []


def test_half_written_files_of_a_killed_run_are_gone_after_the_next(number_plan):
    plan = number_plan()
    run = run_local(plan)
    for folder in ("source", "measure", "blobs"):
        run.store.write_bytes(f"{folder}/part-000000.parquet.tmp-1a2b3c4d", b"half")
    run_local(plan)
    assert not [name for folder in ("source", "measure", "blobs") for name in run.store.list(folder) if ".tmp-" in name]


def test_an_observer_is_told_of_every_partition_and_batch(number_plan):
    from vsd2m.pipelines.engine.progress import Silent

    class Listener(Silent):
        def __init__(self) -> None:
            self.partitions, self.batches, self.committed, self.skipped = {}, {}, [], []

        def stage_started(self, stage: str, *, num_partitions: int) -> None:
            self.partitions[stage] = num_partitions

        def partition_started(self, stage: str, partition: int | None, num_stickers: int | None) -> None:
            if num_stickers is not None:
                self.batches.setdefault(stage, []).append((num_stickers, []))

        def stickers_done(self, stage: str, num_stickers: int) -> None:
            self.batches[stage][-1][1].append(num_stickers)

        def partition_done(self, record) -> None:
            self.committed.append(record.stage)

        def partition_skipped(self, stage: str) -> None:
            self.skipped.append(stage)

    first, second = Listener(), Listener()
    run_local(number_plan(partition_size=30), observer=first)
    assert first.partitions == {"source": 2, "catalog": 1, "measure": 2, "limit": 2, "group": 1, "label": 2}
    assert first.batches["measure"] == [(30, [7, 7, 7, 7, 2]), (10, [7, 3])]
    assert first.committed == [stage for stage, count in first.partitions.items() for _ in range(count)]
    run_local(number_plan(partition_size=30), observer=second)
    assert (second.skipped, second.committed, second.batches) == (first.committed, [], {})


def test_a_second_run_of_a_folder_is_refused_while_the_first_one_works(number_plan):
    from vsd2m.core.errors import LockedError
    from vsd2m.pipelines.engine.progress import Silent

    plan = number_plan()
    refusals = []

    class RunAgain(Silent):
        def stage_done(self, stage: str) -> None:
            with pytest.raises(LockedError, match=f"process {os.getpid()} on ") as refusal:
                run_local(plan)
            refusals.append(refusal)

    run = run_local(plan, observer=RunAgain())
    assert len(refusals) == len(plan.stages)
    assert damaged_files(run) == [] and "run.lock" not in run.store.list("")
