"""The pipelines as a user of diffusers calls them."""

import inspect
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from tiny_models import drawn_clips, small_videogpt_config, tagged_clips, tiny_config

torch = pytest.importorskip("torch")
pytest.importorskip("accelerate")

from vsd2m.generation.sampler import load_pipeline  # noqa: E402
from vsd2m.generation.trainer import train  # noqa: E402

QUICK = {"num_inference_steps": 2, "guidance_scale": 2.0}
SCRIPT = """
import sys
from vsd2m.networks.torchvision_cpu import allow_torchvision_beside_cpu_torch
allow_torchvision_beside_cpu_torch()
import torch
from diffusers import DiffusionPipeline
assert not any(name.startswith("vsd2m.generation") for name in sys.modules)
for folder in sys.argv[1:]:
    try:
        DiffusionPipeline.from_pretrained(folder)
    except ValueError as error:
        assert "trust_remote_code=True" in str(error)
    else:
        raise AssertionError("code of the folder was run without trust")
    pipe = DiffusionPipeline.from_pretrained(folder, trust_remote_code=True)
    pipe.set_progress_bar_config(disable=True)
    frames = pipe("a red square", generator=torch.Generator().manual_seed(3)).frames
    print(type(pipe).__name__, len(frames), len(frames[0]), frames[0][0].size)
"""


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return train(tiny_config(tmp_path_factory.mktemp("run"), num_steps=2), clips=drawn_clips(count=6)).checkpoint


@pytest.fixture(scope="module")
def i2vgen_checkpoint(tmp_path_factory):
    folder = tmp_path_factory.mktemp("i2vgen")
    model = tiny_config(folder).model.model_dump() | {"temporal_layer": "i2vgen"}
    return train(tiny_config(folder, num_steps=1, model=model), clips=drawn_clips(count=4)).checkpoint


@pytest.fixture(scope="module")
def videogpt_checkpoint(tmp_path_factory):
    return train(small_videogpt_config(tmp_path_factory.mktemp("videogpt")), clips=tagged_clips()).checkpoint


@pytest.fixture
def pipe(checkpoint):
    return load_pipeline(checkpoint)


def bytes_of(pipe, prompt="a red square", **values):
    return pipe(prompt, **{**QUICK, "output_type": "uint8", **values}).frames


def test_diffusers_own_entry_point_loads_every_kind_of_checkpoint(
    checkpoint, i2vgen_checkpoint, videogpt_checkpoint, tmp_path
):
    folders = [str(folder) for folder in (checkpoint, i2vgen_checkpoint, videogpt_checkpoint)]
    environment = {**os.environ, "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", SCRIPT, *folders]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.splitlines() == [
        "StickerPipeline 1 4 (8, 8)",
        "StickerPipeline 1 4 (8, 8)",
        "VideoGPTPipeline 1 4 (8, 8)",
    ]


def test_our_own_commands_run_no_code_that_lies_in_a_checkpoint(checkpoint, tmp_path):
    import shutil

    folder = tmp_path / "checkpoint"
    shutil.copytree(checkpoint, folder)
    assert json.loads((folder / "model_index.json").read_text())["_class_name"] == ["pipeline", "StickerPipeline"]
    (folder / "pipeline.py").write_text("raise SystemExit('run')")
    assert bytes_of(load_pipeline(folder), seeds=[0]).shape == (1, 4, 8, 8, 3)


def test_a_checkpoint_of_before_with_the_class_alone_is_loaded(checkpoint, tmp_path):
    import shutil

    folder = tmp_path / "checkpoint"
    shutil.copytree(checkpoint, folder)
    index = json.loads((folder / "model_index.json").read_text()) | {"_class_name": "StickerPipeline"}
    (folder / "model_index.json").write_text(json.dumps(index))
    (folder / "pipeline.py").unlink()
    assert np.array_equal(bytes_of(load_pipeline(folder), seeds=[0]), bytes_of(load_pipeline(checkpoint), seeds=[0]))


