import json

import numpy as np
import pytest
from PIL import Image
from tiny_models import drawn_clips, tiny_config

pytest.importorskip("torch")
pytest.importorskip("accelerate")

from vsd2m.core.errors import ConfigError, EngineError
from vsd2m.generation.config import GenerationConfig
from vsd2m.generation.sampler import generate, load_pipeline
from vsd2m.generation.trainer import train

PROMPTS = ["a red square", "a green square", "a blue square"]
QUICK = GenerationConfig(num_inference_steps=2, guidance_scale=2.0)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return train(tiny_config(tmp_path_factory.mktemp("run"), num_steps=2), clips=drawn_clips(count=6)).checkpoint


def pictures(result):
    return {path.name: path.read_bytes() for path in result.files}


@pytest.mark.parametrize("media_format", ["gif", "apng", "webp"])
def test_every_prompt_gives_one_animated_sticker(checkpoint, tmp_path, media_format):
    config = QUICK.model_copy(update={"media_format": media_format, "upscale": 3})
    result = generate(checkpoint, PROMPTS, tmp_path, config=config)
    for path in result.files:
        with Image.open(path) as picture:
            assert picture.size == (24, 24)
            assert getattr(picture, "n_frames", 1) == 4
    with Image.open(result.contact_sheet) as sheet:
        assert np.asarray(sheet.convert("L")).std() > 0


def test_the_manifest_says_what_every_file_is(checkpoint, tmp_path):
    from vsd2m.core.keys import sticker_key

    result = generate(checkpoint, PROMPTS, tmp_path, config=QUICK)
    rows = [json.loads(line) for line in result.manifest.read_text().splitlines()]
    assert [row["prompt"] for row in rows] == PROMPTS
    assert [row["seed"] for row in rows] == [0, 1, 2]
    assert rows[0]["text"] == "cartoon\ta red square"
    assert [row["key"] for row in rows] == [sticker_key(path.read_bytes()) for path in result.files]


def test_an_interrupted_run_goes_on_and_gives_the_same_files(checkpoint, tmp_path):
    class KilledError(Exception):
        pass

    def kill(done, total):
        raise KilledError

    config = QUICK.model_copy(update={"batch_size": 1})
    with pytest.raises(KilledError):
        generate(checkpoint, PROMPTS, tmp_path / "killed", config=config, on_sticker=kill)
    resumed = generate(checkpoint, PROMPTS, tmp_path / "killed", config=config)
    assert resumed.num_drawn == 2
    whole = generate(checkpoint, PROMPTS, tmp_path / "whole", config=config)
    assert whole.num_drawn == 3
    assert pictures(resumed) == pictures(whole)
    assert resumed.manifest.read_bytes() == whole.manifest.read_bytes()
    assert generate(checkpoint, PROMPTS, tmp_path / "whole", config=config).num_drawn == 0


def test_a_changed_prompt_or_setting_is_drawn_again(checkpoint, tmp_path):
    generate(checkpoint, PROMPTS, tmp_path, config=QUICK)
    assert generate(checkpoint, ["a red circle", *PROMPTS[1:]], tmp_path, config=QUICK).num_drawn == 1
    slower = QUICK.model_copy(update={"num_inference_steps": 3})
    assert generate(checkpoint, PROMPTS, tmp_path, config=slower).num_drawn == 3


def test_a_sticker_does_not_depend_on_its_neighbours_in_the_batch(checkpoint):
    pipeline = load_pipeline(checkpoint)
    settings = {"num_inference_steps": 3, "guidance_scale": 2.0, "output_type": "uint8"}
    together = pipeline(PROMPTS, seeds=[5, 6, 7], **settings).frames
    alone = pipeline(PROMPTS[1:2], seeds=[6], **settings).frames
    # a batch of another size may round its sums differently: one grey level
    assert np.abs(together[1].astype(int) - alone[0]).max() <= 1
    assert np.abs(together[0].astype(int) - together[1]).max() > 10


