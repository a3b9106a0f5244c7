import copy

import pytest
from tiny_models import equal_but_for_rounding, frame_by_frame, make_unet, noisy_clip

torch = pytest.importorskip("torch")

from vsd2m.core.errors import ConfigError, EngineError  # noqa: E402

LAYERS = ("conv", "alpha", "swap", "sti")
STI_OPTIONS = ({"mix": "convex"}, {"norm": True}, {"positions": True}, {"gamma": 1}, {"gamma": 3})

VAE_PARAMETERS = 83_653_863  # the paper counts the autoencoder and the text encoder
TEXT_PARAMETERS = 340_387_840


def public_config(unet):
    lists = {name: list(value) if isinstance(value, tuple) else value for name, value in unet.config.items()}
    return {name: value for name, value in lists.items() if not name.startswith("_")}


@pytest.mark.parametrize(
    ("temporal_layer", "billions"), [("conv", 1.835), ("alpha", 1.835), ("swap", 1.847), ("sti", 1.856)]
)
def test_a_full_size_model_has_the_number_of_parameters_in_the_papers_table(temporal_layer, billions):
    from vsd2m.generation.diffusion.sticker_unet import StickerUNetModel

    with torch.device("meta"):
        unet = StickerUNetModel(sample_size=32, temporal_layer=temporal_layer)
    count = sum(weight.numel() for weight in unet.parameters()) + VAE_PARAMETERS + TEXT_PARAMETERS
    assert round(count / 1e9, 3) == billions


def test_the_autoencoder_and_the_text_encoder_have_the_parameters_counted_above():
    from diffusers import AutoencoderKL
    from transformers import CLIPTextConfig, CLIPTextModel

    blocks = {"down_block_types": ("DownEncoderBlock2D",) * 4, "up_block_types": ("UpDecoderBlock2D",) * 4}
    text = CLIPTextConfig(
        vocab_size=49408, hidden_size=1024, intermediate_size=4096, num_hidden_layers=23, num_attention_heads=16
    )
    with torch.device("meta"):
        vae = AutoencoderKL(block_out_channels=(128, 256, 512, 512), layers_per_block=2, latent_channels=4, **blocks)
        text_encoder = CLIPTextModel(text)
    assert sum(weight.numel() for weight in vae.parameters()) == VAE_PARAMETERS
    assert sum(weight.numel() for weight in text_encoder.parameters()) == TEXT_PARAMETERS


def test_the_temporal_weights_are_a_third_of_the_denoiser():
    from vsd2m.generation.diffusion.sticker_unet import StickerUNetModel

    with torch.device("meta"):
        unet = StickerUNetModel(sample_size=32, temporal_layer="sti")
    assert sum(weight.numel() for weight in unet.temporal_parameters().values()) == pytest.approx(0.566e9, rel=0.01)


@pytest.mark.parametrize(
    ("temporal_layer", "options"), [*((layer, {}) for layer in LAYERS), *(("sti", options) for options in STI_OPTIONS)]
)
def test_at_the_start_every_variant_equals_the_2d_network_frame_by_frame(unet2d, temporal_layer, options):
    latents, timesteps, states = noisy_clip()
    unet = make_unet(unet2d, temporal_layer, trained=False, **options)
    with torch.no_grad():
        expected = frame_by_frame(unet2d, latents, timesteps, states)
        assert equal_but_for_rounding(unet(latents, timesteps, states).sample, expected)


def test_the_conv_variant_equals_the_stock_3d_network(unet2d):
    from diffusers import UNet3DConditionModel

    unet = make_unet(unet2d, "conv", trained=True)
    new = ("_", "temporal_")
    stock = UNet3DConditionModel(**{name: value for name, value in unet.config.items() if not name.startswith(new)})
    stock.load_state_dict(unet.state_dict())
    for size in ({}, {"height": 7, "width": 5, "num_frames": 3}):
        latents, timesteps, states = noisy_clip(**size)
        with torch.no_grad():
            expected = stock.eval()(latents, timesteps, states).sample
            assert equal_but_for_rounding(unet(latents, timesteps, states).sample, expected)


@pytest.mark.parametrize("temporal_layer", LAYERS)
def test_no_information_crosses_the_batch(unet2d, temporal_layer):
    latents, timesteps, states = noisy_clip(batch=3)
    unet = make_unet(unet2d, temporal_layer, trained=True)
    other = latents.clone()
    other[1:] = torch.randn_like(other[1:])
    with torch.no_grad():
        together = unet(latents, timesteps, states).sample
        disturbed = unet(other, timesteps, states.roll(1, 0).index_copy(0, torch.tensor([0]), states[:1])).sample
    assert equal_but_for_rounding(together[0], disturbed[0])
    assert not torch.allclose(together[1], disturbed[1], atol=1e-3)


@pytest.mark.parametrize("temporal_layer", LAYERS)
def test_frames_mix_once_weights_have_left_their_start(unet2d, temporal_layer):
    latents, timesteps, states = noisy_clip(batch=1)
    unet = make_unet(unet2d, temporal_layer, trained=True)
    other = latents.clone()
    other[:, :, -1] = torch.randn_like(other[:, :, -1])
    with torch.no_grad():
        difference = unet(latents, timesteps, states).sample - unet(other, timesteps, states).sample
    assert (difference[:, :, 0].abs().amax() > 1e-3).item()