def test_a_prompt_is_a_text_or_a_list_of_texts(pipe):
    one = bytes_of(pipe, "a red square", seeds=[0])
    assert np.array_equal(one, bytes_of(pipe, ["a red square"], seeds=[0]))
    assert bytes_of(pipe, ["a red square", "a blue"], seeds=[0, 1]).shape == (2, 4, 8, 8, 3)
    with pytest.raises(TypeError, match="prompt must be a text or a list of texts"):
        pipe([["a", "red"]], seeds=[0])


def test_videogpt_takes_a_text_or_a_list_of_texts_too(videogpt_checkpoint):
    pipe = load_pipeline(videogpt_checkpoint)
    one = pipe("a red square", seeds=[0], output_type="uint8").frames
    assert one.shape == (1, 4, 8, 8, 3)
    assert np.array_equal(one, pipe(["a red square"], seeds=[0], output_type="uint8").frames)
    with pytest.raises(ValueError, match="1 prompts and 2 seeds"):
        pipe("a red square", seeds=[0, 1])
    with pytest.raises(ValueError, match="output_type is 'latent'; expected one of pil, np, pt, uint8"):
        pipe("a red square", output_type="latent")


def test_the_arguments_are_those_of_diffusers_own_text_to_video_pipeline(pipe):
    from diffusers import TextToVideoSDPipeline

    ours = inspect.signature(pipe.__call__).parameters
    theirs = inspect.signature(TextToVideoSDPipeline.__call__).parameters
    not_yet = {"prompt_embeds", "negative_prompt_embeds", "clip_skip"}
    replaced = {
        "callback",
        "callback_steps",
        "cross_attention_kwargs",
    }  # by callback_on_step_end; no attention takes any
    assert set(theirs) - set(ours) - {"self"} == not_yet | replaced
    assert ours["guidance_scale"].default == 7.5


def test_every_output_type_shows_the_same_clip(pipe):
    forms = {name: pipe("a red square", seeds=[0], output_type=name, **QUICK).frames for name in ("pil", "np", "pt")}
    pixels = bytes_of(pipe, seeds=[0])
    assert isinstance(forms["pil"][0][0], Image.Image)
    assert np.array_equal(np.stack([np.asarray(picture) for picture in forms["pil"][0]]), pixels[0])
    assert np.array_equal((forms["np"] * 255).round().astype(np.uint8), pixels)
    assert torch.equal(forms["pt"].permute(0, 1, 3, 4, 2), torch.from_numpy(forms["np"]))
    latents = pipe("a red square", seeds=[0], output_type="latent", **QUICK).frames
    assert torch.equal(pipe.codec.decode(latents), 2 * forms["pt"] - 1) or torch.allclose(
        pipe.codec.decode(latents), 2 * forms["pt"] - 1, atol=1e-6
    )
    (tuple_frames,) = pipe("a red square", seeds=[0], output_type="np", return_dict=False, **QUICK)
    assert np.array_equal(tuple_frames, forms["np"])
    with pytest.raises(ValueError, match="output_type is 'gif'; expected one of pil, np, pt, uint8, latent"):
        pipe("a red square", output_type="gif")


def test_diffusers_own_export_writes_what_the_pipeline_returns(pipe, tmp_path):
    from diffusers.utils import export_to_gif

    export_to_gif(pipe("a red square", seeds=[0], **QUICK).frames[0], str(tmp_path / "red.gif"))
    with Image.open(tmp_path / "red.gif") as picture:
        assert picture.size == (8, 8)


