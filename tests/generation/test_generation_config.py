import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from vsd2m.generation.config import RECIPES, GenerationConfig, TrainConfig, merge
from vsd2m.generation.presets import PRESETS

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize("preset", sorted(RECIPES))
def test_every_preset_is_a_valid_config(preset):
    config = TrainConfig.model_validate({"preset": preset, "out": "run", "data": {"shards": "shards"}})
    assert config.data.num_frames == 8
    assert (config.family == "videogpt") is preset.startswith("videogpt")
    assert TrainConfig.model_validate_json(config.model_dump_json()) == config


def test_the_papers_curriculum_and_the_others_train_what_their_names_say():
    def trainable(preset):
        return TrainConfig.model_validate({"preset": preset, "out": "run", "data": {"shards": "s"}}).trainable

    chosen = {preset: trainable(preset) for preset in ("paper", "temporal", "full", "lora", "scratch")}
    assert list(chosen.values()) == ["temporal_convolutions", "temporal", "all", "lora", "all"]


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("train_*.yaml")), ids=lambda path: path.stem)
def test_every_example_is_a_valid_config(path):
    TrainConfig.model_validate(yaml.safe_load(path.read_text()))


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
        ({"preset": "huge"}, "unknown preset 'huge'; known: .*tiny, .*paper"),
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
