"""Clips out of shards: what is in them, in which order, and who gets which."""

import io
import itertools
import pickle
from pathlib import Path

import fsspec
import numpy as np
import pytest
from PIL import Image, ImageSequence

import vsd2m
from vsd2m.core.errors import ConfigError, StorageError

OPTIONS = {"num_frames": 8, "size": 12}


def keys(samples) -> list[str]:
    return [sample["key"] for sample in samples]


def ping_pong(num_frames: int, wanted: int) -> list[int]:
    """The authors' loop, as published."""
    frames = list(range(num_frames))
    while len(frames) < wanted:
        frames += frames[::-1][1:]
    return frames[:wanted]


@pytest.fixture(scope="module")
def train(shards_url):
    return list(vsd2m.load(shards_url, split="train", **OPTIONS))


def test_samples_carry_the_columns_and_a_clip_of_the_size_asked_for(train, rows):
    by_key = {row["key"]: row for row in rows}
    for sample in train:
        row = by_key[sample["key"]]
        assert sample["clip"].shape == (8, 3, 12, 12)
        assert sample["clip"].dtype == np.uint8
        for name in ("caption", "caption_zh", "description", "trigger_words", "ocr_text", "domain", "num_frames"):
            assert sample[name] == (row[name] if row[name] is not None else ""), name
        stored = np.array(row["durations_ms"])
        assert sample["durations_ms"].tolist() == stored[sample["frame_indices"]].tolist()


def test_the_splits_together_are_the_whole_set_without_overlap(shards_url, rows):
    parts = [keys(vsd2m.load(shards_url, split=split, **OPTIONS)) for split in ("train", "vsd_r", "vsd_c")]
    together = list(itertools.chain(*parts))
    assert len(together) == len(set(together))
    assert set(together) == {row["key"] for row in rows}
    assert all(parts)


def test_short_stickers_are_filled_forth_and_back_and_long_ones_cut_with_both_ends(train):
    for sample in train:
        stored = sample["num_frames"]
        if stored == 1:
            expected = [0] * 8
        elif stored < 8:
            expected = ping_pong(stored, 8)
        else:
            expected = np.linspace(0, stored - 1, 8).round().astype(int).tolist()
        assert sample["frame_indices"][[0, -1]].tolist() == [expected[0], expected[-1]]
        if stored < 8:
            assert sample["frame_indices"].tolist() == expected
        assert sample["mask"].tolist() == [i < stored for i in range(8)]
    assert {sample["num_frames"] for sample in train} == set(range(1, 12))


def test_pixels_agree_with_pillow(shards_url, rows):
    by_key = {row["key"]: row for row in rows}
    size = 16  # the height; the width of 24 is squashed
    for sample in itertools.islice(vsd2m.load(shards_url, split="train", num_frames=3, size=size), 8):
        picture = Image.open(io.BytesIO(by_key[sample["key"]]["media"]))
        frames = [frame.convert("RGB") for frame in ImageSequence.Iterator(picture)]
        for frame, index in zip(sample["clip"], sample["frame_indices"], strict=True):
            # The height is unchanged, so the mean over the width hardly moves whatever the resampling filter.
            expected = np.asarray(frames[index], np.float64).mean(axis=1)
            assert np.abs(frame.transpose(1, 2, 0).astype(np.float64).mean(axis=1) - expected).max() < 12


