"""Damaged stickers, missing files, and disks that fail once in a while."""

import json
import shutil
from pathlib import Path

import fsspec
import pyarrow.parquet as pq
import pytest
from fsspec.implementations.memory import MemoryFile, MemoryFileSystem

import vsd2m
from vsd2m.core.errors import ConfigError, StorageError
from vsd2m.core.storage import Store
from vsd2m.generation.config import DataConfig
from vsd2m.generation.data import shard_clips
from vsd2m.shard.loading.damage import DamagedStickerError
from vsd2m.shard.reader import ShardReader
from vsd2m.shard.retrying import retried

TINY = {"num_frames": 1, "size": 1}
TRAIN = "vsd2m-train-000001"


def load(url, **options):
    return vsd2m.load(str(url), split="train", **{**TINY, **options})


def keys(samples) -> list[str]:
    return [sample["key"] for sample in samples]


@pytest.fixture
def folder(shards_url, tmp_path) -> Path:
    """A copy of the shards with a `_stats.json`."""
    folder = Path(shutil.copytree(shards_url, tmp_path / "shards"))
    entries = [
        {"name": path.stem, "num_stickers": pq.read_metadata(path).num_rows}
        for path in sorted(folder.glob("*.parquet"))
    ]
    (folder / "_stats.json").write_text(json.dumps({"shards": entries}))
    return folder


def test_a_complete_folder_is_opened_from_its_index_alone(folder, shards_url):
    stickers = keys(load(shards_url))
    for parquet in sorted(folder.glob("vsd2m-train-*.parquet"))[1:]:
        parquet.write_bytes(b"")
    dataset = load(folder)
    assert len(dataset) == len(stickers), "no Parquet file was read for it but the first"
    with pytest.raises(StorageError, match=r"vsd2m-train-000001\.parquet"):
        keys(dataset)


@pytest.mark.parametrize("with_stats", [True, False])
@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ([f"{TRAIN}.tar"], rf"incomplete: {TRAIN}\.tar: missing, but the Parquet file exists"),
        ([f"{TRAIN}.parquet"], rf"incomplete: {TRAIN}\.parquet: missing, but the tar exists"),
        ([f"{TRAIN}.tar", f"{TRAIN}.parquet"], TRAIN),
    ],
)
def test_a_missing_file_is_named_when_the_set_is_opened(folder, missing, message, with_stats):
    if not with_stats:
        (folder / "_stats.json").unlink()
    for name in missing:
        (folder / name).unlink()
    openers = {
        "load": lambda: load(folder),
        "reader": lambda: ShardReader(str(folder)),
        "training": lambda: shard_clips(DataConfig(shards=str(folder), num_frames=1, size=8)),
    }
    for opener in openers.values():
        with pytest.raises(StorageError, match=message):
            opener()
    assert vsd2m.load(str(folder), split="vsd_c", **TINY).num_stickers, "another split is whole"


def test_a_missing_last_shard_and_one_too_many_are_seen_by_the_statistics(folder):
    last = sorted(folder.glob("vsd2m-train-*.tar"))[-1]
    number = int(last.stem[-6:])
    for suffix in (".tar", ".parquet"):
        shutil.copy(last.with_suffix(suffix), folder / f"vsd2m-train-{number + 1:06d}{suffix}")
    with pytest.raises(StorageError, match=rf"_stats\.json: does not list vsd2m-train-{number + 1:06d}"):
        load(folder)
    for name in (last.stem, f"vsd2m-train-{number + 1:06d}"):
        for suffix in (".tar", ".parquet"):
            (folder / f"{name}{suffix}").unlink()
    with pytest.raises(StorageError, match=rf"_stats\.json: lists {last.stem}, which does not exist"):
        load(folder)


def test_a_split_of_which_only_the_statistics_are_left_is_missing_not_unknown(folder):
    for path in folder.glob("vsd2m-vsd_c-*"):
        path.unlink()
    with pytest.raises(StorageError, match="lists vsd2m-vsd_c-000000, which does not exist"):
        vsd2m.load(str(folder), split="vsd_c", **TINY)


def test_a_shard_with_other_rows_than_stated_is_named(folder):
    other = pq.read_table(folder / "vsd2m-train-000000.parquet").slice(1)
    pq.write_table(other, folder / "vsd2m-train-000000.parquet")
    with pytest.raises(StorageError, match=r"vsd2m-train-000000\.parquet has \d+ stickers, \d+ are expected"):
        keys(load(folder))


def test_statistics_that_cannot_be_read_are_named(folder):
    for text in ("{", "{}", '{"shards": [{"name": "other", "num_stickers": 3}]}'):
        (folder / "_stats.json").write_text(text)
        with pytest.raises(StorageError, match=r"cannot read .*_stats\.json"):
            load(folder)


@pytest.mark.parametrize("damage", ["cut", "cut parquet"])
def test_a_damaged_shard_is_named(shards_url, tmp_path, damage):
    folder = Path(shutil.copytree(shards_url, tmp_path / "shards"))
    path = folder / f"{TRAIN}.{'tar' if damage == 'cut' else 'parquet'}"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(StorageError, match=rf"{TRAIN}\."):
        keys(load(folder))


