"""Who gets which resources, in simulated time: a task takes as long as its pool says, nobody sleeps."""

import heapq
import itertools
from dataclasses import replace
from typing import Any

import pytest

from vsd2m.core.errors import StageError
from vsd2m.pipelines.scheduling.backend import WorkerLost
from vsd2m.pipelines.scheduling.machines import Node, Request
from vsd2m.pipelines.scheduling.pools import Pool
from vsd2m.pipelines.scheduling.timeline import busy_share
from vsd2m.pipelines.scheduling.workers import Span, Workers

START_SECONDS = 2.0


class Simulation:
    """A backend whose replies arrive in simulated time; the first task of a worker takes its start longer."""

    def __init__(self, nodes: list[Node], seconds: dict[str, float]) -> None:
        self.now = 0.0
        self.num_starts: dict[str, int] = dict.fromkeys(seconds, 0)
        self.lost: set[int] = set()  # numbers of tasks whose worker ends
        self.slow: dict[int, float] = {}  # value of a task -> seconds of its first try
        self.is_committing = False  # whether a worker that is asked to give up says no
        self._nodes = nodes
        self._seconds = seconds
        self._numbers = itertools.count()
        self._arrivals: list[tuple[float, int]] = []
        self._results: dict[int, Any] = {}

    def nodes(self) -> list[Node]:
        return self._nodes

    def start(self, pool: Pool, node_id: str) -> Any:
        self.num_starts[pool.name] += 1
        return {"pool": pool.name, "node": node_id, "has_worked": False}

    def placed(self, handle: Any) -> int:
        return self._reply(0.0, handle["node"])

    def ask(self, handle: Any, value: Any) -> int:
        start_seconds = 0.0 if handle["has_worked"] else START_SECONDS
        handle.update(has_worked=True, asked_at=self.now)
        return self._reply(start_seconds + self.slow.get(value, self._seconds[handle["pool"]]), value)

    def rehearse(self, handle: Any, value: Any) -> int:
        return self._reply(self._seconds[handle["pool"]], None)

    def commit(self, handle: Any) -> int:
        return self._reply(0.0, "committed by the second")

    def progress(self, handle: Any) -> int:
        """A sticker is done each second; the reply takes a second."""
        return self._reply(1.0, round(self.now - handle["asked_at"]))

    def give_up(self, handle: Any) -> bool:
        return not self.is_committing

    def wait(self, replies: list[int], seconds: float) -> list[int]:
        waiting = sorted(entry for entry in self._arrivals if entry[1] in replies)
        if not waiting or waiting[0][0] > self.now + seconds:
            self.now += seconds
            return []
        self.now = max(self.now, waiting[0][0])
        arrived = [entry for entry in waiting if entry[0] <= self.now]
        self._arrivals = [entry for entry in self._arrivals if entry not in arrived]
        return [number for _, number in arrived]

    def result(self, reply: int) -> Any:
        if reply in self.lost:
            raise WorkerLost("killed", with_machine=False)
        return self._results[reply]

    def stop(self, handle: Any) -> None: ...

    def _reply(self, seconds: float, result: Any) -> int:
        number = next(self._numbers)
        heapq.heappush(self._arrivals, (self.now + seconds, number))
        self._results[number] = result
        return number


def simulate(
    pools: list[Pool], nodes: list[Node], seconds: dict[str, float], num_partitions: int
) -> tuple[list[Span], Simulation]:
    """Every partition goes through all pools in order."""
    simulation = Simulation(nodes, seconds)
    spans: list[Span] = []
    workers = Workers(simulation, pools, on_span=spans.append, clock=lambda: simulation.now)
    for number in range(num_partitions):
        workers.add(pools[0], f"partition {number}", number)
    for pool, number, _ in workers.finished():
        following = pools[pools.index(pool) + 1 :]
        if following:
            workers.add(following[0], f"partition {number}", number)
    assert [sum(span.pool == pool.name for span in spans) for pool in pools] == [num_partitions] * len(pools)
    begin = min(span.ready for span in spans)
    since = lambda moment: round(moment - begin, 6)  # noqa: E731
    return [
        replace(span, ready=since(span.ready), started=since(span.started), ended=since(span.ended)) for span in spans
    ], simulation


def pool(name: str, cpus: float = 1, gpus: float = 0) -> Pool:
    return Pool(name, Request(cpus, gpus), make=lambda: lambda value: value)


def machine(cpus: float, gpus: float = 0) -> Node:
    return Node("a", "a", cpus, gpus)


def of(spans: list[Span], name: str) -> list[Span]:
    return [span for span in spans if span.pool == name]


@pytest.mark.parametrize("num_cpus", [2, 3, 8])
def test_with_two_stages_of_equal_speed_the_gpu_is_busy_nine_tenths_of_the_time(num_cpus):
    pools = [pool("ocr"), pool("caption", gpus=1)]
    spans, _ = simulate(pools, [machine(num_cpus, 1)], {"ocr": 10.0, "caption": 10.0}, 60)
    first = min(span.ended for span in of(spans, "ocr"))
    last = max(span.ended for span in spans)
    assert busy_share(of(spans, "caption"), since=first, until=last) >= 0.9


def test_a_later_stage_starts_long_before_the_earlier_one_ends():
    spans, _ = simulate([pool("a"), pool("b")], [machine(4)], {"a": 5.0, "b": 5.0}, 40)
    assert min(span.started for span in of(spans, "b")) < sorted(span.ended for span in of(spans, "a"))[8]


def test_the_gpu_gets_the_only_core_from_time_to_time_and_not_for_every_partition():
    spans, simulation = simulate([pool("a"), pool("b", gpus=1)], [machine(1, 1)], {"a": 1.0, "b": 1.0}, 60)
    assert min(span.started for span in of(spans, "b")) < 20
    assert simulation.num_starts["b"] <= 60 / (5 * START_SECONDS) + 2