@pytest.mark.parametrize("fill", ["flip", "repeat", "none"])
def test_fill_and_frames_options(shards_url, fill):
    for sample in vsd2m.load(shards_url, split="train", num_frames=6, size=4, fill=fill, frames="uniform"):
        stored, indices = sample["num_frames"], sample["frame_indices"].tolist()
        if stored >= 6:
            assert indices == [i * stored // 6 for i in range(6)]
        elif fill == "repeat":
            assert indices == [i % stored for i in range(6)]
        elif fill == "none":
            assert indices == list(range(stored))
            assert sample["clip"].shape == (stored, 3, 4, 4)


def test_frames_by_time_are_those_on_the_screen(shards_url):
    for sample in vsd2m.load(shards_url, split="train", num_frames=4, size=4, frames="time"):
        if sample["num_frames"] < 4:
            continue
        durations = [50 + 10 * i for i in range(sample["num_frames"])]
        screen = [i for i, duration in enumerate(durations) for _ in range(duration)]  # one entry per millisecond
        expected = [screen[int((step + 0.5) / 4 * len(screen))] for step in range(4)]
        assert sample["frame_indices"].tolist() == expected


def test_a_sample_has_the_text_of_the_tar_and_none_only_where_asked_for(shards_url, rows):
    by_key = {row["key"]: row for row in rows}
    for sample in vsd2m.load(shards_url, split="train", num_frames=1, size=4, absent_text=None):
        row = by_key[sample["key"]]
        assert sample["text"] == row["caption"]
        assert (sample["domain"], sample["caption_zh"]) == (row["domain"], row["caption_zh"])
    assert any(row["domain"] is None for row in rows)


def test_static_stickers_can_be_excluded(shards_url, train):
    moving = vsd2m.load(shards_url, split="train", static="exclude", **OPTIONS)
    expected = [sample["key"] for sample in train if sample["num_frames"] > 1]
    assert keys(moving) == expected
    assert len(moving) == len(expected) < len(train)


def test_the_index_and_the_iteration_agree(shards_url, train):
    dataset = vsd2m.load(shards_url, split="train", **OPTIONS)
    assert len(dataset) == len(train)
    assert [dataset[i]["key"] for i in range(len(dataset))] == keys(train)
    assert dataset[-1]["key"] == train[-1]["key"]
    with pytest.raises(IndexError):
        dataset[len(dataset)]


def test_shuffles_repeat_by_seed_and_differ_by_epoch(shards_url, train):
    dataset = vsd2m.load(shards_url, split="train", shuffle=True, seed=3, **OPTIONS)
    first, second = keys(dataset), keys(dataset)
    again = vsd2m.load(shards_url, split="train", shuffle=True, seed=3, **OPTIONS)
    assert first == keys(again)
    again.set_epoch(1)
    assert second == keys(again)
    other = keys(vsd2m.load(shards_url, split="train", shuffle=True, seed=4, **OPTIONS))
    assert sorted(first) == sorted(second) == sorted(other) == sorted(keys(train))
    assert len({tuple(order) for order in (first, second, other, keys(train))}) == 4


def test_a_dataset_travels_to_another_process_with_a_shard_open(shards_url, train):
    dataset = vsd2m.load(shards_url, split="train", **OPTIONS)
    next(iter(dataset))
    assert keys(pickle.loads(pickle.dumps(dataset))) == keys(train)


def test_shards_load_from_any_fsspec_address(shards_url, train):
    memory = fsspec.filesystem("memory")
    for path in Path(shards_url).iterdir():
        memory.pipe_file(f"/loader-test/{path.name}", path.read_bytes())
    found = list(vsd2m.load("memory://loader-test", split="train", **OPTIONS))
    assert keys(found) == keys(train)
    assert all(np.array_equal(a["clip"], b["clip"]) for a, b in zip(found, train, strict=True))


def test_a_wrong_split_lists_those_that_exist(shards_url):
    with pytest.raises(ConfigError, match=r"no split 'test'; it has train, vsd_c, vsd_r"):
        vsd2m.load(shards_url, split="test", **OPTIONS)


def test_a_folder_without_shards_says_so_and_points_to_them(shards_url, tmp_path):
    with pytest.raises(StorageError, match="has no shards"):
        vsd2m.load(str(tmp_path / "nothing"), split="train", **OPTIONS)
    with pytest.raises(StorageError, match=r"did you mean .*/shards"):
        vsd2m.load(str(Path(shards_url).parent), split="train", **OPTIONS)


@pytest.mark.parametrize(
    "wrong",
    [
        {"num_frames": 0},
        {"size": 0},
        {"fill": "mirror"},
        {"frames": "random"},
        {"static": "drop"},
        {"background": (0, 0, 256)},
        {"rank": 2, "world_size": 2, "ends": "drop"},
        {"ends": "cut"},
        {"batch_size": 0},
        {"mix_shards": 0},
        {"on_error": "ignore"},
    ],
)
def test_options_out_of_range_are_refused(shards_url, wrong):
    with pytest.raises(ConfigError, match=f"{next(iter(wrong))} must be"):
        vsd2m.load(shards_url, split="train", **{**OPTIONS, **wrong})
