import pytest
from tiny_models import drawn_clips, equal_but_for_rounding, frame_by_frame, noisy_clip, tiny_config

torch = pytest.importorskip("torch")

VAE_PARAMETERS = 83_653_863


def make_i2vgen(unet2d, *, trained=True):
    from vsd2m.generation.diffusion.i2vgen import TextI2VGenModel

    torch.manual_seed(1)
    model = TextI2VGenModel.from_unet2d(unet2d).eval()
    if trained:
        with torch.no_grad():
            for weight in model.parameters():
                weight.add_(0.05 * torch.randn_like(weight))
    return model


def test_at_the_start_it_equals_the_2d_network_frame_by_frame(unet2d):
    latents, timesteps, states = noisy_clip(num_frames=3)
    model = make_i2vgen(unet2d, trained=False)
    with torch.no_grad():
        expected = frame_by_frame(unet2d, latents, timesteps, states)
        assert equal_but_for_rounding(model(latents, timesteps, states).sample, expected)


def test_from_scratch_what_it_has_for_images_starts_at_zero_as_on_a_2d_network(unet2d, tmp_path):
    from vsd2m.generation.diffusion.build import unet_from_scratch
    from vsd2m.generation.diffusion.temporal_weights import IMAGE_MODULES

    model = tiny_config(tmp_path).model.model_dump() | {"temporal_layer": "i2vgen"}
    for unet in (make_i2vgen(unet2d, trained=False), unet_from_scratch(tiny_config(tmp_path, model=model))):
        weights = [weight for name, weight in unet.named_parameters() if name.split(".")[0] in IMAGE_MODULES]
        assert len(weights) == 31
        assert not any(weight.any() for weight in weights)


def test_a_saved_network_is_loaded_as_it_was(unet2d, tmp_path):
    from vsd2m.generation.diffusion.i2vgen import TextI2VGenModel

    latents, timesteps, states = noisy_clip(num_frames=3)
    model = make_i2vgen(unet2d)
    model.save_pretrained(tmp_path)
    loaded = TextI2VGenModel.from_pretrained(tmp_path).eval()
    with torch.no_grad():
        assert torch.equal(loaded(latents, timesteps, states).sample, model(latents, timesteps, states).sample)


def test_a_full_size_model_has_the_number_of_parameters_in_the_papers_table():
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPVisionConfig, CLIPVisionModelWithProjection

    from vsd2m.generation.diffusion.i2vgen import TextI2VGenModel

    text = {"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24, "num_attention_heads": 16}
    image = {"hidden_size": 1280, "intermediate_size": 5120, "num_hidden_layers": 32, "num_attention_heads": 16}
    with torch.device("meta"):
        models = [
            TextI2VGenModel(sample_size=32),
            CLIPTextModel(CLIPTextConfig(vocab_size=49408, **text)),
            CLIPVisionModelWithProjection(CLIPVisionConfig(patch_size=14, projection_dim=1024, **image)),
        ]
    count = sum(weight.numel() for model in models for weight in model.parameters()) + VAE_PARAMETERS
    assert round(count / 1e9, 3) == 2.489


def test_text_alone_guides_it_and_nothing_crosses_the_batch(unet2d):
    model = make_i2vgen(unet2d)
    latents, timesteps, states = noisy_clip(num_frames=3, height=7, width=5)
    other = states.clone()
    other[1] = torch.randn_like(other[1])
    with torch.no_grad():
        output = model(latents, timesteps, states).sample
        disturbed = model(latents, timesteps, other).sample
    assert output.shape == latents.shape
    assert equal_but_for_rounding(output[0], disturbed[0])
    assert not torch.allclose(output[1], disturbed[1], atol=1e-3)


def test_its_temporal_weights_are_all_that_the_2d_network_lacks(unet2d):
    model = make_i2vgen(unet2d)
    spatial = {name for name, _ in model.named_parameters()} - set(model.temporal_parameters())
    assert spatial == set(unet2d.state_dict())


def test_it_is_trained_and_drawn_from_like_the_others(tmp_path):
    from vsd2m.generation.sampler import load_pipeline
    from vsd2m.generation.trainer import train

    base = tiny_config(tmp_path).model.model_dump()
    result = train(
        tiny_config(tmp_path, num_steps=1, model={**base, "temporal_layer": "i2vgen"}), clips=drawn_clips(count=4)
    )
    pipeline = load_pipeline(result.checkpoint)
    clips = pipeline("a red square", seeds=[0], num_inference_steps=1, output_type="uint8").frames
    assert clips.shape == (1, 4, 8, 8, 3)