def test_prompt_seed_guidance_and_negative_prompt_each_change_the_picture(checkpoint):
    pipeline = load_pipeline(checkpoint)

    def draw(prompt="a red square", seed=5, **settings):
        settings = {"num_inference_steps": 2, "guidance_scale": 30.0, "output_type": "uint8", **settings}
        return pipeline([prompt], seeds=[seed], **settings).frames

    plain = draw()
    assert np.array_equal(plain, draw())
    for other in (
        draw(prompt="a blue"),
        draw(seed=6),
        draw(guidance_scale=1.0),
        draw(negative_prompt="a red"),
        draw(guidance_interval=(0.0, 0.4)),
    ):
        assert not np.array_equal(plain, other)


def test_guidance_by_a_factor_of_one_is_no_guidance(checkpoint):
    pipeline = load_pipeline(checkpoint)
    settings = {"seeds": [5], "num_inference_steps": 2, "output_type": "uint8"}
    none = pipeline(["a red square"], guidance_scale=1.0, **settings).frames
    nowhere = pipeline(["a red square"], guidance_scale=9.0, guidance_interval=(0.9, 0.95), **settings).frames
    assert np.array_equal(none, nowhere)


def test_other_frame_counts_and_sizes_than_trained_can_be_drawn(checkpoint):
    settings = {"num_inference_steps": 1, "output_type": "uint8"}
    clips = load_pipeline(checkpoint)("a red square", seeds=[0], num_frames=3, height=12, width=10, **settings).frames
    assert clips.shape == (1, 3, 12, 10, 3)
    assert clips.dtype == np.uint8


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # inside diffusers' scheduler
def test_dpm_solver_draws_too(checkpoint, tmp_path):
    config = QUICK.model_copy(update={"scheduler": "dpm", "num_inference_steps": 4})
    assert generate(checkpoint, PROMPTS[:1], tmp_path, config=config).num_drawn == 1


def test_the_pipeline_loads_like_any_diffusers_pipeline_and_saves_exactly(checkpoint, tmp_path):
    from vsd2m.generation.diffusion.pipeline import StickerPipeline

    pipeline = load_pipeline(checkpoint)
    pipeline.save_pretrained(tmp_path)
    again = StickerPipeline.from_pretrained(tmp_path)
    settings = {"seeds": [1], "num_inference_steps": 2, "output_type": "uint8"}
    assert np.array_equal(pipeline(PROMPTS[:1], **settings).frames, again(PROMPTS[:1], **settings).frames)


def test_users_mistakes_are_one_clear_line(checkpoint, tmp_path):
    with pytest.raises(ConfigError, match="no prompts"):
        generate(checkpoint, [], tmp_path)
    with pytest.raises(EngineError, match="no checkpoint"):
        generate(tmp_path / "nothing", PROMPTS, tmp_path)
    with pytest.raises(ConfigError, match="must be multiples of 2 with this checkpoint; found 9 x 9 pixels"):
        generate(checkpoint, PROMPTS, tmp_path, config=QUICK.model_copy(update={"size": 9}))


def test_text_keys_projected_once_give_the_same_stickers_as_projected_at_every_step(checkpoint, monkeypatch):
    import contextlib

    from vsd2m.generation.diffusion import pipeline as module
    from vsd2m.generation.diffusion.layers.text_attention import text_attentions

    pipeline = load_pipeline(checkpoint)
    calls = []
    for attention in text_attentions(pipeline.unet):
        attention.to_k.register_forward_hook(lambda *_: calls.append(1))
    settings = {"seeds": [1, 2], "num_inference_steps": 3, "guidance_scale": 3.0, "guidance_interval": (0.0, 0.5)}
    settings["output_type"] = "uint8"
    once = pipeline(PROMPTS[:2], **settings).frames
    assert len(calls) == 2 * len(text_attentions(pipeline.unet))  # with guidance and without
    monkeypatch.setattr(module, "text_projected", lambda *_: contextlib.nullcontext())
    assert np.array_equal(pipeline(PROMPTS[:2], **settings).frames, once)
    assert len(calls) == 5 * len(text_attentions(pipeline.unet))