def test_a_generator_one_or_one_per_prompt_repeats_a_draw(pipe):
    def generators(*seeds):
        return [torch.Generator().manual_seed(seed) for seed in seeds]

    prompts = ["a red square", "a blue"]
    from_seeds = bytes_of(pipe, prompts, seeds=[4, 5])
    assert np.array_equal(bytes_of(pipe, prompts, generator=generators(4, 5)), from_seeds)
    one = bytes_of(pipe, prompts, generator=generators(4)[0])
    assert np.array_equal(bytes_of(pipe, prompts, generator=generators(4)[0]), one)
    assert not np.array_equal(bytes_of(pipe, prompts, generator=generators(6)[0]), one)
    torch.manual_seed(1)
    first = bytes_of(pipe, prompts)
    assert not np.array_equal(bytes_of(pipe, prompts), first)
    torch.manual_seed(1)
    assert np.array_equal(bytes_of(pipe, prompts), first)
    with pytest.raises(ValueError, match="2 prompts and 3 generators"):
        bytes_of(pipe, prompts, generator=generators(1, 2, 3))
    with pytest.raises(ValueError, match="2 prompts and 1 seeds"):
        bytes_of(pipe, prompts, seeds=[1])
    with pytest.raises(ValueError, match="seeds or generator, not both"):
        bytes_of(pipe, prompts, seeds=[1, 2], generator=generators(1)[0])


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # inside diffusers' scheduler
@pytest.mark.parametrize("name", ["EulerAncestralDiscreteScheduler", "LCMScheduler", "DDPMScheduler"])
def test_schedulers_that_draw_noise_at_every_step_are_repeatable_and_independent_of_the_batch(pipe, name):
    import diffusers

    options = {
        "prediction_type": "v_prediction",
        "rescale_betas_zero_snr": False,
    }  # not every one takes what is trained
    pipe.scheduler = getattr(diffusers, name).from_config(pipe.scheduler.config, **options)
    together = bytes_of(pipe, ["a red square", "a blue"], seeds=[4, 5], num_inference_steps=3)
    torch.manual_seed(99)
    assert np.array_equal(bytes_of(pipe, ["a red square", "a blue"], seeds=[4, 5], num_inference_steps=3), together)
    alone = bytes_of(pipe, "a blue", seeds=[5], num_inference_steps=3)
    assert np.abs(alone[0].astype(int) - together[1]).max() <= 1  # sums of another batch are rounded differently


def test_eta_draws_noise_of_the_clips_own_generator(pipe):
    plain, noisy = (bytes_of(pipe, seeds=[3], eta=eta) for eta in (0.0, 1.0))
    assert not np.array_equal(plain, noisy)
    assert np.array_equal(bytes_of(pipe, seeds=[3], eta=1.0), noisy)


def test_given_latents_are_what_is_started_from(pipe):
    noise = pipe.initial_noise([torch.Generator().manual_seed(5)], 1, 4, 8, 8)
    assert np.array_equal(bytes_of(pipe, latents=noise), bytes_of(pipe, seeds=[5]))


def test_negative_prompts_are_one_for_all_or_one_for_each(pipe):
    prompts = ["a red square", "a blue"]
    settings = {"seeds": [0, 1], "guidance_scale": 30.0}
    same = bytes_of(pipe, prompts, negative_prompt="a green", **settings)
    each = bytes_of(pipe, prompts, negative_prompt=["a green", "a red"], **settings)
    assert np.abs(same[0].astype(int) - each[0]).max() <= 1
    assert not np.array_equal(same[1], each[1])
    with pytest.raises(ValueError, match="2 prompts and 3 negative prompts"):
        bytes_of(pipe, prompts, negative_prompt=["a", "b", "c"])


def test_a_callback_sees_every_step_and_may_change_the_latents(pipe):
    seen = []

    def look(pipeline, index, timestep, given):
        assert pipeline is pipe
        seen.append((index, int(timestep), tuple(given["latents"].shape)))
        return given

    plain = bytes_of(pipe, seeds=[0])
    assert np.array_equal(bytes_of(pipe, seeds=[0], callback_on_step_end=look), plain)
    assert [index for index, _, _ in seen] == [0, 1]
    assert {shape for _, _, shape in seen} == {(1, 12, 4, 4, 4)}
    blank = bytes_of(pipe, seeds=[0], callback_on_step_end=lambda *_: {"latents": torch.zeros(1, 12, 4, 4, 4)})
    assert set(blank.flatten().tolist()) == {128}
    with pytest.raises(ValueError, match="may only contain 'latents'"):
        bytes_of(pipe, callback_on_step_end=look, callback_on_step_end_tensor_inputs=["prompt_embeds"])
