"""The arithmetic of scheduling, case by case: what a machine has left, which pool may take a worker, and what is said."""

import itertools
import logging
import re
from typing import Any

import pytest
from test_pipelines_scheduling import Simulation, machine, pool

from vsd2m.core.errors import StageError
from vsd2m.pipelines.scheduling.machines import Node, Request, fitting_request, misfit
from vsd2m.pipelines.scheduling.pools import Pool, Task, Worker, may_take, may_take_idle
from vsd2m.pipelines.scheduling.room import Room
from vsd2m.pipelines.scheduling.timeline import NUM_BINS, bar_of, busy_share
from vsd2m.pipelines.scheduling.workers import Span, Workers


class Clock:
    """The time that a test sets."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def room_of(nodes: list[Node]) -> tuple[Room, Clock, list[float]]:
    """A room, its clock, and the times at which it read the machines; it has read them once."""
    clock, read_at = Clock(), []

    def read() -> list[Node]:
        read_at.append(clock.now)
        return nodes

    room = Room(read, clock)
    room.refresh()
    return room, clock, read_at


def test_machines_are_read_once_a_second_and_at_once_if_one_is_not_known():
    room, clock, read_at = room_of([Node("a", "a", 2, 0)])
    for clock.now in (0.9, 1.0, 1.9, 2.0):
        room.refresh()
    assert read_at == [0.0, 1.0, 2.0]
    clock.now = 2.1
    room.refresh(node_id="a")
    assert read_at[3:] == []
    room.refresh(node_id="b")
    assert read_at[3:] == [2.1]


def test_a_worker_goes_to_the_machine_with_the_least_left_gpus_first():
    room, *_ = room_of([Node("gpu", "gpu", 2, 1), Node("large", "large", 8, 0), Node("small", "small", 3, 0)])
    assert room.find_machine(Request(2)) == "small"
    assert room.find_machine(Request(1, 1)) == "gpu"
    room.occupy("small", Request(2))
    assert room.find_machine(Request(2)) == "large"
    room.occupy("large", Request(7))
    assert room.find_machine(Request(2)) == "gpu"
    assert room.find_machine(Request(3)) is None
    room.release("large", Request(7))
    assert room.find_machine(Request(3)) == "large"


def test_a_machine_has_room_once_others_have_left_it():
    room, *_ = room_of([machine(4, 1)])
    room.occupy("a", Request(3, 1))
    assert room.fits("a", Request(1))
    assert not room.fits("a", Request(2))
    assert not room.fits("a", Request(3, 1), without=[Request(2, 0.5)])
    assert room.fits("a", Request(3, 1), without=[Request(1, 0.5), Request(1, 0.5)])


def test_shares_of_a_gpu_that_add_up_to_one_fit():
    room, *_ = room_of([machine(10, 1)])
    for _ in range(9):
        room.occupy("a", Request(1, 0.1))
    assert room.fits("a", Request(1, 0.1)) and not room.fits("a", Request(1, 0.2))


def test_on_a_single_machine_a_stage_gets_no_more_cores_than_it_has_and_on_several_it_is_refused():
    assert fitting_request([machine(4)], Request(8), who="stage ocr") == Request(4)
    assert fitting_request([machine(4)], Request(2), who="stage ocr") == Request(2)
    two = [Node("a", "a", 4, 0), Node("b", "b", 8, 0)]
    assert fitting_request(two, Request(8), who="stage ocr") == Request(8)
    with pytest.raises(StageError, match=r"^stage ocr asks for 9 CPUs on one machine; none of the cluster's 2 has"):
        fitting_request(two, Request(9), who="stage ocr")


def test_what_no_machine_has_is_said_with_the_largest_five_and_what_would_help():
    nodes = [
        Node(name, name, cpus, gpus) for name, cpus, gpus in [*((f"m{n}", n, 0) for n in range(1, 7)), ("g", 1, 1)]
    ]
    text = misfit(nodes, Request(1, 2))
    assert text.startswith(
        "1 CPU and 2 GPUs on one machine; none of the cluster's 7 has that: g (1 CPU and 1 GPU), m6 "
    )
    assert re.findall(r"m\d", text) == ["m6", "m5", "m4", "m3"]
    assert "; set its device to cpu, or add a machine" in text
    without = misfit([], Request(1))
    assert without.startswith("1 CPU on one machine; none of the cluster's 0 has that: none is alive; add a machine")


def known(name: str, *, backlog: int, workers: int, start: float | None, task: float | None, gpus: float = 0) -> Pool:
    """A pool with so many tasks and workers, and what it has learnt of their durations."""
    made = pool(name, gpus=gpus)
    made.backlog.extend(Task(f"partition {number}", number, 0.0) for number in range(backlog))
    made.workers = [Worker(made, None, "a") for _ in range(workers)]
    made.start_seconds, made.task_seconds = start, task
    return made


@pytest.mark.parametrize(
    ("start", "task", "least"),
    [(None, None, 1), (2.0, None, 5), (2.0, 1.0, 10), (3.0, 10.0, 2), (0.001, 0.0, 5), (0.0, 1.0, 0)],
)
def test_a_backlog_is_worth_a_start_from_five_times_its_time_on(start, task, least):
    assert known("b", backlog=least, workers=0, start=start, task=task).is_worth_a_start()
    if least:
        assert not known("b", backlog=least - 1, workers=0, start=start, task=task).is_worth_a_start()


TAKER: dict[str, Any] = {"backlog": 100, "workers": 1, "start": 1.0, "task": 2.0}
GIVER: dict[str, Any] = {"backlog": 100, "workers": 4, "start": 1.0, "task": 2.0}


@pytest.mark.parametrize(
    ("of_taker", "of_giver", "may"),
    [
        ({}, {}, True),
        ({"workers": 4}, {}, False),  # as fast as the giver
        ({"workers": 2, "task": 1.0}, {}, False),  # half the workers, at twice the speed
        ({"workers": 2, "task": 1.1}, {}, True),
        ({"task": None}, {}, False),
        ({}, {"task": None}, False),
        ({"backlog": 5, "workers": 2, "start": 0.1}, {}, True),
        ({"backlog": 4, "workers": 2, "start": 0.1}, {}, True),
        ({"backlog": 3, "workers": 2, "start": 0.1}, {}, False),
        ({"backlog": 1}, {}, False),  # not worth a start
        ({"workers": 0, "task": None, "start": None}, {}, True),  # its first worker
        ({"workers": 0, "task": None, "start": None}, {"workers": 1}, False),  # the giver's last one
        ({"workers": 0, "gpus": 1}, {"workers": 1}, True),
        ({"workers": 1, "gpus": 1}, {"workers": 1}, False),
        ({"workers": 0, "gpus": 1}, {"workers": 1, "gpus": 1}, False),
        ({"workers": 0, "gpus": 1}, {"workers": 0}, False),
    ],
)
def test_a_later_pool_takes_a_busy_worker_by_need_and_speed(of_taker, of_giver, may):
    giver, taker = known("a", **{**GIVER, **of_giver}), known("b", **{**TAKER, **of_taker})
    assert may_take([giver, taker], taker, giver) is may
    assert not may_take([taker, giver], taker, giver)  # work flows from earlier pools to later ones
    assert not may_take([taker], taker, taker)


def test_a_worker_that_leaves_does_not_count_among_those_that_stay():
    giver, taker = known("a", **{**GIVER, "workers": 2}), known("b", **{**TAKER, "workers": 0})
    assert may_take([giver, taker], taker, giver)
    giver.workers[0].is_leaving = True
    assert giver.num_staying == 1
    assert not may_take([giver, taker], taker, giver)


@pytest.mark.parametrize(
    ("giver_backlog", "giver_gpus", "taker_gpus", "taker_workers", "may"),
    [(0, 0, 0, 1, True), (1, 0, 0, 1, False), (0, 1, 0, 1, False), (0, 1, 0, 0, True), (0, 1, 1, 1, True)],
)
def test_an_idle_worker_is_given_up_but_no_gpu_for_one_core_more(
    giver_backlog, giver_gpus, taker_gpus, taker_workers, may
):
    giver = known("a", **{**GIVER, "backlog": giver_backlog, "gpus": giver_gpus})
    assert may_take_idle(known("b", **{**TAKER, "workers": taker_workers, "gpus": taker_gpus}), giver) is may


def test_a_pool_grows_while_more_tasks_wait_than_workers_start_up_to_its_limit():
    growing = known("a", backlog=2, workers=2, start=None, task=None)
    growing.starting = growing.workers[:1]
    assert growing.may_grow()
    growing.starting = growing.workers[:2]
    assert not growing.may_grow()
    growing.starting, growing.max_workers = [], 3
    assert growing.may_grow()
    growing.max_workers = 2
    assert not growing.may_grow()


def test_the_newest_duration_weighs_three_tenths_and_a_first_task_teaches_the_start():
    learning = pool("a")
    worker = Worker(learning, None, "a", num_done=1)
    learning.note_task(worker, 8.0)
    assert (learning.start_seconds, learning.task_seconds) == (8.0, None)
    worker.num_done = 2
    learning.note_task(worker, 10.0)
    learning.note_task(worker, 20.0)
    assert learning.task_seconds == pytest.approx(13.0)
    learning.note_task(Worker(learning, None, "a", num_done=1), 33.0)
    assert learning.start_seconds == pytest.approx(0.7 * 8 + 0.3 * 20)
    learning.note_task(Worker(learning, None, "a", num_done=1), 5.0)  # quicker than a later one
    assert learning.start_seconds == pytest.approx(0.7 * 11.6)


def span(started: float, ended: float) -> Span:
    return Span("a", "partition 0", "a", started, started, ended, "done")


@pytest.mark.parametrize(
    ("spans", "share"),
    [([], 0), ([(0, 5)], 0.5), ([(0, 4), (2, 6)], 0.6), ([(-5, 1), (9, 20)], 0.2), ([(0, 9), (1, 2)], 0.9)],
)
def test_a_period_is_busy_while_at_least_one_span_lasts(spans, share):
    assert busy_share([span(*times) for times in spans], since=0, until=10) == pytest.approx(share)
    assert busy_share([span(*times) for times in spans], since=10, until=10) == 0


def test_a_bar_reaches_its_top_at_the_most_workers_and_shows_the_least_activity():
    assert bar_of((0.0, 0.02, 0.5, 1.0)) == " ▁▄█"
    assert bar_of((0.0, 3.0, 1.5)) == " █▄"
    assert bar_of((0.0,) * NUM_BINS) == " " * NUM_BINS
    assert bar_of(()) == ""


def stuck(clock: Any, **options: float) -> Workers:
    """Workers of a pool that wants more cores than the machine has, with a task."""
    only_pool = pool("a", cpus=4)
    workers = Workers(Simulation([machine(1)], {"a": 1.0}), [only_pool], clock=clock, **options)
    workers.add(only_pool, "partition 7", 7)
    return workers


def test_a_run_for_which_no_machine_has_the_resources_ends_with_how_long_it_waited():
    seconds = itertools.count(1_000_000.0, 100.0)
    with pytest.raises(StageError, match=r"^a has waited (\d+) s for a worker with 4 CPUs on one machine") as error:
        list(stuck(lambda: next(seconds), patience_s=300).finished())
    assert 300 < int(re.findall(r"\d+", str(error.value))[0]) < 2000


def test_a_run_says_what_it_waits_for_when_nothing_has_finished_for_five_minutes(caplog):
    simulation = Simulation([machine(1)], {"a": 10.0})
    simulation.slow = {13: 700.0}
    only_pool = pool("a")
    workers = Workers(simulation, [only_pool], clock=lambda: simulation.now)
    for number in (12, 13):
        workers.add(only_pool, f"partition {number}", number)
    with caplog.at_level(logging.WARNING):
        assert [value for _, value, _ in workers.finished()] == [12, 13]
    said = [record.getMessage() for record in caplog.records]
    assert [text.partition(" on a; ")[2] for text in said] == ["0 stickers done"] * 2
    seconds = [int(re.fullmatch(r"a: partition 13 has run for (\d+) s on a; .*", text)[1]) for text in said]
    assert 300 < seconds[0] <= 303 and 600 < seconds[1] <= 606
