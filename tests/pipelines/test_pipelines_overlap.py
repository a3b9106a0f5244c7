"""Stages of a local run with several workers overlap, and the run's folder says who did what when."""

import json
import threading
from concurrent.futures import Future

import psutil
import pytest
from typer.testing import CliRunner

from vsd2m.cli.main import app
from vsd2m.core.errors import StageError, StorageError
from vsd2m.pipelines.engine.local import run_local
from vsd2m.pipelines.engine.local_workers import NODE_ID, LocalBackend
from vsd2m.pipelines.engine.partition_worker import PartitionWork, StickerWorker
from vsd2m.pipelines.engine.progress import Silent
from vsd2m.pipelines.engine.runners import run_plan
from vsd2m.pipelines.engine.stage_process import StageProcess
from vsd2m.pipelines.scheduling.machines import Request
from vsd2m.pipelines.scheduling.pools import Pool
from vsd2m.pipelines.scheduling.timeline import NUM_BINS, Timeline, bar_of, busy_share, newest_spans, stage_times
from vsd2m.pipelines.scheduling.workers import Span
from vsd2m.pipelines.status import manifest, status


@pytest.mark.parametrize("num_gpus", [0, 1])
def test_a_later_stage_works_while_the_one_before_it_still_does(handshake_plan, num_gpus):
    run = run_local(handshake_plan("run", num_gpus=num_gpus), num_workers=2)
    assert [row.num_failed for row in status(run)] == [0, 0, 0, 0]
    times = {row.stage: row for row in stage_times(run.store)}
    assert times["announce"].started < times["measure"].ended


def test_several_workers_write_the_same_bytes_as_one(number_plan):
    one, three = (run_local(number_plan(run=f"run-{number}"), num_workers=number) for number in (1, 3))
    assert manifest(one) == manifest(three)


def test_several_workers_work_at_once(number_plan):
    run = run_local(number_plan(partition_size=3), num_workers=2)
    assert {row.stage: row.max_workers for row in stage_times(run.store)}["measure"] == 2


def test_a_file_stage_writes_as_many_partitions_at_once_as_it_says_whatever_the_cores(number_plan):
    one, four = (
        run_local(number_plan(f"run-{num}", source={"num_workers": num, "num_partitions": 4})) for num in (1, 4)
    )
    assert {row.stage: row.max_workers for row in stage_times(four.store)}["source"] == 4
    assert manifest(four) == manifest(one)


@pytest.mark.parametrize("runner", [run_plan, run_local])
def test_unless_told_otherwise_one_worker_works_at_a_time(number_plan, runner):
    run = runner(number_plan(partition_size=3))
    assert {row.max_workers for row in stage_times(run.store)} == {1}


def test_no_thread_and_no_process_of_a_run_is_left(number_plan):
    threads, processes = set(threading.enumerate()), set(psutil.Process().children())
    run_local(number_plan(), num_workers=2)
    assert set(threading.enumerate()) <= threads
    assert set(psutil.Process().children()) <= processes


def test_in_no_time_nobody_is_busy():
    assert busy_share([span("a", 1, 3)], since=2, until=2) == 0


def test_an_error_in_one_of_several_workers_ends_the_run_and_the_others(number_plan):
    with pytest.raises(StageError, match="stage measure returned columns"):
        run_local(number_plan(partition_size=3, measure={"lose_column": True}), num_workers=3)


@pytest.mark.parametrize("stages", [{"source": {"num_stickers": 0}}, {"limit": {"max_width": -1}}])
def test_a_run_without_stickers_ends_all_stages(number_plan, stages):
    run = run_local(number_plan(**stages), num_workers=2)
    assert status(run)[-1].num_read == 0
    assert run.record("group", None) is not None


def test_every_partition_that_ran_is_in_the_timeline_once_and_a_resumed_run_has_its_own(number_plan):
    run = run_local(number_plan())
    spans = newest_spans(run.store)
    assert {(span.pool, span.task) for span in spans} >= {("source", "partition 1"), ("catalog", "all partitions")}
    assert len(spans) == len({(span.pool, span.task) for span in spans}) == 2 + 1 + 5 + 5 + 1 + 5
    assert all(span.ready <= span.started <= span.ended and span.result == "done" for span in spans)
    run.store.delete("measure/part-000001.json")
    run_local(number_plan())
    assert [(span.pool, span.task) for span in newest_spans(run.store)] == [("measure", "partition 1")]
    run_local(number_plan())
    assert len(newest_spans(run.store)) == 1


