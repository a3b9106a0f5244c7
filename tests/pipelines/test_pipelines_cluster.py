"""A cluster of real raylets whose machines are lost, join, or are too small."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from vsd2m.core.commit import CommitRecord
from vsd2m.core.errors import StageError
from vsd2m.core.folder_lock import read_holder
from vsd2m.pipelines.cluster.detached import cancel_detached, read_log, start_detached
from vsd2m.pipelines.cluster.ray_runner import run_ray
from vsd2m.pipelines.engine.local import run_local
from vsd2m.pipelines.engine.progress import Silent
from vsd2m.pipelines.status import manifest, status

QUICK = {  # a lost machine is noticed after a second
    "health_check_initial_delay_ms": 0,
    "health_check_period_ms": 500,
    "health_check_timeout_ms": 3000,
    "health_check_failure_threshold": 2,
}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """One machine with a core; the tests add others."""
    ray = pytest.importorskip("ray")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Ray's own start-up
        from ray.cluster_utils import Cluster

        head = {"num_cpus": 1, "include_dashboard": False, "_system_config": QUICK}
        cluster = Cluster(initialize_head=True, head_node_args=head)
        ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
    yield cluster
    ray.shutdown()
    cluster.shutdown()


class Once(Silent):
    """Does something when the first partition of `measure` is started, or done."""

    def __init__(self, *, on_start: Callable[[], Any] | None = None, on_done: Callable[[], Any] | None = None) -> None:
        self._on_start = on_start
        self._on_done = on_done

    def partition_started(self, stage: str, partition: int | None, num_stickers: int | None) -> None:
        if stage == "measure" and self._on_start is not None:
            on_start, self._on_start = self._on_start, None
            on_start()

    def partition_done(self, record: CommitRecord) -> None:
        if record.stage == "measure" and self._on_done is not None:
            on_done, self._on_done = self._on_done, None
            on_done()


def test_a_machine_that_is_lost_in_the_middle_changes_nothing(cluster, number_plan, tmp_path):
    node = cluster.add_node(num_cpus=1)
    lose = Once(on_done=lambda: cluster.remove_node(node, allow_graceful=False))
    plan = number_plan(run="lost", partition_size=4, measure={"meet": str(tmp_path / "meet")})
    run = run_ray(plan, observer=lose)  # both machines have work when one is lost
    assert manifest(run) == manifest(run_local(number_plan(partition_size=4)))
    assert [row.num_failed for row in status(run)] == [0] * 6


def test_a_machine_that_joins_is_used(cluster, number_plan, tmp_path):
    """The first worker waits for one on another machine, which is not there yet."""
    joined = []
    join = Once(on_start=lambda: joined.append(cluster.add_node(num_cpus=1)))
    run = run_ray(number_plan(measure={"meet": str(tmp_path / "meet")}), observer=join)
    cluster.remove_node(joined[0])
    assert len(list((tmp_path / "meet").iterdir())) == 2
    assert [row.num_failed for row in status(run)] == [0] * 6


def test_a_stage_that_no_single_machine_can_hold_is_refused_before_the_first_stage(cluster, number_plan, tmp_path):
    node = cluster.add_node(num_cpus=1)
    with pytest.raises(StageError, match="stage measure asks for 2 CPUs on one machine; none of the cluster's 2 has"):
        run_ray(number_plan(measure={"num_cpus": 2}))
    cluster.remove_node(node)
    assert not (tmp_path / "run" / "run.json").exists()


def test_a_stage_whose_machine_is_lost_for_good_ends_with_what_would_help(cluster, number_plan):
    node = cluster.add_node(num_cpus=2)
    lose = Once(on_done=lambda: cluster.remove_node(node, allow_graceful=False))
    plan = number_plan(measure={"num_cpus": 2})
    with pytest.raises(
        StageError, match=r"measure has waited \d+ s for a worker with 2 CPUs on one machine; none of .*1 "
    ):
        run_ray(plan, observer=lose, patience_s=2)
    again = cluster.add_node(num_cpus=2)
    assert manifest(run_ray(plan)) == manifest(run_local(number_plan(run="local", measure={"num_cpus": 2})))
    cluster.remove_node(again)


def test_room_that_other_work_holds_is_waited_for_and_named(cluster, number_plan):
    import ray

    holder = ray.remote(num_cpus=1)(lambda: __import__("time").sleep(1e6)).remote()
    ray.wait([holder], timeout=3)
    with pytest.raises(StageError, match=r"waited \d+ s for a worker with 1 CPU: the cluster has them .*other work"):
        run_ray(number_plan(), patience_s=4)
    ray.cancel(holder, force=True)


def test_a_folder_that_a_machine_does_not_see_is_refused_before_the_first_stage(
    cluster, number_plan, tmp_path, monkeypatch
):
    """The second machine has another home folder."""
    monkeypatch.setenv("HOME", str(tmp_path / "other"))
    node = cluster.add_node(num_cpus=1)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(
        StageError, match=r"the machine [\d.]+ does not see the run's folder .*~/shared/run: cannot read"
    ):
        run_ray(number_plan(run="file://~/shared/run"))
    cluster.remove_node(node)
    assert not (tmp_path / "shared" / "run" / "source").exists()


def test_a_folder_in_the_memory_of_a_process_is_refused(cluster, number_plan):
    with pytest.raises(StageError, match="is in the memory of this process"):
        run_ray(number_plan(run="memory://run"))


def wait_for(condition: Callable[[], Any]) -> Any:
    for _ in range(1200):
        if value := condition():
            return value
        time.sleep(0.1)
    raise TimeoutError


def test_a_detached_run_survives_its_driver_and_is_cancelled_and_resumed(cluster, number_plan, tmp_path):
    import ray

    def start() -> None:
        values = plan.config.model_dump(mode="json")
        start_detached(plan.config.run, yaml.safe_dump(values, sort_keys=False), [], address=cluster.address)

    def log() -> str:
        return read_log(store) if store.exists("driver.log") else ""

    plan = number_plan(run="detached", measure={"wait_for": str(tmp_path / "go")})
    store = plan.config.open_store()
    start()
    wait_for(lambda: store.exists("catalog/all.json"))
    with pytest.raises(StageError, match="already runs on this cluster"):
        start()
    driver = ray.get_actor(plan.config.run, namespace="vsd2m")
    first, first_holder = ray.get(driver.process.remote()), read_holder(store)
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: first_holder.has_ended() and (holder := read_holder(store)) and not holder.has_ended())
    cancel_detached(plan.config.run, address=cluster.address)
    assert "ended with exit code 130" in log()
    assert read_holder(store) is None
    with pytest.raises(StageError, match="no driver of .* runs on this cluster"):
        cancel_detached(plan.config.run, address=cluster.address)
    (tmp_path / "go").touch()
    start()
    wait_for(lambda: "ended with exit code 0" in log())
    assert manifest(plan.create_run()) == manifest(run_local(number_plan()))


IN_ANOTHER_PROCESS = """
from vsd2m.core.errors import StageError
from vsd2m.pipelines.cluster.ray_cluster import Cluster, connected
try:
    with connected(Cluster({address!r}, num_cpus=3)) as ray:
        print(len(ray.nodes()), ray.cluster_resources()["CPU"])
except StageError as error:
    print(error)
"""


@pytest.fixture
def stale_folder() -> Iterator[Path]:
    """Ray's folder as a cluster leaves it that was killed; its sockets need a short path."""
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    (folder / "ray").mkdir()
    (folder / "ray" / "ray_current_cluster").write_text("127.0.0.1:1")
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize(
    ("address", "expected"),
    [(None, "1 3.0"), ("127.0.0.1:1", "no Ray cluster at 127.0.0.1:1: ")],
)
def test_a_cluster_that_is_gone_is_never_waited_for(stale_folder, address, expected):
    """Without an address its files are ignored; with one there is a sentence, where Ray would try for minutes."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_ADDRESS")}
    found = subprocess.run(
        [sys.executable, "-c", IN_ANOTHER_PROCESS.format(address=address)],
        env={**environment, "RAY_TMPDIR": str(stale_folder)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert found.stdout.startswith(expected), found.stderr
    assert found.stdout.count("\n") == 1