def test_a_flipped_byte_is_named_and_the_iteration_continues(shards_url, damaged):
    folder, key = damaged(shards_url, 17)
    whole, iterator, seen = keys(load(shards_url)), iter(load(folder)), []
    with pytest.raises(DamagedStickerError, match=rf"vsd2m-train-000001: sticker {key} at offset \d+: ") as caught:
        while True:
            seen += [next(iterator)["key"]]
    assert (caught.value.sticker.shard, caught.value.sticker.key) == (TRAIN, key)
    assert [*seen, key, *keys(iterator)] == whole


def test_skipped_stickers_are_left_out_counted_and_named(shards_url, damaged):
    folder, first = damaged(shards_url, 17)
    folder, second = damaged(folder, 3)
    dataset = load(folder, on_error="skip")
    for _ in range(2):
        assert keys(dataset) == [key for key in keys(load(shards_url)) if key not in (first, second)]
    assert [(sticker.shard, sticker.key) for sticker in dataset.skipped] == [
        ("vsd2m-train-000000", second),
        (TRAIN, first),
    ]
    assert all("are not at their offset" in sticker.reason for sticker in dataset.skipped)
    assert load(folder).skipped == []


def test_more_damage_than_allowed_ends_the_epoch_and_names_the_first(shards_url, damaged):
    folder, first = damaged(shards_url, 2)
    for number in (5, 9, 11, 20):
        folder, _ = damaged(folder, number)
    with pytest.raises(StorageError, match=rf"4 stickers of .* more than max_skipped = 3: .*{first}.* \.\.\."):
        keys(load(folder, on_error="skip", max_skipped=3))
    assert len(keys(load(folder, on_error="skip", max_skipped=5))) == len(load(shards_url)) - 5


@pytest.mark.parametrize("ends", ["drop", "pad"])
def test_a_skipped_sticker_is_replaced_where_ranks_must_stay_equal(shards_url, damaged, ends):
    folder, key = damaged(shards_url, 4)
    parts = [keys(load(folder, on_error="skip", rank=rank, world_size=2, ends=ends, shuffle=True)) for rank in range(2)]
    assert len(parts[0]) == len(parts[1])
    whole = [keys(load(shards_url, rank=rank, world_size=2, ends=ends, shuffle=True)) for rank in range(2)]
    assert len(parts[0]) == len(whole[0])
    order = [key for turn in zip(*whole, strict=True) for key in turn]
    follower = order[(order.index(key) + 1) % len(order)]
    replaced = [follower if other == key else other for other in order]
    assert [key for turn in zip(*parts, strict=True) for key in turn] == replaced


class FlakyFileSystem(MemoryFileSystem):
    """Files of which every first read fails."""

    protocol = "flaky"
    store: dict = {}  # noqa: RUF012
    pseudo_dirs = [""]  # noqa: RUF012
    failed: set = set()  # noqa: RUF012

    @classmethod
    def _strip_protocol(cls, path):
        return MemoryFileSystem._strip_protocol(path.removeprefix("flaky:/"))

    def cat_file(self, path, start=None, end=None, **options):
        self._fail_once(path, start)
        return super().cat_file(path, start, end, **options)

    def _open(self, path, mode="rb", **options):
        self._fail_once(path, "open")
        return super()._open(path, mode, **options)

    def _fail_once(self, *read):
        if read not in self.failed:
            self.failed.add(read)
            raise TimeoutError(110, "Connection timed out")


def test_reads_that_fail_once_are_tried_again(folder):
    fsspec.register_implementation("flaky", FlakyFileSystem, clobber=True)
    for path in [folder / "_stats.json", *folder.glob("vsd2m-vsd_r-*")]:
        FlakyFileSystem.store[f"/shards/{path.name}"] = MemoryFile(None, path.name, path.read_bytes())
    entries = [
        entry for entry in json.loads((folder / "_stats.json").read_bytes())["shards"] if "vsd_r" in entry["name"]
    ]
    stats = json.dumps({"shards": entries}).encode()
    FlakyFileSystem.store["/shards/_stats.json"] = MemoryFile(None, "_stats.json", stats)
    options = {"split": "vsd_r", "shuffle": True, **TINY}
    dataset = vsd2m.load("flaky://shards", **options)
    assert keys(dataset) == keys(vsd2m.load(str(folder), **options))
    assert len(FlakyFileSystem.failed) == len(dataset) + 2, "each sticker, the Parquet file and the statistics"


def test_a_read_is_given_up_after_the_third_attempt_with_growing_waits():
    waits, attempts = [], []

    def fails():
        attempts.append(1)
        raise StorageError("no answer") from TimeoutError()

    with pytest.raises(StorageError, match="no answer"):
        retried(fails, wait=waits.append)
    assert (len(attempts), waits) == (3, [0.1, 0.2])
    store = Store("/nowhere")
    with pytest.raises(StorageError, match="No such file"):
        retried(lambda: store.read_bytes("file"), wait=waits.append)
    assert waits == [0.1, 0.2], "what is not there is not asked for again"


def test_a_negative_limit_is_refused(shards_url):
    with pytest.raises(ConfigError, match="max_skipped must be at least 0, found -1"):
        load(shards_url, on_error="skip", max_skipped=-1)
