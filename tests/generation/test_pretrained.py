"""Training on top of a Stable Diffusion checkpoint: tiny networks of the very classes."""

import numpy as np
import pytest
from tiny_models import drawn_clips, tiny_config

torch = pytest.importorskip("torch")
pytest.importorskip("accelerate")

from vsd2m.core.errors import ConfigError  # noqa: E402
from vsd2m.generation.sampler import load_pipeline  # noqa: E402
from vsd2m.generation.trainer import train  # noqa: E402

CAPTIONS = ["cartoon\ta red square", "cartoon\ta green square", "cartoon\ta blue square"]


@pytest.fixture(scope="module")
def stable_diffusion(tmp_path_factory, unet2d):
    """A folder laid out like Stable Diffusion 2.1's, with its v-prediction scheduler."""
    from diffusers import AutoencoderKL, PNDMScheduler

    from vsd2m.generation.config import TextConfig
    from vsd2m.generation.diffusion.text import small_text_encoder, train_tokenizer
    from vsd2m.generation.training.progress_bars import no_progress_bars

    folder = tmp_path_factory.mktemp("stable_diffusion")
    torch.manual_seed(4)
    text = TextConfig(hidden_size=16, num_heads=2, max_length=8, vocab_size=300)
    tokenizer = train_tokenizer(CAPTIONS, text)
    blocks = {"down_block_types": ("DownEncoderBlock2D",) * 2, "up_block_types": ("UpDecoderBlock2D",) * 2}
    parts = {
        "unet": unet2d,
        "vae": AutoencoderKL(block_out_channels=(8, 16), norm_num_groups=4, latent_channels=4, **blocks),
        "text_encoder": small_text_encoder(tokenizer, text),
        "tokenizer": tokenizer,
        "scheduler": PNDMScheduler(prediction_type="v_prediction", skip_prk_steps=True, steps_offset=1),
    }
    with no_progress_bars():
        for name, part in parts.items():
            part.save_pretrained(folder / name)
    return folder


def config_on(stable_diffusion, out, **values):
    model = {"pretrained": str(stable_diffusion), "temporal_layer": {"layer": "sti", "num_heads": 2, "head_dim": 8}}
    data = {"shards": "unused", "num_frames": 4, "size": 16}
    return tiny_config(out, model=model, data=data, **{"num_steps": 2, **values})


def changed_weights(result, stable_diffusion, unet2d):
    """Names of the weights that training moved."""
    from vsd2m.generation.diffusion.build import load_base, network_on
    from vsd2m.generation.model_config import make_layer

    config = config_on(stable_diffusion, "unused").model
    base = load_base(config, device=torch.device("cpu"))
    torch.manual_seed(0)
    before = network_on(base.unet, make_layer(config.temporal_layer)).state_dict()
    after = load_pipeline(result.checkpoint).unet.state_dict()
    assert before.keys() == after.keys()
    return {name for name in before if not torch.equal(before[name], after[name])}


@pytest.mark.parametrize("trainable", ["temporal", "temporal_convolutions", "all", "lora"])
def test_only_the_chosen_weights_move(stable_diffusion, unet2d, tmp_path, trainable):
    lora = {"rank": 2}
    config = config_on(stable_diffusion, tmp_path, trainable=trainable, lora=lora)
    result = train(config, clips=drawn_clips(count=6, size=16))
    moved = changed_weights(result, stable_diffusion, unet2d)
    spatial = {name for name in moved if name in unet2d.state_dict()}
    if trainable == "lora":
        assert moved
        assert all(name.split(".")[-2] in ("to_q", "to_k", "to_v", "0") for name in moved)
        assert (result.checkpoint / "lora").is_dir()
    elif trainable == "all":
        assert len(spatial) > 0.9 * len(unet2d.state_dict())
    else:
        assert spatial == set()
        assert any(".temp_convs." in name for name in moved)
        assert any("temp_attentions" in name for name in moved) is (trainable == "temporal")


