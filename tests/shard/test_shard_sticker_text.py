"""One text for a sticker, wherever it is read: in the tars, in training, and as a benchmark's prompt."""

import tarfile
from pathlib import Path

import pytest
from small_run import make_rows, make_run, write_shards

from vsd2m.benchmark.suite.real_clips import list_split
from vsd2m.generation.config import DataConfig
from vsd2m.generation.data import shard_clips
from vsd2m.shard.sticker_text import sticker_text

SPLITS = ("train", "vsd_r", "vsd_c")


@pytest.fixture(scope="module")
def shards(tmp_path_factory) -> str:
    """Stickers with a caption, with a description only, with words only, and with nothing."""
    rows = [
        {
            **row,
            "caption": row["caption"] if number % 4 == 0 else [None, ""][number % 2],
            "given_captions": ["a person wrote this"] if number % 8 == 1 else [],
            "description": row["description"] if number % 4 <= 1 else None,
            "trigger_words": row["trigger_words"] if number % 4 <= 2 else [],
        }
        for number, row in enumerate(make_rows(75))
    ]
    run = make_run(tmp_path_factory.mktemp("texts"), rows)
    write_shards(run)
    return run.store.path("shards")


def texts_in_tars(shards: str) -> dict[str, str]:
    texts = {}
    for path in Path(shards).glob("*.tar"):
        with tarfile.open(path) as tar:
            for member in tar.getmembers():
                if member.name.endswith(".txt"):
                    texts[member.name.removesuffix(".txt")] = tar.extractfile(member).read().decode()
    return texts


def test_the_text_is_the_caption_then_a_given_one_then_the_description_then_the_words():
    row = {"caption": "c", "given_captions": ["g", "h"], "description": "d", "trigger_words": ["good night", "moon"]}
    assert sticker_text(row) == "c"
    assert sticker_text({**row, "caption": None}) == "g"
    row = {**row, "given_captions": []}
    assert sticker_text({**row, "caption": None}) == "d"
    assert sticker_text({**row, "caption": "", "description": ""}) == "good night, moon"
    assert sticker_text({}) == sticker_text({"trigger_words": None}) == ""


def test_shards_training_and_benchmark_have_the_same_text(shards):
    texts = texts_in_tars(shards)
    assert "a person wrote this" in texts.values()
    assert any(", " in text and not text.startswith("A video") for text in texts.values())
    for split in SPLITS:
        config = DataConfig(shards=shards, split=split, num_frames=2, size=8, static="repeat")
        for clip in shard_clips(config).read():
            assert clip.text.split("\t")[-1] == texts[clip.key]
    prompts = list_split(shards, splits=SPLITS, num_frames=2, size=4, max_clips=99)
    assert {clip.key: clip.prompt for clip in prompts} == {clip.key: texts[clip.key] for clip in prompts}
