"""The published hashes are those that imagehash gives to whoever opens the files without us."""

import io

import imagehash
import numpy as np
import pytest
from PIL import Image, ImageSequence

from vsd2m.core.stage import Batch, StageConfig
from vsd2m.filter.perceptual_hashes import COLUMNS, PerceptualHashesStage
from vsd2m.pipelines.engine.config import PipelineConfig
from vsd2m.pipelines.engine.local import run_local
from vsd2m.pipelines.engine.plan import make_plan

NAMES = [column.name for column in COLUMNS]


def animation(num_frames: int, media_format: str, *, seed: int, alpha: bool = False) -> bytes:
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (num_frames, 6, 5, 4 if alpha else 3)).astype(np.uint8)
    pictures = [Image.fromarray(frame).resize((50, 60), Image.Resampling.NEAREST) for frame in coarse]
    sink = io.BytesIO()
    pictures[0].save(sink, media_format, save_all=True, append_images=pictures[1:], duration=80, lossless=True)
    return sink.getvalue()


def hashed(data: bytes) -> list[str]:
    (columns,) = PerceptualHashesStage(StageConfig()).process(Batch([{}], [data]))
    return [columns[name] for name in NAMES]


@pytest.mark.parametrize("media_format", ["PNG", "WEBP", "GIF"])
@pytest.mark.parametrize("num_frames", [1, 2, 5, 6])
def test_opaque_stickers_have_the_hashes_of_whoever_opens_them_with_pillow(media_format, num_frames):
    data = animation(num_frames, media_format, seed=num_frames)
    frames = [frame.convert("RGB") for frame in ImageSequence.Iterator(Image.open(io.BytesIO(data)))]
    assert len(frames) == num_frames
    expected = [str(imagehash.phash(frames[index])) for index in (0, num_frames // 2, num_frames - 1)]
    assert hashed(data) == expected
    assert len(set(expected)) == min(num_frames, 3)


def test_transparent_frames_are_hashed_on_white():
    data = animation(3, "WEBP", seed=9, alpha=True)
    expected = []
    for frame in ImageSequence.Iterator(Image.open(io.BytesIO(data))):
        ground = Image.new("RGBA", frame.size, "white")
        expected.append(imagehash.phash(Image.alpha_composite(ground, frame.convert("RGBA")).convert("RGB")))
    ours = [imagehash.hex_to_hash(text) for text in hashed(data)]
    assert max(a - b for a, b in zip(ours, expected, strict=True)) <= 2  # Pillow rounds a blend otherwise
    on_black = [imagehash.phash(frame.convert("RGBA").convert("RGB")) for frame in [Image.open(io.BytesIO(data))]]
    assert ours[0] - on_black[0] > 2


def test_a_run_publishes_them_as_columns(tmp_path):
    stages = {"pictures": {"stage": "filter_run:Pictures"}, "catalog": {"stage": "filter_run:Catalog"}}
    stages |= {"probe": {}, "near_duplicates": {}, "perceptual_hashes": {}}
    run = run_local(make_plan(PipelineConfig(run=str(tmp_path), partition_size=5, stages=stages)))
    table = run.frame(NAMES)
    assert len(table) > 10
    for name in NAMES:
        assert table[name].str.contains(r"^[0-9a-f]{16}$").all()
        assert table[name].n_unique() > 5
