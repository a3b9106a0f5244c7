"""Takedown lists at the split, at loading, and on published shards."""

import hashlib
import json
import shutil
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest
import yaml
from small_run import hashes, make_run, write_shards
from typer.testing import CliRunner

import vsd2m
from vsd2m.cli.main import app
from vsd2m.core.errors import ConfigError
from vsd2m.core.takedown import TakedownList
from vsd2m.shard.publishing.statistics import StatisticsConfig, StatisticsStage
from vsd2m.shard.publishing.takedown import find_taken_down, take_down
from vsd2m.shard.reader import ShardReader
from vsd2m.shard.split import SplitConfig, SplitStage
from vsd2m.shard.verify import verify
from vsd2m.shard.writer import FIELDS


@pytest.fixture(scope="module")
def in_run(tmp_path_factory, rows) -> Path:
    run = make_run(tmp_path_factory.mktemp("taken"), rows)
    write_shards(run)
    StatisticsStage(StatisticsConfig(licence="CC0-1.0")).write_partition(run, 0)
    return Path(run.store.path("shards"))


@pytest.fixture
def published(in_run, tmp_path) -> Path:
    return Path(shutil.copytree(in_run, tmp_path / "published"))


def _some(folder: Path, number: int = 3) -> tuple[TakedownList, set[str]]:
    """A list that names stickers of two shards by key and by address, and their keys."""
    frame = ShardReader(str(folder)).to_polars(["key", "urls", "shard"])
    first = frame.filter(pl.col("shard") == frame["shard"][0]).head(number)
    last = frame.tail(1)
    listed = TakedownList.of({"keys": first["key"].to_list(), "addresses": last["urls"][0].to_list()})
    return listed, {*first["key"], *last["key"]}


def test_a_dry_run_says_what_would_go_and_writes_nothing(published) -> None:
    listed, keys = _some(published)
    before = hashes(published)
    found = find_taken_down(str(published), listed)
    assert {sticker.key for sticker in found} == keys
    assert {sticker.entry.split()[0] for sticker in found} == {"key", "address"}
    assert hashes(published) == before


def test_removed_stickers_are_gone_from_every_file_and_the_rest_is_whole(published, rows) -> None:
    listed, keys = _some(published)
    before, names = hashes(published), {entry["key"] for entry in rows}
    touched = {sticker.shard for sticker in find_taken_down(str(published), listed)}
    assert {sticker.key for sticker in take_down(str(published), listed)} == keys
    assert verify(str(published)) == []
    assert set(ShardReader(str(published))) == names - keys
    assert find_taken_down(str(published), listed) == []
    left = {path for path, digest in hashes(published).items() if before[path] == digest}
    assert all(f"{name}.tar" not in left for name in touched)
    shards = {path.split(".")[0] for path in before if path.startswith("vsd2m-")}
    assert all({f"{name}.tar", f"{name}.tar.idx", f"{name}.parquet"} <= left for name in shards - touched)
    for path in published.rglob("*"):
        data = path.read_bytes() if path.is_file() else b""
        assert not any(key.encode() in data for key in keys), path
    assert sum(
        len(vsd2m.load(str(published), split=split, num_frames=2, size=8)) for split in _splits(published)
    ) == len(names - keys)


def _splits(folder: Path) -> set[str]:
    return {shard.split for shard in ShardReader(str(folder)).shards}


def test_what_describes_the_shards_describes_what_is_left(published) -> None:
    listed, keys = _some(published)
    before = json.loads((published / "_stats.json").read_text())
    take_down(str(published), listed)
    stats = json.loads((published / "_stats.json").read_text())
    assert stats["num_stickers"] == before["num_stickers"] - len(keys)
    assert stats["funnel"] == before["funnel"]
    for entry in stats["shards"]:
        assert entry["tar_sha256"] == hashlib.sha256((published / f"{entry['name']}.tar").read_bytes()).hexdigest()
    croissant = json.loads((published / "croissant.json").read_text())
    for entry in croissant["distribution"]:
        if "sha256" in entry:
            data = (published / entry["name"]).read_bytes()
            assert (entry["sha256"], entry["contentSize"]) == (hashlib.sha256(data).hexdigest(), f"{len(data)} B")
    card = (published / "README.md").read_text()
    assert f"{stats['num_stickers']:,} stickers in" in card
    assert yaml.safe_load(card.split("---")[1])["license"] == "CC0-1.0"
    counts = json.loads((published / ".nv-meta" / ".info.json").read_text())["shard_counts"]
    assert sum(counts.values()) == stats["num_stickers"]


def test_offsets_and_positions_are_those_of_the_shards_as_written(published) -> None:
    listed, _ = _some(published)
    [name, *_] = sorted({sticker.shard for sticker in take_down(str(published), listed)})
    table = pq.read_table(published / f"{name}.parquet")
    assert table["shard_index"].to_pylist() == list(range(table.num_rows))
    assert table.schema.equals(pq.read_schema(published / f"{name}.parquet"), check_metadata=True)
    offsets = (published / f"{name}.tar.idx").read_bytes()
    assert len(offsets) == 8 * (table.num_rows + 1)
    assert len(FIELDS) == 3


