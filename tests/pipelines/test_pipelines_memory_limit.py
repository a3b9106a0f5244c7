"""Stickers that need too much memory fail alone and say so; a process that leaks is replaced."""

import sys

import pytest

from vsd2m.core.errors import StageError
from vsd2m.core.stage import Batch
from vsd2m.pipelines.engine.execute import Failure
from vsd2m.pipelines.engine.stage_process import StageProcess

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory is counted on Linux")


def test_a_sticker_that_eats_memory_fails_as_such_and_the_next_one_does_not(number_plan):
    plan = number_plan(limits={"memory_limit_gb": 1.5}, measure={"bad": {1: "eat memory", 2: "ask for too much"}})
    planned = plan.stage("measure")
    with StageProcess(plan.config) as process:
        failure = process.process(planned, Batch([{}], [b"1"]))
        assert failure == Failure("out_of_memory", "used more than 1.5 GB of memory", value=1.5, limit=1.5)
        refused = process.process(planned, Batch([{}], [b"2"]))
        assert isinstance(refused, Failure) and refused.error == "out_of_memory"
        assert process.process(planned, Batch([{}], [b"3"])) == [{"width": 3, "entropy": 9 / 7}]


def test_a_limit_too_small_for_the_models_is_named(number_plan):
    plan = number_plan(limits={"memory_limit_gb": 0.001})
    with (
        StageProcess(plan.config) as process,
        pytest.raises(StageError, match=r"measure could not load its models: .* used more than memory_limit_gb: 0.001"),
    ):
        process.process(plan.stage("measure"), Batch([{}], [b"3"]))


@pytest.mark.parametrize(
    ("limits", "leak", "num_processes"),
    [
        ({"recycle_after_batches": 2}, 0, 2),
        ({"recycle_growth_gb": 0.03}, 20_000_000, 2),
        ({"recycle_growth_gb": 0.03}, 0, 1),
    ],
)
def test_a_process_is_replaced_after_some_batches_or_when_it_has_grown(
    number_plan, tmp_path, limits, leak, num_processes
):
    plan = number_plan(limits=limits, measure={"leak": leak, "processes": str(tmp_path)})
    with StageProcess(plan.config) as process:
        for number in range(4):
            assert process.process(plan.stage("measure"), Batch([{}], [str(number).encode()]))
    assert len([file for file in tmp_path.iterdir() if file.name.isdigit()]) == num_processes
