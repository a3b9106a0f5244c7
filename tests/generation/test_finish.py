import numpy as np
import pytest

from vsd2m.generation.config import GenerationConfig
from vsd2m.generation.sampling.contact_sheet import grid
from vsd2m.generation.sampling.finish import background, finish, share_palette


def ring(num_frames=3):
    """A dark ring on white: white outside and white inside."""
    frames = np.full((num_frames, 9, 9, 3), 255, np.uint8)
    frames[:, 2:7, 2:7] = (10, 60, 90)
    frames[:, 4, 4] = 250
    return frames


def test_the_white_outside_is_cut_out_and_the_white_inside_stays():
    clip = finish(ring(), GenerationConfig(background="transparent"))
    assert clip.frames[0, 0, 0, 3] == 0
    assert clip.frames[0, 4, 4, 3] == 255
    assert (clip.frames[..., 3] == 0).sum(axis=(1, 2)).tolist() == [81 - 25] * 3


def test_the_background_is_what_flood_filling_from_the_border_reaches():
    from PIL import Image, ImageDraw

    generator = np.random.default_rng(0)
    frames = np.where(generator.random((4, 24, 20, 1)) < 0.6, 255, 0).astype(np.uint8).repeat(3, axis=3)
    found = background(frames)
    for frame, mask in zip(frames, found, strict=True):
        picture = Image.fromarray(
            np.pad(frame[..., 0], 1, constant_values=255)
        ).copy()  # a white frame joins all borders
        ImageDraw.floodfill(picture, (0, 0), 128)
        assert np.array_equal(np.asarray(picture)[1:-1, 1:-1] == 128, mask)


def test_a_shared_palette_has_few_colours_and_stays_near():
    generator = np.random.default_rng(0)
    frames = generator.integers(0, 256, (3, 32, 32, 3), np.uint8) // 3 + np.uint8(80)
    shared = share_palette(frames)
    assert len(np.unique(shared.reshape(-1, 3), axis=0)) <= 255
    assert np.abs(shared.astype(int) - frames).mean() < 12
    few = ring()
    assert np.array_equal(share_palette(few), few)


@pytest.mark.parametrize("palette", ["per_frame", "shared"])
def test_nothing_else_is_changed_by_default(palette):
    clip = finish(ring(), GenerationConfig(palette=palette, duration_ms=80))
    assert np.array_equal(clip.frames[..., :3], ring())
    assert (clip.frames[..., 3] == 255).all()
    assert clip.durations_ms.tolist() == [80, 80, 80]


def test_a_grid_shows_every_clip_from_its_first_frame_to_its_last():
    clips = [np.full((count, 4, 4, 3), 40 * number, np.uint8) for number, count in enumerate((2, 5, 1))]
    clips[0][1] = 200
    shown = grid(clips, frame_size=8, duration_ms=100)
    assert shown.frames.shape == (5, 28, 28, 4)
    assert shown.frames[[0, -1], 6, 6, 0].tolist() == [0, 200]
    assert shown.frames[:, 6, 18, 0].tolist() == [40] * 5
    assert shown.frames[:, 18, 6, 0].tolist() == [80] * 5
