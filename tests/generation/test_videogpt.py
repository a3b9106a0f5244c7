"""VideoGPT through the common trainer and the common sampler."""

import json

import numpy as np
import pytest
from pydantic import ValidationError
from tiny_models import small_videogpt_config, tagged_clips

torch = pytest.importorskip("torch")
pytest.importorskip("accelerate")

from vsd2m.core.errors import ConfigError  # noqa: E402
from vsd2m.generation.config import GenerationConfig, TrainConfig  # noqa: E402
from vsd2m.generation.data import ClipSource  # noqa: E402
from vsd2m.generation.sampler import generate, load_pipeline  # noqa: E402
from vsd2m.generation.trainer import train  # noqa: E402


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return train(small_videogpt_config(tmp_path_factory.mktemp("videogpt")), clips=tagged_clips()).checkpoint


def test_it_learns_one_clip_by_heart(tmp_path):
    steps = {"num_steps": 60, "batch_size": 1, "videogpt": {"vqvae_steps": 80, "num_codes": 64, "code_dim": 8}}
    optimizer = {"learning_rate": 6e-3, "warmup_steps": 0, "decay": "linear", "ema_decay": 0.0}
    clip = next(iter(tagged_clips().read()))
    source = ClipSource("one", lambda: [clip])
    result = train(
        small_videogpt_config(tmp_path, optimizer=optimizer, noise={"caption_dropout": 0.0}, **steps), clips=source
    )
    assert result.losses[-1] < 0.1 * result.losses[0]
    drawn = load_pipeline(result.checkpoint)(" ".join(clip.tags), seeds=[0], top_k=1, output_type="uint8").frames[0]
    error = np.abs(drawn.astype(float) - clip.frames.transpose(0, 2, 3, 1)).mean()
    blank = np.abs(255.0 - clip.frames).mean()
    assert error < 0.35 * blank


def test_a_resumed_run_gives_the_losses_of_an_uninterrupted_one_in_both_steps(tmp_path):
    class KilledError(Exception):
        pass

    def run(folder, kill_at=None):
        def on_step(step, total, loss):
            assert total == 8
            if step == kill_at:
                raise KilledError

        values = {"save_every": 2, "num_steps": 4, "videogpt": {"vqvae_steps": 4}}
        return train(small_videogpt_config(tmp_path / folder, **values), clips=tagged_clips(), on_step=on_step)

    whole = run("whole")
    for kill_at in (3, 7):  # in the VQ-VAE, in the prior
        with pytest.raises(KilledError):
            run("killed", kill_at)
    resumed = run("killed")
    assert resumed.losses == whole.losses
    for folder in ("vqvae", ""):
        lines = [(tmp_path / name / folder / "losses.jsonl").read_text() for name in ("whole", "killed")]
        assert lines[0] == lines[1]


def test_generate_draws_from_it_and_goes_on_where_it_stopped(checkpoint, tmp_path, caplog):
    prompts = ["a red square", "something else", "a blue square"]
    result = generate(checkpoint, prompts, tmp_path)
    assert result.num_drawn == 3
    assert "names none of the 4 tags" not in caplog.text  # "cartoon" stands before every prompt
    rows = [json.loads(line) for line in result.manifest.read_text().splitlines()]
    assert [row["prompt"] for row in rows] == prompts
    assert generate(checkpoint, prompts, tmp_path).num_drawn == 0
    generate(checkpoint, ["a horse"], tmp_path / "other", config=GenerationConfig(domain=None))
    assert "'a horse' names none of the 4 tags" in caplog.text


def test_seed_tags_and_temperature_change_the_clip(checkpoint):
    pipeline = load_pipeline(checkpoint)
    with torch.no_grad():
        for layer in (pipeline.prior.tag_embedding, pipeline.prior.head):  # three steps have taught it little
            layer.weight.mul_(50)

    def draw(prompt="red", seed=0, **choice):
        return pipeline(prompt, seeds=[seed], output_type="uint8", **choice).frames

    plain = draw()
    assert np.array_equal(plain, draw())
    for other in (draw("blue"), draw(seed=1), draw(temperature=8.0), draw(top_k=1)):
        assert not np.array_equal(plain, other)


def test_guidance_is_off_unless_it_is_asked_for_and_leads_away_from_negative_tags(checkpoint):
    pipeline = load_pipeline(checkpoint)
    with torch.no_grad():
        for layer in (pipeline.prior.tag_embedding, pipeline.prior.head):
            layer.weight.mul_(50)

    def draw(**settings):
        return pipeline.draw(["a red square"], [0], GenerationConfig(**settings))

    plain = draw()
    assert np.array_equal(plain, draw(guidance_scale=1))
    assert np.array_equal(plain, pipeline("red", seeds=[0], output_type="uint8").frames)
    assert np.array_equal(plain, draw(guidance_scale=6, negative_prompt="red"))
    assert not np.array_equal(plain, draw(guidance_scale=6))
    assert not np.array_equal(draw(guidance_scale=6), draw(guidance_scale=6, negative_prompt="a blue square"))


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_a_share_of_the_clips_is_trained_on_without_tags(tmp_path, dropout):
    from vsd2m.generation.videogpt.objectives import NextCodeObjective

    config = small_videogpt_config(tmp_path, noise={"caption_dropout": dropout})
    codes, told = np.zeros((500, 3), np.int32), []

    def model(codes, tags):
        told.append(tags)
        return torch.zeros(*codes.shape, 16)

    objective = NextCodeObjective(config, None, ["key"] * 500, codes, [[1, 2]] * 500)
    torch.manual_seed(0)
    objective.loss(model, np.arange(500), torch.device("cpu"))
    assert (told[0].sum(dim=1) == 0).float().mean().item() == pytest.approx(dropout, abs=0.06)


def test_the_pipeline_saves_and_loads_exactly(checkpoint, tmp_path):
    pipeline = load_pipeline(checkpoint)
    pipeline.save_pretrained(tmp_path)
    again = load_pipeline(tmp_path)
    assert again.known_tags("a red dog") == ["red"]
    first, second = (loaded("red", seeds=[3], output_type="uint8").frames for loaded in (pipeline, again))
    assert np.array_equal(first, second)


def test_only_the_trained_size_can_be_drawn(checkpoint):
    pipeline = load_pipeline(checkpoint)
    with pytest.raises(ConfigError, match=r"only generates 4 frames of 8 pixels; found num_frames 5"):
        pipeline.draw(["red"], [0], GenerationConfig(num_frames=5))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"data": {"size": 9}}, "must be multiples of"),
        ({"model": {"temporal_layer": "conv"}}, "do not apply to it"),
        ({"fsdp": True}, "do not apply to it"),
        ({"videogpt": {"num_heads": 5}}, "multiple of num_heads"),
        ({"family": "diffusion"}, "for family: videogpt"),
    ],
)
def test_impossible_combinations_are_refused(tmp_path, values, message):
    with pytest.raises(ValidationError, match=message):
        small_videogpt_config(tmp_path, **values)


def test_at_full_size_it_has_about_the_number_of_parameters_of_the_papers_table():
    from vsd2m.generation.videogpt.train import make_prior, make_vqvae

    config = TrainConfig.model_validate({"preset": "videogpt", "out": "run", "data": {"shards": "s"}})
    with torch.device("meta"):
        models = make_vqvae(config), make_prior(config, ("cat",) * 1000)
    count = sum(weight.numel() for model in models for weight in model.parameters())
    assert count / 1e9 == pytest.approx(0.102, rel=0.025)
