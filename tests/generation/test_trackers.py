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


def test_a_tracker_that_is_not_installed_is_an_error_that_names_the_command(tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "wandb", None)  # what Python does for a module that cannot be imported
    with pytest.raises(MissingExtraError, match=r"pip install 'vsd2m\[wandb\]'"):
        train(tiny_config(tmp_path, trackers=("wandb",)), clips=drawn_clips(count=2))


def test_without_trackers_nothing_is_set_up(tmp_path):
    assert tracker_arguments(tiny_config(tmp_path), tmp_path) == {}


def test_settings_are_sent_as_numbers_and_texts(tmp_path):
    settings = flat_settings(tiny_config(tmp_path))
    assert settings["num_steps"] == 4
    assert settings["model.temporal_layer"] == "sti"
    assert settings["model.block_out_channels"] == "[16, 32]"
