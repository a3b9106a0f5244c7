"""Stickers that never end, and such as end their process: each costs itself alone."""

from dataclasses import replace

import polars as pl
import pytest

from vsd2m.core.errors import StageError
from vsd2m.core.stage import Batch
from vsd2m.pipelines.cluster.ray_runner import run_ray
from vsd2m.pipelines.engine.execute import Failure
from vsd2m.pipelines.engine.local import run_local
from vsd2m.pipelines.engine.stage_process import StageProcess, time_limit
from vsd2m.pipelines.status import manifest, status

KINDS = ("loop", "loop in native code", "sleep in native code", "crash")
BAD = {4 + 8 * number: kind for number, kind in enumerate(KINDS)}


def rejects_of(run):
    """(number of the sticker, reason, value, limit, detail)."""
    rejects = pl.concat([rejects for stage, rejects in run.all_rejects() if stage == "measure"])
    numbers = run.frame(["urls"], before="measure").select("key", number=pl.col("urls").list.first().str.slice(9))
    found = rejects.join(numbers, on="key").select(pl.col("number").cast(int), "reason", "value", "limit", "detail")
    return sorted(found.rows())


def bad_plan(number_plan, run: str):
    return number_plan(run=run, time_limit_s=0.5, measure={"bad": BAD, "batch_size": 2})


def test_a_sticker_that_never_ends_or_ends_its_process_costs_itself_alone(number_plan):
    local = run_local(bad_plan(number_plan, "local"))
    assert rejects_of(local) == [
        (4, "timed_out", 0.5, 0.5, "not finished after 0.5 s of CPU time"),
        (12, "timed_out", 0.5, 0.5, "not finished after 0.5 s of CPU time"),
        (20, "timed_out", 2.0, 2.0, "not finished after 2 s of wall-clock time"),
        (28, "worker_died", None, None, "the worker process died on this sticker: killed by SIGSEGV"),
    ]
    assert sorted(local.frame(["width"])["width"].to_list()) == [n for n in range(0, 40, 2) if n not in BAD]
    measured = status(local)[2]
    assert (measured.num_read, measured.num_kept, measured.num_dropped, measured.num_failed) == (40, 36, 0, 4)


def test_ray_records_such_stickers_as_the_local_runner_does(number_plan):
    local = run_local(bad_plan(number_plan, "local"))
    assert manifest(run_ray(bad_plan(number_plan, "ray"), num_cpus=2)) == manifest(local)


def test_a_stage_whose_process_dies_while_it_loads_its_models_stops_the_run(number_plan):
    plan = number_plan(label={"stage": "fake_stages:DiesInSetup"})
    with pytest.raises(StageError, match="stage label could not load its models: its process ended: exit code 3"):
        run_local(plan)


def test_a_batch_has_time_by_its_size_its_cores_and_what_the_stage_says_it_costs(number_plan):
    planned = number_plan(measure={"num_cpus": 2}).stage("measure")
    one, many = (time_limit(planned, 300, num_stickers=number) for number in (1, 101))
    assert (one.cpu_seconds, one.wall_seconds) == (600, 1200)
    assert (many.cpu_seconds, many.wall_seconds) == (800, 1600)
    costly = replace(planned, stage=type("Costly", (type(planned.stage),), {"seconds_per_sticker": lambda _: 2.0})(
        planned.stage.config
    ))  # fmt: skip
    assert time_limit(costly, 300, num_stickers=101).cpu_seconds == 2 * (300 + 100 * 20)


def test_a_process_that_was_ended_is_replaced_by_one_that_computes_the_same(number_plan):
    plan = number_plan(time_limit_s=0.5, measure={"bad": {1: "crash"}})
    planned = plan.stage("measure")
    with StageProcess(plan.config) as process:
        before = process.process(planned, Batch([{}], [b"3"]))
        assert isinstance(process.process(planned, Batch([{}], [b"1"])), Failure)
        assert process.process(planned, Batch([{}], [b"3"])) == before == [{"width": 3, "entropy": 9 / 7}]


def test_what_a_stage_prints_does_not_stand_among_the_results(number_plan, capfd):
    run_local(number_plan(label={"stage": "fake_stages:Talks"}))
    assert "a library was loaded" not in capfd.readouterr().out
