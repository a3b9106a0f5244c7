"""The examples run as written."""

import subprocess
import sys
from pathlib import Path

import yaml

from vsd2m.generation.config import TrainConfig

EXAMPLES = Path(__file__).parents[1] / "examples"


def test_shards_are_loaded_by_the_example(sticker_run):
    command = [sys.executable, str(EXAMPLES / "load_shards.py"), sticker_run.store.path("shards"), "train"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = dict(line.split("  ", 1) for line in done.stdout.splitlines()[1:])
    assert "(8, 3, 128, 128)" in done.stdout
    assert lines["epoch 0"].startswith("(4, 8, 3, 128, 128)")
    assert lines["epoch 0"] != lines["epoch 1"]
    assert (lines["resumed"], lines["skipped"]) == ("True", "0")


def test_the_training_example_is_a_valid_config():
    config = TrainConfig.model_validate(yaml.safe_load((EXAMPLES / "train_tiny.yaml").read_text()))
    assert config.model.temporal_layer.layer == "sti" and config.data.size < 256
