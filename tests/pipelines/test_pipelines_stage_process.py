"""A stage's own process: what it may raise, and that nothing of it is left."""

import contextlib
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from vsd2m.core.errors import EngineError, StageError
from vsd2m.core.stage import Batch
from vsd2m.pipelines.engine.execute import Failure
from vsd2m.pipelines.engine.plan import make_plan
from vsd2m.pipelines.engine.stage_process import StageProcess

ONE = Batch([{}], [b""])
PARENT = """
import sys
sys.path[:0] = [sys.argv[1]]
from vsd2m.core.stage import Batch
from vsd2m.pipelines.engine.config import PipelineConfig
from vsd2m.pipelines.engine.plan import make_plan
from vsd2m.pipelines.engine.stage_process import StageProcess
plan = make_plan(PipelineConfig.model_validate_json(sys.argv[2]))
StageProcess(plan.config).process(plan.stage("child"), Batch([{}], [b""]))
"""


def child_plan(number_plan, *, time_limit_s: float = 1, **children: dict):
    config = number_plan(time_limit_s=time_limit_s).config
    stages = {name: {"stage": "child_stages:Child", **options} for name, options in children.items()}
    return make_plan(config.model_copy(update={"stages": {**config.stages, **stages}}))


def has_ended(pid: int, patience_s: float = 20) -> bool:
    """Whether a process ends within that time."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        for _ in range(int(patience_s * 20)):
            if process.status() == psutil.STATUS_ZOMBIE:
                return True
            time.sleep(0.05)
        return False
    return True


@pytest.mark.parametrize(
    ("does", "error", "message"),
    [
        ("engine error", EngineError, "^no server$"),
        ("engine error of two arguments", StageError, "one and two"),
        ("function", StageError, "the stage's outcomes cannot be sent to the runner: "),
    ],
)
def test_an_error_that_no_sticker_causes_stops_the_runner_whatever_can_be_pickled(number_plan, does, error, message):
    plan = child_plan(number_plan, child={"does": does}, other={})
    with StageProcess(plan.config) as process:
        with pytest.raises(error, match=message):
            process.process(plan.stage("child"), ONE)
        assert process.process(plan.stage("other"), ONE) == [{"caption": "done"}]


@pytest.mark.parametrize(
    ("does", "name", "detail"),
    [("media error", "MediaError", "truncated: ends early"), ("two arguments", "TwoArgumentsError", "one and two")],
)
def test_an_error_of_a_sticker_is_its_failure_with_the_end_of_the_traceback(number_plan, does, name, detail):
    plan = child_plan(number_plan, child={"does": does})
    with StageProcess(plan.config) as process:
        failure = process.process(plan.stage("child"), ONE)
    assert isinstance(failure, Failure) and failure.error == name
    assert failure.detail.endswith(detail) and "child_stages.py" in failure.detail
    assert (failure.value, failure.limit) == (None, None)


def test_loading_models_may_take_longer_than_a_batch_in_a_process_that_has_computed_before(number_plan):
    plan = child_plan(number_plan, child={}, slow={"does": "burn in setup"})
    with StageProcess(plan.config) as process:
        for name in ("child", "slow", "child"):
            assert process.process(plan.stage(name), ONE) == [{"caption": "done"}]


def test_processes_that_a_stage_started_end_with_it(number_plan, tmp_path):
    note = tmp_path / "pid"
    plan = child_plan(number_plan, child={"does": "start another", "note": str(note)})
    with StageProcess(plan.config) as process:
        process.process(plan.stage("child"), ONE)
        pid = int(note.read_text())
        assert psutil.pid_exists(pid)
    assert has_ended(pid)


def test_a_stage_that_computes_ends_with_a_runner_that_is_killed(number_plan, tmp_path):
    note = tmp_path / "pid"
    config = child_plan(number_plan, time_limit_s=600, child={"does": "loop", "note": str(note)}).config
    here = str(Path(__file__).parent)
    runner = subprocess.Popen([sys.executable, "-c", PARENT, here, config.model_dump_json()])
    while not note.exists() or not note.read_text():
        assert runner.poll() is None
        time.sleep(0.05)
    pid = int(note.read_text())
    assert psutil.Process(pid).ppid() == runner.pid
    runner.kill()
    runner.wait()
    assert has_ended(pid)


@pytest.mark.parametrize(("does", "limits"), [("sleep", {2.0}), ("loop", {0.5, 2.0})])
def test_a_batch_that_is_not_finished_in_time_has_timed_out(number_plan, does, limits):
    """On a machine with much other work, the wall clock may be the first to run out for a stage that computes too."""
    plan = child_plan(number_plan, time_limit_s=0.5, child={"does": does}, other={})
    with StageProcess(plan.config) as process:
        failure = process.process(plan.stage("child"), ONE)
        assert isinstance(failure, Failure) and failure.error == "timed_out"
        assert failure.value == failure.limit and failure.limit in limits
        kind = "CPU time" if failure.limit == 0.5 else "wall-clock time"
        assert failure.detail == f"not finished after {failure.limit:g} s of {kind}"
        assert process.process(plan.stage("other"), ONE) == [{"caption": "done"}]


def test_a_process_that_dies_once_on_a_sticker_may_have_lacked_memory_and_twice_it_is_the_sticker(
    number_plan, tmp_path
):
    note = tmp_path / "died"
    plan = child_plan(number_plan, once={"does": "die once", "note": str(note)}, always={"does": "die"})
    with StageProcess(plan.config) as process:
        assert process.process(plan.stage("once"), ONE) == [{"caption": "done"}] and note.exists()
        failure = process.process(plan.stage("always"), ONE)
    expected = "the worker process died on this sticker: killed by SIGKILL, perhaps because of insufficient memory"
    assert failure == Failure("worker_died", expected)


def test_a_batch_of_several_on_which_the_process_dies_is_not_tried_again_as_it_is(number_plan, tmp_path):
    note = tmp_path / "died"
    plan = child_plan(number_plan, once={"does": "die once", "note": str(note)})
    with StageProcess(plan.config) as process:
        failure = process.process(plan.stage("once"), Batch([{}, {}], [b"", b""]))
    assert isinstance(failure, Failure) and failure.error == "worker_died"
