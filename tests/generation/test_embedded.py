"""The generator that comes with the package. Training pictures: the mean frame of an animation at 8 x 8 pixels."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from vsd2m.cli.main import app
from vsd2m.generation.embedded import DEFAULTS, embedded_checkpoint, unknown_words
from vsd2m.media.decode import decode
from vsd2m.networks.torchvision_cpu import allow_torchvision_beside_cpu_torch

SUBJECTS = json.loads(Path(__file__).with_name("embedded_subjects.json").read_text())
PROMPTS = {"a cat waving its paw": "cat", "a birthday cake": "birthday cake", "the panda dancing": "panda"}
STEPS = 6


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    folder = tmp_path_factory.mktemp("drawn")
    settings = ["--set", f"num_inference_steps={STEPS}", "--set", "upscale=1", "--set", "media_format=webp"]
    result = CliRunner().invoke(app, ["generate", *PROMPTS, "--out", str(folder), *settings])
    assert result.exit_code == 0, result.output
    return folder


def clips_of(folder):
    return [decode(path.read_bytes()).frames[..., :3] for path in sorted(folder.glob("0*.webp"))]


def nearest_subject(clip):
    small = clip.astype(float).mean(axis=0).reshape(8, 8, 8, 8, 3).mean(axis=(1, 3))
    return min(SUBJECTS, key=lambda name: np.square(small - np.array(SUBJECTS[name])).mean())


def test_without_a_checkpoint_prompts_give_their_subjects(drawn):
    assert [nearest_subject(clip) for clip in clips_of(drawn)] == list(PROMPTS.values())


def test_what_it_draws_moves_and_stays_one_thing(drawn):
    for clip in clips_of(drawn):
        assert clip.shape == (8, 64, 64, 3)
        between = np.abs(np.diff(clip.astype(float), axis=0)).mean()
        across = np.abs(clip.astype(float) - 255).mean()
        assert 0.2 < between < 0.5 * across


def test_its_cost_lies_beside_the_stickers(drawn):
    cost = json.loads((drawn / "cost.json").read_text())
    assert cost["num_samples"] == len(PROMPTS)
    assert cost["seconds_per_sample"] > 0
    assert 6_000_000 < cost["num_parameters"] < 9_000_000


def test_it_is_a_few_megabytes_and_states_its_licence():
    files = [path for path in embedded_checkpoint().rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 8 * 2**20
    assert "MIT" in (embedded_checkpoint() / "LICENSE.txt").read_text()


def test_words_it_does_not_know_are_named_once_in_order():
    assert unknown_words(["a zyzzyva and a cat", "Qwerty zyzzyva"]) == ["zyzzyva", "and", "qwerty"]


def test_unknown_words_change_nothing():
    allow_torchvision_beside_cpu_torch()
    from vsd2m.generation.diffusion.text import tokenize
    from vsd2m.generation.sampler import load_pipeline

    tokenizer = load_pipeline(embedded_checkpoint()).tokenizer
    with_word, without = tokenize(tokenizer, ["cartoon\ta zyzzyva cat", "cartoon\ta cat"])
    assert with_word.tolist() == without.tolist()


def test_its_defaults_are_settings_of_the_sampler():
    from vsd2m.generation.config import GenerationConfig

    assert GenerationConfig.model_validate(DEFAULTS).upscale == 4
