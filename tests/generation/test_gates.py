"""Gates of temporal layers are trained at a learning rate of their own."""

import pytest
from tiny_models import drawn_clips, make_unet, small_videogpt_config, tiny_config

torch = pytest.importorskip("torch")
pytest.importorskip("accelerate")

from vsd2m.generation.errors import TrainingError  # noqa: E402
from vsd2m.generation.model_config import make_layer  # noqa: E402
from vsd2m.generation.trainer import train  # noqa: E402
from vsd2m.generation.training.checkpoint import read_state  # noqa: E402
from vsd2m.generation.training.schedule import make_optimizer, schedule_share, set_learning_rate  # noqa: E402

LAYERS = {
    "alpha": {"temporal_layer": "alpha"},
    "swap": {"temporal_layer": "swap"},
    "sti": {"temporal_layer": "sti"},
    "convex": {"temporal_layer": {"layer": "sti", "mix": "convex"}},
    "positions": {"temporal_layer": {"layer": "sti", "positions": True}},
}


def config_of(folder, layer="sti", *, optimizer=None, **values):
    model = tiny_config(folder).model.model_dump() | LAYERS[layer]
    optimizer = {"learning_rate": 1e-5, "warmup_steps": 0, "ema_decay": 0.0, "weight_decay": 0.0} | (optimizer or {})
    return tiny_config(folder, model=model, optimizer=optimizer, **values)


def saved_weights(checkpoint):
    from safetensors.torch import load_file

    return load_file(checkpoint / "unet" / "diffusion_pytorch_model.safetensors")


@pytest.mark.parametrize("layer", LAYERS)
def test_one_step_moves_every_gate_by_its_own_rate_and_every_matrix_by_the_other(layer, tmp_path):
    gate_names = make_layer(LAYERS[layer]["temporal_layer"]).gates
    before = saved_weights(train(config_of(tmp_path / "a", layer, num_steps=1), clips=drawn_clips(count=6)).checkpoint)
    after = saved_weights(train(config_of(tmp_path / "a", layer, num_steps=2), clips=drawn_clips(count=6)).checkpoint)
    moved = {name: (after[name] - before[name]).abs().max().item() for name in before}
    single = {name for name, weight in before.items() if weight.numel() == 1}
    gates = {name for name in before if name.rsplit(".", 1)[-1] in gate_names}
    assert gates == single != set()
    assert max(moved[name] for name in gates) > 1e-3
    assert max(moved[name] for name in moved if name not in gates) < 1e-4


def test_within_a_hundred_steps_a_gate_can_go_from_0_to_1_at_the_default_rate(unet2d):
    unet = make_unet(unet2d, "sti", trained=False)
    gate = unet.mid_block.temp_convs[0].w_semantic
    config = tiny_config("unused", optimizer={"learning_rate": 1e-5, "warmup_steps": 0, "decay": "constant"}).optimizer
    optimizer = make_optimizer([unet.conv_in.weight], [gate], config)
    for step in range(110):
        set_learning_rate(optimizer, config, schedule_share(config, step, 110))
        optimizer.zero_grad()
        (1e-3 * (gate - 2).square().sum()).backward()
        optimizer.step()
    assert gate.item() > 0.9


def test_another_rate_of_the_gates_is_another_training(tmp_path):
    train(tiny_config(tmp_path, num_steps=2), clips=drawn_clips(count=6))
    with pytest.raises(TrainingError, match="was trained with another model, data or optimiser"):
        train(tiny_config(tmp_path, num_steps=4, optimizer={"gate_learning_rate": 0.5}), clips=drawn_clips(count=6))


def test_a_model_without_gates_has_two_groups(tmp_path):
    from tiny_models import tagged_clips

    state = read_state(train(small_videogpt_config(tmp_path), clips=tagged_clips()).checkpoint)
    assert len(state["optimizer"]["param_groups"]) == 2


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # inside TensorBoard
def test_the_value_of_every_gate_reaches_the_trackers(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    result = train(config_of(tmp_path, num_steps=3, trackers=("tensorboard",)), clips=drawn_clips(count=6))
    events = EventAccumulator(str(tmp_path / "tracking" / "vsd2m")).Reload()
    weights = {
        f"gates/unet.{name}": value for name, value in saved_weights(result.checkpoint).items() if value.numel() == 1
    }
    assert len(weights) >= 8
    for name, value in weights.items():
        tracked = events.Scalars(name)
        assert [event.step for event in tracked] == [1, 2, 3]
        assert tracked[-1].value == pytest.approx(value.item(), rel=1e-6)