@pytest.mark.parametrize("temporal_layer", LAYERS)
@pytest.mark.parametrize("size", [(1, 8, 8), (3, 7, 5), (5, 9, 16), (11, 4, 4)])
def test_any_frame_count_and_odd_sizes_work(unet2d, temporal_layer, size):
    num_frames, height, width = size
    latents, timesteps, states = noisy_clip(batch=1, num_frames=num_frames, height=height, width=width)
    unet = make_unet(unet2d, temporal_layer, trained=True)
    with torch.no_grad():
        output = unet(latents, timesteps, states).sample
    assert output.shape == latents.shape
    assert output.isfinite().all()


@pytest.mark.parametrize("temporal_layer", LAYERS)
def test_saving_and_loading_is_exact(unet2d, temporal_layer, tmp_path):
    from vsd2m.generation.diffusion.sticker_unet import StickerUNetModel

    latents, timesteps, states = noisy_clip()
    unet = make_unet(unet2d, temporal_layer, trained=True, **({"gamma": 1} if temporal_layer == "sti" else {}))
    unet.save_pretrained(tmp_path)
    loaded = StickerUNetModel.from_pretrained(tmp_path).eval()
    assert public_config(loaded) == public_config(unet)
    with torch.no_grad():
        assert torch.equal(loaded(latents, timesteps, states).sample, unet(latents, timesteps, states).sample)


@pytest.mark.parametrize("temporal_layer", LAYERS)
def test_temporal_weights_travel_apart_from_the_2d_network(unet2d, temporal_layer, tmp_path):
    latents, timesteps, states = noisy_clip()
    unet = make_unet(unet2d, temporal_layer, trained=False)
    with torch.no_grad():
        for weight in unet.temporal_parameters().values():
            weight.add_(0.1 * torch.randn_like(weight))
    unet.save_temporal(tmp_path / "temporal.safetensors")
    fresh = make_unet(unet2d, temporal_layer, trained=False)
    with torch.no_grad():
        expected = unet(latents, timesteps, states).sample
        assert not torch.allclose(fresh(latents, timesteps, states).sample, expected, atol=1e-3)
        fresh.load_temporal(tmp_path / "temporal.safetensors")
        assert torch.equal(fresh(latents, timesteps, states).sample, expected)


def test_temporal_weights_of_another_model_are_refused_by_name_of_the_setting(unet2d, tmp_path):
    make_unet(unet2d, "sti", trained=False).save_temporal(tmp_path / "temporal.safetensors")
    with pytest.raises(EngineError, match="temporal_layer.gamma"):
        make_unet(unet2d, "sti", trained=False, gamma=4).load_temporal(tmp_path / "temporal.safetensors")
    with pytest.raises(EngineError, match="cannot read"):
        make_unet(unet2d, "sti", trained=False).load_temporal(tmp_path / "missing.safetensors")


@pytest.mark.parametrize("temporal_layer", LAYERS)
def test_freezing_the_spatial_weights_leaves_only_the_temporal_ones(unet2d, temporal_layer):
    unet = make_unet(unet2d, temporal_layer, trained=False)
    unet.freeze_spatial()
    spatial = set(unet2d.state_dict())
    assert {name for name, weight in unet.named_parameters() if not weight.requires_grad} == spatial
    unet.freeze_spatial(convolutions_only=True)
    assert all(".temp_convs." in name for name, weight in unet.named_parameters() if weight.requires_grad)


@pytest.mark.parametrize("temporal_layer", LAYERS)
def test_gradients_reach_every_new_weight_after_the_first_steps(unet2d, temporal_layer):
    latents, timesteps, states = noisy_clip()
    unet = make_unet(unet2d, temporal_layer, trained=False).train()
    optimizer = torch.optim.AdamW(unet.parameters(), lr=1e-3)
    for _ in range(5):  # zero gates open one after the other: a projection first, then what feeds it
        optimizer.zero_grad()
        unet(latents, timesteps, states).sample.square().mean().backward()
        optimizer.step()
    silent = [name for name, weight in unet.temporal_parameters().items() if not weight.grad.abs().sum() > 0]
    # one key for all queries of a softmax cancels out, so a key's bias never has a gradient
    assert [name for name in silent if not name.endswith("to_k.bias")] == []


def test_at_the_start_sti_passes_gradients_to_its_two_scalars_and_the_last_convolution(unet2d):
    latents, timesteps, states = noisy_clip()
    unet = make_unet(unet2d, "sti", trained=False)
    unet(latents, timesteps, states).sample.square().mean().backward()
    layer = unet.mid_block.temp_convs[0]
    assert layer.w_semantic.grad.abs() > 0
    assert layer.w_detail.grad.abs() > 0
    assert layer.detail.conv4[-1].weight.grad.abs().sum() > 0
    assert layer.attention.to_q.weight.grad.abs().sum() == 0