def test_a_shard_may_lose_all_its_stickers(published) -> None:
    frame = ShardReader(str(published)).to_polars(["key", "shard"])
    keys = frame.filter(pl.col("shard") == frame["shard"][0])["key"].to_list()
    assert len(take_down(str(published), TakedownList.of({"keys": keys}))) == len(keys)
    assert verify(str(published)) == []


@pytest.mark.parametrize("lost", ["parquet", "_stats.json"])
def test_an_interrupted_takedown_is_finished_by_the_same_command(published, tmp_path, lost) -> None:
    listed, _ = _some(published)
    whole = Path(shutil.copytree(published, tmp_path / "whole"))
    earlier = {path.name: path.read_bytes() for path in published.iterdir() if path.name.endswith(lost)}
    take_down(str(whole), listed)
    take_down(str(published), listed)
    for name, data in earlier.items():
        (published / name).write_bytes(data)
    assert verify(str(published)) != []
    take_down(str(published), listed)
    assert verify(str(published)) == []
    assert hashes(published) == hashes(whole)


def test_shards_inside_a_run_are_the_runs_to_write(in_run) -> None:
    listed, _ = _some(in_run)
    before = hashes(in_run)
    with pytest.raises(ConfigError, match="belongs to the run .*`takedown` of the split stage"):
        take_down(str(in_run), listed)
    assert find_taken_down(str(in_run), listed) and hashes(in_run) == before


def test_shards_without_the_columns_a_list_needs_are_not_called_free_of_it(published) -> None:
    with pytest.raises(ConfigError, match="none of the columns author, authors"):
        find_taken_down(str(published), TakedownList.of({"authors": ["Ann"]}))


# -- loading and splitting -----------------------------------------------------------------------


@pytest.mark.parametrize("static", ["repeat", "exclude"])
def test_a_list_given_to_load_leaves_its_stickers_out(in_run, tmp_path, static) -> None:
    listed, keys = _some(in_run)
    (tmp_path / "list.json").write_text(json.dumps(listed.to_json()))
    options = {"split": "train", "num_frames": 2, "size": 8, "static": static}
    every = [sample["key"] for sample in vsd2m.load(str(in_run), **options)]
    left = vsd2m.load(str(in_run), takedown=str(tmp_path / "list.json"), **options)
    assert [sample["key"] for sample in left] == [key for key in every if key not in keys]
    assert len(left) < len(every)
    assert [sample["key"] for sample in vsd2m.load(str(in_run), takedown=listed, **options)] == [s["key"] for s in left]


def test_a_list_given_to_the_split_keeps_its_stickers_out_of_every_shard(rows, tmp_path) -> None:
    run = make_run(tmp_path / "run", rows)
    path = tmp_path / "list.txt"
    path.write_text(f"{rows[0]['key']}\n{rows[1]['urls'][0]}\n")
    stage = SplitStage(SplitConfig(takedown=str(path)))
    table = pl.DataFrame([{name: row.get(name) for name in ("key", "trigger_words", "domain", "urls")} for row in rows])
    table = table.with_columns(page_urls=pl.lit(None, pl.List(pl.String)), duplicate_group=pl.col("key"))
    result = stage.process_table(table.select("key", *stage.spec.reads))
    assert {(row["key"], row["reason"], row["detail"]) for row in result.rejects.to_dicts()} >= {
        (rows[0]["key"], "taken_down", f"key {rows[0]['key']}"),
        (rows[1]["key"], "taken_down", f"address {rows[1]['urls'][0]}"),
    }
    assert result.kept.height + result.rejects.height == len(rows)
    assert run.root


def test_an_edited_list_invalidates_the_split(tmp_path) -> None:
    path = tmp_path / "list.txt"
    versions = []
    for text in ("host: a.example", "host: a.example # the same", "host: b.example"):
        path.write_text(text)
        versions.append(SplitStage(SplitConfig(takedown=str(path))).model_versions())
    assert versions[0] == versions[1] != versions[2]
    assert SplitStage(SplitConfig()).model_versions() == {}


# -- the command ---------------------------------------------------------------------------------


def test_the_command_shows_first_and_removes_when_told_to(published, tmp_path) -> None:
    listed, keys = _some(published)
    (tmp_path / "list.json").write_text(json.dumps(listed.to_json()))
    arguments = ["takedown", str(published), str(tmp_path / "list.json")]
    shown = CliRunner().invoke(app, arguments).output
    assert all(key in shown for key in keys)
    assert "4 stickers in 2 shards would be removed; --apply removes them" in " ".join(shown.split())
    assert {entry["key"] for entry in json.loads(CliRunner().invoke(app, [*arguments, "--json"]).output)} == keys
    assert "removed 4 stickers from 2 shards" in CliRunner().invoke(app, [*arguments, "--apply"]).output
    assert verify(str(published)) == []