def span(pool: str, started: float, ended: float, **values: object) -> Span:
    return Span(
        pool, "partition 0", "a", **{"ready": started, "started": started, "ended": ended, "result": "done", **values}
    )


def test_the_times_of_a_stage_are_sums_over_its_workers(number_plan):
    run = run_local(number_plan())
    for name in run.store.list("timeline"):
        run.store.delete(f"timeline/{name}")
    with Timeline(run.store) as timeline:
        timeline.add(span("stage a", 1000, 1024))
        timeline.add(span("stage a", 1012, 1036, ready=1000, result="lost"))
        timeline.add(span("b", 1024, 1048))
    a, b = stage_times(run.store)
    assert (a.stage, a.started, a.ended, a.busy, a.waited, a.max_workers, a.num_repeated) == ("a", 0, 36, 48, 12, 2, 1)
    assert a.activity == (1,) * 12 + (2,) * 12 + (1,) * 12 + (0,) * 12
    assert bar_of(a.activity) == "▄" * 12 + "█" * 12 + "▄" * 12 + " " * 12
    assert (b.started, b.ended, len(b.activity)) == (24, 48, NUM_BINS)


def test_a_timeline_that_cannot_be_read_is_named(number_plan):
    run = run_local(number_plan())
    (name,) = run.store.list("timeline")
    run.store.write_bytes(f"timeline/{name}", b"{}")
    with pytest.raises(StorageError, match="is no timeline"):
        stage_times(run.store)


def test_the_status_shows_the_timeline(number_plan):
    run = run_local(number_plan())
    shown = CliRunner().invoke(app, ["status", run.store.url, "--timeline"])
    assert shown.exit_code == 0 and "busy" in shown.output and "█" in shown.output
    rows = json.loads(CliRunner().invoke(app, ["status", run.store.url, "--timeline", "--json"]).output)
    assert [row["stage"] for row in rows] == ["source", "catalog", "measure", "limit", "group", "label"]


def test_a_worker_that_gave_up_commits_nothing_and_one_that_rehearsed_commits_later(number_plan):
    plan = number_plan()
    run = run_local(plan)
    before = manifest(run)
    planned = plan.stage("measure")
    run.uncommit("measure", 0)

    class GivesUp(Silent):
        def stickers_done(self, stage: str, num_stickers: int) -> None:
            assert first.give_up()

    with StageProcess(plan.config) as process:
        first, second = (StickerWorker(run, planned, process, max_failed_share=0.5) for _ in range(2))
        assert first.run_partition(0, GivesUp()) is None
        assert run.record("measure", 0) is None
        rehearsing = PartitionWork(second, Silent())
        rehearsing.rehearse(0)
        assert run.record("measure", 0) is None and rehearsing.progress() == 9
        assert rehearsing.commit() == run.record("measure", 0) is not None
        assert manifest(run) == before
        assert rehearsing.give_up() is False  # nothing is being computed
        first.run_partition(0, Silent())
        assert not first.give_up()


class Doubling:
    """Work whose second try waits to be committed."""

    def __init__(self) -> None:
        self.rehearsed = 0

    def __call__(self, value: int) -> int:
        return 2 * value

    def rehearse(self, value: int) -> None:
        self.rehearsed = 2 * value

    def commit(self) -> int:
        return self.rehearsed

    def give_up(self) -> bool:
        return self.rehearsed == 0


def test_a_worker_of_this_machine_computes_rehearses_and_commits_in_a_thread_that_the_next_one_takes_over(number_plan):
    pool = Pool("a", Request(1), make=lambda process: Doubling())
    with LocalBackend(number_plan().config, num_cpus=2, num_gpus=0) as backend:
        (node,) = backend.nodes()
        assert (node.node_id, node.cpus, node.gpus) == (NODE_ID, 2, 0)
        worker = backend.start(pool, NODE_ID)
        assert backend.result(backend.placed(worker)) == NODE_ID and backend.progress(worker) is None

        def answer(reply: Future) -> int | None:
            assert backend.wait([Future(), reply], 20.0) == [reply]
            return backend.result(reply)

        assert answer(backend.ask(worker, 4)) == 8
        assert backend.give_up(worker) is True
        assert answer(backend.rehearse(worker, 5)) is None
        assert backend.give_up(worker) is False
        assert answer(backend.commit(worker)) == 10
        other = backend.start(pool, NODE_ID)
        assert other.thread is not worker.thread
        backend.stop(worker)
        assert backend.start(pool, NODE_ID).thread is worker.thread
    assert not worker.thread.is_alive() and not other.thread.is_alive()