def test_the_prediction_type_is_the_checkpoints_own(stable_diffusion, tmp_path):
    config = config_on(stable_diffusion, tmp_path, trainable="temporal", noise={"prediction_type": "sample"})
    result = train(config, clips=drawn_clips(count=6, size=16))
    assert load_pipeline(result.checkpoint).scheduler.config.prediction_type == "v_prediction"


def test_a_trained_checkpoint_draws_clips_through_the_autoencoder(stable_diffusion, tmp_path):
    config = config_on(stable_diffusion, tmp_path, trainable="temporal")
    result = train(config, clips=drawn_clips(count=6, size=16))
    pipeline = load_pipeline(result.checkpoint)
    clips = pipeline(CAPTIONS[:2], seeds=[0, 1], num_inference_steps=2, output_type="uint8").frames
    assert clips.shape == (2, 4, 16, 16, 3)
    assert not np.array_equal(clips[0], clips[1])


def test_a_size_that_the_autoencoder_would_shrink_is_refused_in_training_and_in_drawing(stable_diffusion, tmp_path):
    config = config_on(stable_diffusion, tmp_path, trainable="temporal", num_steps=1)
    pipeline = load_pipeline(train(config, clips=drawn_clips(count=2, size=16)).checkpoint)
    with pytest.raises(ConfigError, match="must be multiples of 2 with this checkpoint; found 16 x 15 pixels"):
        pipeline("a red square", height=16, width=15, seeds=[0])
    odd = config.model_copy(update={"data": config.data.model_copy(update={"size": 15}), "out": str(tmp_path / "odd")})
    with pytest.raises(ConfigError, match="data.size 15 must be a multiple of 2 with this autoencoder"):
        train(odd, clips=drawn_clips(count=2, size=15))


def test_lora_training_resumes_exactly(stable_diffusion, tmp_path):
    def run(folder, num_steps):
        values = {"trainable": "lora", "lora": {"rank": 2}, "save_every": 2, "optimizer": {"decay": "constant"}}
        config = config_on(stable_diffusion, tmp_path / folder, num_steps=num_steps, **values)
        return train(config, clips=drawn_clips(count=6, size=16))

    whole = run("whole", 4)
    run("parts", 2)
    assert run("parts", 4).losses == whole.losses


def test_training_on_cached_text_states_is_training_on_the_text(stable_diffusion, tmp_path):
    def losses(cache_text):
        data = {"shards": "unused", "num_frames": 4, "size": 16, "cache_text": cache_text}
        config = config_on(stable_diffusion, tmp_path / str(cache_text), trainable="temporal")
        config = config.model_copy(update={"data": config.data.model_copy(update=data)})
        return train(config, clips=drawn_clips(count=6, size=16))

    cached, encoded = losses(True), losses(False)
    assert cached.losses == pytest.approx(encoded.losses, rel=1e-3)
    assert cached.num_parameters == encoded.num_parameters
    assert [path.name[:5] for path in (tmp_path / "True/cache").iterdir() if path.name[:4] == "text"] == ["text-"]
    assert list((tmp_path / "False/cache").glob("text-*")) == []


def test_another_autoencoder_means_other_latents(stable_diffusion):
    from vsd2m.generation.diffusion.build import load_base
    from vsd2m.generation.training.codec import PixelCodec, make_codec
    from vsd2m.generation.training.latents import codec_identity

    base = load_base(config_on(stable_diffusion, "unused").model, device=torch.device("cpu"))
    codec = make_codec(base.vae, 1)
    before = codec_identity(codec)
    assert before == codec_identity(make_codec(base.vae, 2))
    with torch.no_grad():
        base.vae.decoder.conv_out.bias.add_(1e-3)
    assert codec_identity(codec) != before
    assert codec_identity(PixelCodec(1)) != codec_identity(PixelCodec(2))
