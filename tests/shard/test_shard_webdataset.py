"""`vsd2m.to_webdataset`: the pipeline gives what `vsd2m.load` gives."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

import vsd2m
from vsd2m.core.errors import ConfigError, StorageError

webdataset = pytest.importorskip("webdataset")

CLIP = {"num_frames": 3, "size": 8}


def same(ours, theirs) -> bool:
    assert set(ours) == {*theirs, "__key__"}
    assert ours["__key__"] == theirs["key"]
    return all(np.array_equal(ours[name], value) and type(ours[name]) is type(value) for name, value in theirs.items())


@pytest.mark.parametrize("options", [{}, {"frames": "time", "fill": "repeat", "background": (0, 9, 200)}])
@pytest.mark.parametrize("split", ["train", "vsd_c"])
def test_samples_are_those_of_load(shards_url, split, options):
    expected = list(vsd2m.load(shards_url, split=split, **CLIP, **options))
    samples = list(vsd2m.to_webdataset(shards_url, split=split, **CLIP, **options))
    assert len(samples) == len(expected) > 0
    assert all(same(*pair) for pair in zip(samples, expected, strict=True))


def test_workers_of_a_dataloader_share_the_shards_and_batches_collate(shards_url):
    data = pytest.importorskip("torch.utils.data")
    pipeline = vsd2m.to_webdataset(shards_url, split="train", **CLIP).batched(4, collation_fn=vsd2m.collate)
    batches = list(data.DataLoader(pipeline, batch_size=None, num_workers=2))
    keys = [key for batch in batches for key in batch["key"]]
    assert sorted(keys) == sorted(sample["key"] for sample in vsd2m.load(shards_url, split="train", **CLIP))
    assert all(batch["clip"].shape == (len(batch["key"]), 3, 3, 8, 8) for batch in batches)


def test_shards_are_shuffled_by_the_seed_and_drawn_without_end(shards_url):
    def keys(number=None, **options):
        samples = iter(vsd2m.to_webdataset(shards_url, split="train", **CLIP, **options))
        return [sample["key"] for sample in (samples if number is None else (next(samples) for _ in range(number)))]

    plain = keys()
    orders = {tuple(keys(shardshuffle=9, seed=seed)) for seed in range(6)}
    assert len(orders) > 1 and all(sorted(order) == sorted(plain) for order in orders)
    assert keys(shardshuffle=9, seed=1) == keys(shardshuffle=9, seed=1)
    assert set(keys(3 * len(plain), resampled=True)) <= set(plain)


def test_a_damaged_sticker_is_an_error_or_what_the_handler_says(shards_url, damaged):
    url, key = damaged(shards_url, 4)
    with pytest.raises(StorageError, match=f"the bytes of sticker {key} are not at their offset"):
        list(vsd2m.to_webdataset(url, split="train", **CLIP))
    good = list(vsd2m.to_webdataset(url, split="train", **CLIP, handler=webdataset.ignore_and_continue))
    expected = [sample["key"] for sample in vsd2m.load(shards_url, split="train", **CLIP)]
    assert [sample["key"] for sample in good] == [other for other in expected if other != key]


def test_a_shard_that_is_gone_when_it_is_read_is_named(shards_url, damaged):
    url, _ = damaged(shards_url, 0)
    pipeline = vsd2m.to_webdataset(url, split="train", **CLIP)
    first = min(Path(url).glob("vsd2m-train-*.tar"))
    first.unlink()
    with pytest.raises(StorageError, match=f"cannot read .*{first.name}"):
        list(pipeline)


def test_wrong_options_are_refused_when_it_is_called(shards_url):
    with pytest.raises(ConfigError, match="fill must be one of"):
        vsd2m.to_webdataset(shards_url, split="train", **CLIP, fill="mirror")
    with pytest.raises(ConfigError, match="vsd_c"):
        vsd2m.to_webdataset(shards_url, split="validation", **CLIP)


def test_a_sticker_that_only_the_tar_has_is_an_error(shards_url, damaged):
    url, _ = damaged(shards_url, 0)
    first = min(Path(url).glob("vsd2m-train-*.parquet"))
    table = pq.read_table(first)
    pq.write_table(table.slice(1), first)
    with pytest.raises(StorageError, match=f"contains a sticker {table['key'][0]} that is not in its Parquet file"):
        list(vsd2m.to_webdataset(url, split="train", **CLIP))


WITHOUT = """
import sys
sys.modules["webdataset"] = None
import vsd2m
try:
    vsd2m.to_webdataset(sys.argv[1], split="train", num_frames=2, size=4)
except vsd2m.Vsd2mError as error:
    print(error)
"""


def test_without_the_library_its_install_line_is_given(shards_url):
    printed = subprocess.run(
        [sys.executable, "-c", WITHOUT, shards_url], check=True, capture_output=True, text=True
    ).stdout
    assert "pip install '.[webdataset]'" in printed
