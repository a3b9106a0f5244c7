import subprocess
import sys

import pytest
from pydantic import ValidationError

from vsd2m.generation.config import GenerationConfig, TrainConfig, merge
from vsd2m.generation.presets import PRESETS


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_every_preset_is_a_valid_config(preset):
    config = TrainConfig.model_validate({"preset": preset, "out": "run", "data": {"shards": "shards"}})
    assert config.data.num_frames == 8
    assert config.model.temporal_layer == "sti"


def test_what_is_written_beside_a_preset_wins_and_the_rest_of_its_section_stays():
    values = {"preset": "tiny", "out": "run", "data": {"shards": "shards", "size": 64}, "num_steps": 7}
    config = TrainConfig.model_validate(values)
    assert (config.num_steps, config.data.size) == (7, 64)
    assert config.data.num_frames == PRESETS["tiny"]["data"]["num_frames"]


def test_a_config_survives_its_own_json():
    config = TrainConfig.model_validate({"preset": "tiny", "out": "run", "data": {"shards": "shards"}, "seed": 3})
    assert TrainConfig.model_validate_json(config.model_dump_json()) == config


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"noise": {"prediction_type": "epsilon"}}, "zero_terminal_snr needs"),
        ({"data": {"shards": "s", "size": 33}}, "multiple of model.patch_size"),
        ({"trainable": "temporal"}, "needs model.pretrained"),
        ({"model": {"attention_levels": [True]}}, "same length"),
        ({"model": {"norm_num_groups": 7}}, "multiple of norm_num_groups"),
        ({"model": {"temporal_layer": "warp"}}, "temporal_layer"),
        ({"text": {"hidden_size": 30}}, "multiple of num_heads"),
        ({"stepz": 1}, "stepz"),
    ],
)
def test_impossible_combinations_are_refused_with_the_reason(values, message):
    with pytest.raises(ValidationError, match=message):
        TrainConfig.model_validate(merge({"preset": "tiny", "out": "run", "data": {"shards": "s"}}, values))


def test_a_guidance_interval_is_ordered():
    with pytest.raises(ValidationError, match="first <= second"):
        GenerationConfig(guidance_interval=(0.8, 0.2))


@pytest.mark.parametrize("module", ["config", "trainer", "sampler", "data", "presets"])
def test_the_doors_of_the_package_load_no_torch(module):
    code = f"import sys, vsd2m.generation.{module}; sys.exit('torch' in sys.modules or 'diffusers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
