import json
import struct

import pytest
from tiny_models import drawn_clips, tiny_config

pytest.importorskip("torch")
pytest.importorskip("accelerate")

from vsd2m.core.errors import MissingExtraError
from vsd2m.generation.trainer import train
from vsd2m.generation.training.trackers import flat_settings, tracker_arguments


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # inside TensorBoard
def test_losses_and_rates_can_be_read_back_from_the_tensorboard_file(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    result = train(tiny_config(tmp_path, trackers=("tensorboard",), num_steps=3), clips=drawn_clips(count=6))
    events = EventAccumulator(str(tmp_path / "tracking" / "vsd2m")).Reload()
    losses, rates = events.Scalars("loss"), events.Scalars("learning_rate")
    assert [event.step for event in losses] == [1, 2, 3]
    assert [event.value for event in losses] == pytest.approx(result.losses, rel=1e-6)
    assert rates[1].value == pytest.approx(2 * rates[0].value)  # two steps into the warm-up


def logged_records(data):
    """The records of a W&B file: LevelDB's log format behind seven bytes of W&B's own."""
    position, parts = 7, []
    while position + 7 <= len(data):
        left_in_block = 32768 - position % 32768
        if left_in_block < 7:
            position += left_in_block
            continue
        _, length, kind = struct.unpack_from("<IHB", data, position)
        parts.append(data[position + 7 : position + 7 + length])
        position += 7 + length
        if kind in (1, 4):  # a whole record, or the last part of one
            yield b"".join(parts)
            parts = []


def wandb_runs(folder):
    """Of every offline run, in order: its id, its config, and the values of each step."""
    from wandb.proto.wandb_internal_pb2 import Record

    runs = []
    for path in sorted(folder.glob("tracking/wandb/offline-run-*/*.wandb")):
        records = [Record.FromString(data) for data in logged_records(path.read_bytes())]
        started = next(record.run for record in records if record.HasField("run"))
        config = [entry for record in records if record.HasField("config") for entry in record.config.update]
        steps = [
            {entry.key or "/".join(entry.nested_key): json.loads(entry.value_json) for entry in record.history.item}
            for record in records
            if record.HasField("history")
        ]
        values = {entry.key or "/".join(entry.nested_key): json.loads(entry.value_json) for entry in config}
        runs.append((started.run_id, values, steps))
    return runs


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")  # inside W&B
def test_wandb_keeps_losses_and_settings_offline_and_a_resumed_training_is_the_same_run(tmp_path, capfd):
    pytest.importorskip("wandb", reason="pip install '.[wandb]'")
    first = train(tiny_config(tmp_path, trackers=("wandb",), num_steps=2), clips=drawn_clips(count=6))
    result = train(tiny_config(tmp_path, trackers=("wandb",), num_steps=3), clips=drawn_clips(count=6))
    assert capfd.readouterr().out == ""  # stdout is for results
    (begun, settings, steps), (resumed, _, more) = wandb_runs(tmp_path)
    assert begun == resumed
    assert settings["model.temporal_layer.layer"] == "sti"
    assert [step["_step"] for step in (*steps, *more)] == [1, 2, 3]
    assert [step["loss"] for step in (*steps, *more)] == pytest.approx([*first.losses, result.losses[-1]], rel=1e-9)
    assert steps[1]["learning_rate"] == pytest.approx(2 * steps[0]["learning_rate"])


def test_a_tracker_that_is_not_installed_is_an_error_that_names_the_command(tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "wandb", None)  # what Python does for a module that cannot be imported
    with pytest.raises(MissingExtraError, match=r"pip install '\.\[wandb\]'"):
        train(tiny_config(tmp_path, trackers=("wandb",)), clips=drawn_clips(count=2))


def test_without_trackers_nothing_is_set_up(tmp_path):
    assert tracker_arguments(tiny_config(tmp_path), tmp_path) == {}


def test_settings_are_sent_as_numbers_and_texts(tmp_path):
    settings = flat_settings(tiny_config(tmp_path))
    assert settings["num_steps"] == 4
    assert settings["model.temporal_layer.layer"] == "sti"
    assert settings["model.block_out_channels"] == "[16, 32]"
