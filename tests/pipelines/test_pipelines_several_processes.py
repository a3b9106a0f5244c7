"""Two processes on one machine: data-parallel, sharing the weights (FSDP), and started by Ray."""

import math
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from several_processes import SPOILT, moving_noise, tiny_config

from vsd2m.core.errors import EngineError
from vsd2m.pipelines.cluster.ray_train import train_on_ray, worker_request
from vsd2m.pipelines.scheduling.machines import Node, Request

torch = pytest.importorskip("torch")
pytest.importorskip("accelerate")

from vsd2m.generation.trainer import train  # noqa: E402
from vsd2m.generation.training.checkpoint import read_state  # noqa: E402

SCRIPT = Path(__file__).with_name("several_processes.py")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with the runs `plain` and `sharded`."""
    folder = tmp_path_factory.mktemp("trained")
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(SCRIPT), str(folder)]
    group = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment, start_new_session=True)
    try:
        _, messages = group.communicate(timeout=500)
    except subprocess.TimeoutExpired:
        os.killpg(group.pid, signal.SIGKILL)  # the forked processes, too
        raise
    assert group.returncode == 0, messages[-4000:]
    return folder


def state_of(folder):
    return read_state(folder / "checkpoint-000002")


def files_in(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def largest_difference(first, second):
    """Between the numbers of two trees of one shape."""
    if isinstance(first, torch.Tensor):
        return (first.double() - second.double()).abs().max().item()
    if isinstance(first, dict):
        assert first.keys() == second.keys()
        return max((largest_difference(first[name], second[name]) for name in first), default=0.0)
    if isinstance(first, list | tuple):
        assert len(first) == len(second)
        return max((largest_difference(*pair) for pair in zip(first, second, strict=True)), default=0.0)
    return abs(first - second) if isinstance(first, float) else float(first != second)


def test_a_sharded_run_leaves_the_files_and_numbers_of_one_that_is_not(trained):
    plain, sharded = trained / "plain", trained / "sharded"
    assert files_in(plain) == files_in(sharded)
    states = [state_of(folder) for folder in (plain, sharded)]
    assert len(states[0]["optimizer"]["state"]) == len(states[0]["weights"]) > 50
    assert largest_difference(*states) <= 1e-5
    from safetensors.torch import load_file

    name = "checkpoint-000002/unet/diffusion_pytorch_model.safetensors"
    assert largest_difference(load_file(plain / name), load_file(sharded / name)) <= 1e-5


def test_a_batch_that_is_not_finite_in_one_process_is_skipped_by_all_and_named_by_the_first(trained):
    states = [state_of(trained / name) for name in ("spoilt-plain", "spoilt-sharded")]
    for state in states:
        (entry,) = state["skipped"]
        assert entry["reason"] == "loss"
        assert len(entry["stickers"]) == 2  # the batch of one process, of two
        assert f"{SPOILT:032x}" in entry["stickers"]
        assert all(weight.isfinite().all() for weight in (*state["weights"], *state["ema"]["shadow_params"]))
    for state in states:
        assert {float(moments["step"]) for moments in state["optimizer"]["state"].values()} == {1.0}  # of two
        state["losses"] = [loss for loss in state["losses"] if math.isfinite(loss)]
        assert len(state["losses"]) == 1
    assert largest_difference(*states) <= 1e-5


def test_one_process_goes_on_where_two_that_shared_the_weights_stopped(trained):
    result = train(tiny_config(trained / "sharded", num_steps=3, keep_last_n=2), clips=moving_noise())
    assert result.losses[:2] == pytest.approx(state_of(trained / "plain")["losses"], rel=1e-5)
    assert len(result.losses) == 3


def test_processes_started_by_ray_train_like_those_started_by_hand(trained, tmp_path, monkeypatch):
    ray = pytest.importorskip("ray")
    monkeypatch.setenv("RAY_worker_niceness", "0")  # by default its workers wait for everything else on a busy machine
    ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    try:
        result = train_on_ray(tiny_config(tmp_path), num_workers=2, clips=moving_noise())
    finally:
        ray.shutdown()
    assert result.checkpoint == tmp_path / "checkpoint-000002"
    assert largest_difference(state_of(tmp_path), state_of(trained / "plain")) == 0


def test_more_workers_than_the_machines_have_room_for_are_refused():
    """What is left over on two machines is not one machine's room."""
    cores = [Node("a", "a", 1.5, 0), Node("b", "b", 1.5, 0)]
    assert worker_request(cores, 2) == Request(1, 0)
    cards = [Node("a", "a", 8, 2), Node("b", "b", 8, 0)]
    assert worker_request(cards, 2) == Request(1, 1)
    with pytest.raises(EngineError, match="3 workers need 3 CPUs, the Ray cluster has room for 2"):
        worker_request(cores, 3)
    with pytest.raises(EngineError, match="3 workers need 3 GPUs, the Ray cluster has room for 2"):
        worker_request(cards, 3)
