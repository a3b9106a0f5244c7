import numpy as np
import polars as pl
import pytest
from tiny_models import drawn_clips, equal_but_for_rounding

from vsd2m.core.keys import sticker_key
from vsd2m.generation.captions import conditioning_text
from vsd2m.generation.config import DataConfig
from vsd2m.generation.data import batch_indices, shard_clips
from vsd2m.media.clip import Clip
from vsd2m.media.encode import encode
from vsd2m.shard.writer import MEDIA_OFFSET, ShardSample, write_tar


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
    from vsd2m.generation.training.codec import PixelCodec
    from vsd2m.generation.training.latents import open_latents

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

    from vsd2m.generation.training.codec import LatentCodec

    blocks = {"down_block_types": ("DownEncoderBlock2D",) * 2, "up_block_types": ("UpDecoderBlock2D",) * 2}
    vae = AutoencoderKL(block_out_channels=(8, 16), norm_num_groups=4, latent_channels=4, **blocks).eval()
    codec = LatentCodec(vae, frames_per_call=3)
    clips = torch.rand(2, 5, 3, 16, 12) * 2 - 1
    latents = codec.encode(clips)
    assert latents.shape == (2, 4, 5, 8, 6)
    with torch.no_grad():
        one = vae.encode(clips[1, 4:5]).latent_dist.mode() * vae.config.scaling_factor
    assert equal_but_for_rounding(latents[1:2, :, 4], one)
    assert codec.decode(latents).shape == clips.shape


def write_shard(folder, *, captions):
    """A shard of GIFs of 3 frames and, last, one still, laid out as published."""
    rows, samples = [], []
    for number, caption in enumerate(captions):
        num_frames = 1 if number == len(captions) - 1 else 3
        frames = np.full((num_frames, 10, 10, 4), 255, np.uint8)
        frames[:, : number + 2, :5, :3] = 40 * np.arange(num_frames)[:, None, None, None]
        data = encode(Clip(frames, np.full(num_frames, 100, np.int32), 0, "gif"), "gif")
        samples.append(ShardSample(sticker_key(data), data, {}, caption))
        rows.append({"key": sticker_key(data), "num_bytes": len(data), "caption": caption, "num_frames": num_frames})
    with (folder / "vsd2m-train-000000.tar").open("wb") as file:
        offsets = [start + MEDIA_OFFSET for start in write_tar(file, samples)[:-1]]
    table = pl.DataFrame(rows).with_columns(pl.Series("tar_offset", offsets), pl.lit("cartoon").alias("domain"))
    table.write_parquet(folder / "vsd2m-train-000000.parquet")


def test_clips_come_from_the_shards_with_their_captions(tmp_path):
    write_shard(tmp_path, captions=["A cat waves.", "A dog runs.", "A still bird."])
    moving = list(shard_clips(DataConfig(shards=str(tmp_path), num_frames=4, size=8)).read())
    assert [clip.text for clip in moving] == ["cartoon\tA cat waves.", "cartoon\tA dog runs."]
    assert moving[0].frames.shape == (4, 3, 8, 8)
    assert moving[0].mask.tolist() == [True, True, True, False]
    joint = list(shard_clips(DataConfig(shards=str(tmp_path), num_frames=4, size=8, static="repeat")).read())
    assert [clip.text for clip in joint][2] == "cartoon\tA still bird."


def test_domains_can_be_trained_on_apart(tmp_path):
    write_shard(tmp_path, captions=["A cat waves.", "A dog runs.", "A still bird."])
    config = DataConfig(shards=str(tmp_path), num_frames=4, size=8)
    for domain, count in ((None, 2), ("cartoon", 2), ("real", 0)):
        assert len(list(shard_clips(config.model_copy(update={"domain": domain})).read())) == count


def test_the_identity_of_clips_changes_with_the_shards_and_the_cut(tmp_path):
    write_shard(tmp_path, captions=["A cat waves.", "A still bird."])
    config = DataConfig(shards=str(tmp_path), num_frames=4, size=8)
    first = shard_clips(config).identity
    assert shard_clips(config).identity == first
    assert shard_clips(config.model_copy(update={"num_frames": 5})).identity != first
    write_shard(tmp_path, captions=["A cat sleeps.", "A still bird."])
    assert shard_clips(config).identity != first
