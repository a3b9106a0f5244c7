"""A temporal layer of one's own: named by its class, with an option, and with weights outside of `temp_convs`."""

import json
import sys
from types import ModuleType

import pytest
from pydantic import Field, ValidationError

pytest.importorskip("diffusers")
import torch
from tiny_models import drawn_clips, equal_but_for_rounding, frame_by_frame, noisy_clip, tiny_config
from torch import nn

from vsd2m.core.errors import EngineError
from vsd2m.generation.config import TrainConfig
from vsd2m.generation.diffusion.build import network_on
from vsd2m.generation.model_config import make_layer
from vsd2m.generation.sampler import load_pipeline
from vsd2m.generation.temporal_layers import TemporalLayer, TemporalLayerConfig
from vsd2m.generation.trainer import train


class ShiftedConv(nn.Module):
    """Adds `scale` times the frame before, through a gate of its own."""

    def __init__(self, scale):
        super().__init__()
        self.scale = scale
        self.own_gate = nn.Parameter(torch.zeros(1))

    def forward(self, hidden_states, num_frames=1):
        clips = hidden_states.unflatten(0, (-1, num_frames))
        return (clips + self.own_gate * self.scale * clips.roll(1, dims=1)).flatten(0, 1)


class ShiftConfig(TemporalLayerConfig):
    scale: float = Field(1.0, gt=0, description="weight of the frame before")


class Shift(TemporalLayer):
    """Shifted frames in the blocks, and a learned bias on what leaves the network."""

    Config = ShiftConfig
    gates = ("own_gate",)

    def install(self, unet):
        for block in (*unet.down_blocks, unet.mid_block, *unet.up_blocks):
            block.temp_convs = nn.ModuleList([ShiftedConv(self.config.scale) for _ in block.temp_convs])
        unet.last_words = nn.Parameter(torch.zeros(unet.config.out_channels))


LAYER = {"layer": "own_layers:Shift", "scale": 0.5}


@pytest.fixture(autouse=True)
def own_layers(monkeypatch):
    module = ModuleType("own_layers")
    module.Shift = Shift
    monkeypatch.setitem(sys.modules, "own_layers", module)


def test_it_is_trained_saved_and_loaded_with_all_its_weights(unet2d, tmp_path):
    unet = network_on(unet2d, make_layer(LAYER)).eval()
    latents, timesteps, states = noisy_clip()
    with torch.no_grad():
        assert equal_but_for_rounding(
            unet(latents, timesteps, states).sample, frame_by_frame(unet2d, latents, timesteps, states)
        )
    unet.freeze_spatial(convolutions_only=True)
    trained = {name for name, weight in unet.named_parameters() if weight.requires_grad}
    assert "last_words" in trained
    assert {name.rsplit(".", 1)[-1] for name in trained} == {"own_gate", "last_words"}

    with torch.no_grad():
        unet.last_words.fill_(7)
    unet.save_temporal(tmp_path / "temporal.safetensors")
    again = network_on(unet2d, make_layer(LAYER))
    again.load_temporal(tmp_path / "temporal.safetensors")
    assert again.last_words.tolist() == [7.0] * len(unet.last_words)
    other = network_on(unet2d, make_layer({**LAYER, "scale": 2}))
    with pytest.raises(EngineError, match=r"these settings differ: \['temporal_layer.scale'\]"):
        other.load_temporal(tmp_path / "temporal.safetensors")


def test_a_checkpoint_with_it_is_drawn_from(tmp_path):
    model = tiny_config(tmp_path).model.model_dump() | {"temporal_layer": LAYER}
    result = train(tiny_config(tmp_path, num_steps=2, model=model), clips=drawn_clips(count=4))
    config = json.loads((result.checkpoint / "unet" / "config.json").read_text())
    assert (config["temporal_layer"], config["temporal_options"]) == ("own_layers:Shift", {"scale": 0.5})
    unet = load_pipeline(result.checkpoint).unet
    assert unet.mid_block.temp_convs[0].scale == 0.5
    assert unet.gates == ("own_gate",)


@pytest.mark.parametrize(
    ("layer", "where", "message"),
    [
        ({"layer": "own_layers:Shift", "scale": 0}, ("model", "temporal_layer", "scale"), "greater than 0"),
        ({"layer": "sti", "gama": 1}, ("model", "temporal_layer", "gama"), "Extra inputs"),
        ("stl", ("model", "temporal_layer"), "did you mean 'sti'"),
        ("pathlib:Path", ("model", "temporal_layer"), "is not a temporal layer"),
    ],
)
def test_a_wrong_layer_or_option_is_refused_with_the_path_of_the_field(layer, where, message, tmp_path):
    with pytest.raises(ValidationError, match=message) as caught:
        TrainConfig.model_validate({"out": str(tmp_path), "data": {"shards": "s"}, "model": {"temporal_layer": layer}})
    assert caught.value.errors()[0]["loc"] == where


def test_another_layer_does_not_inherit_the_options_of_the_presets(tmp_path):
    values = {"preset": "tiny", "out": str(tmp_path), "data": {"shards": "s"}}
    swapped = TrainConfig.model_validate({**values, "model": {"temporal_layer": {"layer": "swap"}}})
    assert swapped.model.temporal_layer.model_dump() == {"layer": "swap"}
    wider = TrainConfig.model_validate({**values, "model": {"temporal_layer": {"gamma": 4}}})
    assert wider.model.temporal_layer.model_dump()["num_heads"] == 4