def test_without_a_gpu_a_single_core_works_stage_after_stage():
    """Whatever the order, it is busy: a change would only cost starts."""
    spans, simulation = simulate([pool("a"), pool("b")], [machine(1)], {"a": 1.0, "b": 1.0}, 20)
    assert simulation.num_starts == {"a": 1, "b": 1}
    assert max(span.ended for span in of(spans, "a")) <= min(span.started for span in of(spans, "b"))


def test_a_slow_stage_gets_more_workers_than_a_quick_one():
    spans, _ = simulate([pool("quick"), pool("slow")], [machine(8)], {"quick": 2.0, "slow": 6.0}, 200)
    middle = (min(span.started for span in spans) + max(span.ended for span in spans)) / 2
    at_work = {name: sum(span.started <= middle < span.ended for span in of(spans, name)) for name in ("quick", "slow")}
    assert at_work["slow"] > at_work["quick"] >= 1
    assert sum(at_work.values()) == 8


def test_a_stage_that_takes_no_time_does_not_take_a_core_for_each_partition():
    _, simulation = simulate([pool("a"), pool("b")], [machine(2)], {"a": 10.0, "b": 0.1}, 100)
    assert simulation.num_starts["b"] <= 3


def test_more_machines_than_one_are_filled():
    nodes = [Node("a", "a", 2, 0), Node("b", "b", 1, 1)]
    spans, _ = simulate([pool("a"), pool("b", gpus=1)], nodes, {"a": 3.0, "b": 1.0}, 30)
    assert {span.machine for span in of(spans, "a")} >= {"a"}
    assert {span.machine for span in of(spans, "b")} == {"b"}


def test_no_more_workers_than_allowed_work_at_once():
    one_owner = pool("crawl")
    one_owner.max_workers = 1
    spans, simulation = simulate([one_owner], [machine(8)], {"crawl": 1.0}, 10)
    assert simulation.num_starts == {"crawl": 1}
    assert max(span.ended for span in spans) == 10 + START_SECONDS


def test_workers_that_die_one_after_the_other_on_one_task_stop_the_run_with_its_name():
    simulation = Simulation([machine(1)], {"a": 1.0})
    simulation.lost = {1, 3, 5}  # 0, 2 and 4 are the replies of workers that have started
    only_pool = pool("a")
    workers = Workers(simulation, [only_pool], clock=lambda: simulation.now)
    workers.add(only_pool, "partition 7", 7)
    with pytest.raises(
        StageError, match="a: 3 workers died, one after the other, on partition 7; the last one: killed"
    ):
        list(workers.finished())


def straggling(slow_seconds: float, **facts: bool) -> tuple[dict[int, Any], list[Span], float]:
    """Results of 20 tasks of which number 13 takes long at first, by value; the spans; and the time it took."""
    simulation = Simulation([machine(1), Node("b", "b", 1, 0)], {"a": 10.0})
    simulation.slow = {13: slow_seconds}
    vars(simulation).update(facts)
    spans: list[Span] = []
    only_pool = pool("a")
    only_pool.has_second_tries = True
    workers = Workers(simulation, [only_pool], on_span=spans.append, clock=lambda: simulation.now)
    for number in range(20):
        workers.add(only_pool, f"partition {number}", number)
    results = [(value, result) for _, value, result in workers.finished()]
    assert sorted(value for value, _ in results) == list(range(20))
    return dict(results), spans, simulation.now


def test_a_task_that_takes_much_too_long_is_tried_elsewhere_and_the_first_to_commit_wins():
    results, spans, seconds = straggling(10_000.0)
    assert results[13] == "committed by the second"
    assert [(span.task, span.result) for span in spans if span.result != "done"] == [("partition 13", "overtaken")]
    (winner,) = [span for span in spans if span.task == "partition 13" and span.result == "done"]
    (loser,) = [span for span in spans if span.result == "overtaken"]
    assert {winner.machine, loser.machine} == {"a", "b"}
    assert seconds < 400


def test_a_first_try_that_finishes_while_the_second_one_computes_wins():
    results, spans, _ = straggling(72.0)
    assert results[13] == 13
    assert all(span.result == "done" for span in spans)


def test_a_first_try_that_has_begun_to_commit_is_not_overtaken():
    results, spans, _ = straggling(1_000.0, is_committing=True)
    assert results[13] == 13
    assert all(span.result == "done" for span in spans)


def test_a_task_that_takes_a_little_longer_is_not_tried_twice():
    results, spans, _ = straggling(55.0)
    assert results[13] == 13 and len(spans) == 20


@pytest.mark.parametrize(("task_seconds", "seconds", "is_late"), [(100, 299, 0), (100, 301, 1), (1, 59, 0), (1, 61, 1)])
def test_what_is_late_depends_on_the_others_and_is_at_least_a_minute(task_seconds, seconds, is_late):
    of_others = pool("a")
    of_others.has_second_tries = True
    assert not of_others.is_straggler(10_000)  # nothing is known about others
    of_others.start_seconds, of_others.task_seconds = 0.0, task_seconds
    assert of_others.is_straggler(seconds) is bool(is_late)


def test_workers_that_are_busy_for_long_are_asked_how_far_they_are():
    progress: list[int] = []
    busy = pool("a")
    busy.on_progress = progress.append
    simulate([busy], [machine(1)], {"a": 60.0}, 2)
    assert len(progress) >= 2 * 8 and 2 * 50 <= sum(progress) <= 2 * (60 + START_SECONDS)
    silent = pool("a")
    silent.on_progress = progress.append
    progress.clear()
    simulate([silent], [machine(1)], {"a": 1.0}, 20)
    assert progress == []
