import numpy as np
import pytest
from conftest import drawn_clips

from vsd2m.generation.captions import conditioning_text
from vsd2m.generation.data import batch_indices


def test_every_epoch_shows_every_clip_once_in_an_order_of_its_own():
    indices = batch_indices(7, seed=3, first=0, count=21).reshape(3, 7)
    assert all(sorted(epoch) == list(range(7)) for epoch in indices)
    assert len({tuple(epoch) for epoch in indices}) == 3


def test_batches_are_stretches_of_one_sequence_however_it_is_cut():
    whole = batch_indices(5, seed=1, first=0, count=40)
    assert np.array_equal(whole[13:29], batch_indices(5, seed=1, first=13, count=16))
    assert not np.array_equal(whole, batch_indices(5, seed=2, first=0, count=40))


def test_a_text_has_its_domain_before_it_as_in_the_paper():
    assert conditioning_text("cartoon", "A cat waves.") == "cartoon\tA cat waves."
    assert conditioning_text(None, "A cat waves.") == "A cat waves."


def test_pixels_survive_the_codec_and_the_cache(tmp_path):
    torch = pytest.importorskip("torch")
    from vsd2m.generation.diffusion.codec import PixelCodec
    from vsd2m.generation.diffusion.latents import open_latents

    source, codec = drawn_clips(count=5), PixelCodec(patch_size=4)
    store = open_latents(tmp_path, source, codec, "pixels/4")
    order = np.array([3, 0, 4])
    restored = codec.decode(store.latents(order))
    pixels = ((restored + 1) * 127.5).round().to(torch.uint8).numpy()
    clips = list(source.read())
    assert np.array_equal(pixels, np.stack([clips[index].frames for index in order]))
    assert store.texts == [clip.text for clip in clips]
    assert np.array_equal(store.masks, np.stack([clip.mask for clip in clips]))


def test_the_autoencoder_is_applied_frame_by_frame_and_scaled():
    torch = pytest.importorskip("torch")
    from diffusers import AutoencoderKL

    import vsd2m.generation.diffusion  # noqa: F401
    from vsd2m.generation.diffusion.codec import LatentCodec

    blocks = {"down_block_types": ("DownEncoderBlock2D",) * 2, "up_block_types": ("UpDecoderBlock2D",) * 2}
    vae = AutoencoderKL(block_out_channels=(8, 16), norm_num_groups=4, latent_channels=4, **blocks).eval()
    codec = LatentCodec(vae, frames_per_call=3)
    clips = torch.rand(2, 5, 3, 16, 12) * 2 - 1
    latents = codec.encode(clips)
    assert latents.shape == (2, 4, 5, 8, 6)
    with torch.no_grad():
        one = vae.encode(clips[1, 4:5]).latent_dist.mode() * vae.config.scaling_factor
    assert torch.allclose(latents[1:2, :, 4], one, atol=1e-5)
    assert codec.decode(latents).shape == clips.shape