def test_the_semantic_branch_does_not_know_the_order_of_frames_unless_it_has_positions(unet2d):
    hidden = torch.randn(4, 32, 8, 8)
    order = torch.tensor([2, 0, 3, 1])
    for positions in (False, True):
        unet = make_unet(unet2d, "sti", trained=True, positions=positions)
        layer = unet.mid_block.temp_convs[0]
        with torch.no_grad():
            shuffled = layer.semantic(hidden[order], num_frames=4)
            same = equal_but_for_rounding(layer.semantic(hidden, num_frames=4)[order], shuffled)
        assert same is not positions


@pytest.mark.parametrize("temporal_layer", LAYERS)
def test_gradient_checkpointing_changes_no_gradient(unet2d, temporal_layer):
    latents, timesteps, states = noisy_clip()
    plain = make_unet(unet2d, temporal_layer, trained=True)
    checkpointed = copy.deepcopy(plain)
    checkpointed.enable_gradient_checkpointing()
    assert checkpointed.is_gradient_checkpointing
    for unet in (plain, checkpointed):
        unet(latents, timesteps, states).sample.square().mean().backward()
    for (name, weight), other in zip(plain.named_parameters(), checkpointed.parameters(), strict=True):
        assert equal_but_for_rounding(weight.grad, other.grad), name


def test_a_layout_without_a_3d_counterpart_is_refused(unet2d):
    from diffusers import UNet2DConditionModel
    from tiny_models import TINY_2D

    from vsd2m.generation.diffusion.sticker_unet import StickerUNetModel

    with pytest.raises(ConfigError, match=r"head widths \[16, 8, 4\] and numbers of heads \[2, 4, 4\]"):
        blocks = {"down_block_types": ("CrossAttnDownBlock2D",) * 3, "up_block_types": ("CrossAttnUpBlock2D",) * 3}
        layout = {**TINY_2D, **blocks, "block_out_channels": (32, 32, 16), "attention_head_dim": (2, 4, 4)}
        StickerUNetModel.from_unet2d(UNet2DConditionModel(**layout))
    with pytest.raises(ConfigError, match=r"unknown temporal layer 'warp'.*; known: conv, alpha, swap, sti"):
        StickerUNetModel.from_unet2d(unet2d, temporal_layer="warp")


@pytest.mark.parametrize("temporal_layer", LAYERS)
def test_the_layout_of_stable_diffusion_1_equals_its_2d_network_too(temporal_layer, tmp_path):
    """Version 1.5: projections are convolutions, and every level has the same number of heads."""
    from diffusers import UNet2DConditionModel
    from tiny_models import TINY_2D

    from vsd2m.generation.diffusion.sticker_unet import StickerUNetModel

    torch.manual_seed(0)
    layout = {"use_linear_projection": False, "attention_head_dim": 8, "cross_attention_dim": 24}
    unet2d = UNet2DConditionModel(**{**TINY_2D, **layout}).eval()
    latents, timesteps, _ = noisy_clip()
    states = torch.randn(2, 5, 24)
    unet = make_unet(unet2d, temporal_layer, trained=False)
    unet.save_pretrained(tmp_path)
    loaded = StickerUNetModel.from_pretrained(tmp_path).eval()
    with torch.no_grad():
        expected = frame_by_frame(unet2d, latents, timesteps, states)
        assert equal_but_for_rounding(unet(latents, timesteps, states).sample, expected)
        assert torch.equal(loaded(latents, timesteps, states).sample, unet(latents, timesteps, states).sample)


def test_padding_of_a_window_takes_no_part_in_the_attention(unet2d):
    from torch.nn.functional import scaled_dot_product_attention

    layer = make_unet(unet2d, "swap", trained=True).mid_block.temp_convs[-1]
    hidden = torch.randn(3, 32, 5, 7)  # three frames, smaller than one window
    with torch.no_grad():
        temporal = super(type(layer), layer).forward(hidden, num_frames=3)
        query, context = (hidden, temporal) if layer.swap else (temporal, hidden)
        query, context = (x.permute(0, 2, 3, 1).reshape(1, 105, 32) for x in (query, context))
        attended = scaled_dot_product_attention(layer.to_q(query), layer.to_k(context), layer.to_v(context))
        expected = temporal + layer.gate * attended.reshape(3, 5, 7, 32).permute(0, 3, 1, 2)
        assert equal_but_for_rounding(layer(hidden, num_frames=3), expected)


def test_windows_and_back_is_the_identity():
    from vsd2m.generation.diffusion.layers.swap import from_windows, to_windows

    hidden = torch.randn(6, 4, 11, 5)
    assert torch.equal(from_windows(to_windows(hidden, 3), 3, 11, 5), hidden)


def test_the_network_compiles_as_one_graph(unet2d):
    latents, timesteps, states = noisy_clip()
    unet = make_unet(unet2d, "sti", trained=True)
    compiled = torch.compile(unet, fullgraph=True, backend="eager")  # a break in the graph is an error
    with torch.no_grad():
        output = compiled(latents, timesteps, states, return_dict=False)[0]
        assert equal_but_for_rounding(output, unet(latents, timesteps, states).sample)
    torch.compiler.reset()
