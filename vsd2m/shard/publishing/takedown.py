"""Takes stickers out of published shards: the shards that hold them are written anew, and what describes them."""

import io
import json
import tarfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import polars as pl
import pyarrow as pa

from vsd2m.core.errors import ConfigError, StorageError
from vsd2m.core.parquet import parquet_bytes
from vsd2m.core.run import RUN_FILE
from vsd2m.core.schema import Schema, schema_of
from vsd2m.core.storage import Store
from vsd2m.core.takedown import ADDRESS_COLUMNS, AUTHOR_COLUMNS, TakedownList
from vsd2m.shard.columns import json_columns, json_facts
from vsd2m.shard.inventory import STATS_FILE, Shard, list_shards
from vsd2m.shard.publishing.card import dataset_card
from vsd2m.shard.publishing.energon import energon_files
from vsd2m.shard.publishing.figures import figures
from vsd2m.shard.reader import column_names, read_columns
from vsd2m.shard.writer import MEDIA_OFFSET, ShardSample, tar_index, write_tar

CROISSANT_FILE = "croissant.json"
CARD_FILE = "README.md"


@dataclass(frozen=True)
class TakenDown:
    """A sticker that a takedown list removes, and the entry that does."""

    shard: str
    key: str
    entry: str


def find_taken_down(url: str, takedown: TakedownList) -> list[TakenDown]:
    """The stickers in the shards at `url` that are on the list; reads columns alone."""
    store = Store(url)
    return [sticker for shard in list_shards(store) for sticker in _in_shard(store, shard, takedown)]


def take_down(url: str, takedown: TakedownList) -> list[TakenDown]:
    """Removes them, and says which they were.

    Tar, index and Parquet of each affected shard are written anew, then `_stats.json`, the card, Croissant and
    the files of Energon, as far as there are any. Every file appears whole; after an interruption,
    the same command finishes the work.
    `ConfigError` for shards inside a run, which would write them again: there, the config names the list.
    """
    store = Store(url)
    shards = list_shards(store)
    _check_not_in_run(store)
    removed = [sticker for shard in shards for sticker in _in_shard(store, shard, takedown)]
    keys = {sticker.key for sticker in removed}
    for shard in shards:
        if any(sticker.shard == shard.name for sticker in removed):
            _write_without(store, shard, keys)
    if removed or _is_unfinished(store, shards):
        _describe(store, shards)
    return removed


def to_json(removed: Sequence[TakenDown]) -> list[dict[str, str]]:
    """As `vsd2m takedown --json` prints it."""
    return [asdict(sticker) for sticker in removed]


def _check_not_in_run(store: Store) -> None:
    folder = store.url.rpartition("/")[0]
    if folder and Store(folder).exists(RUN_FILE):
        raise ConfigError(
            f"{store.url} belongs to the run {folder}, which would write the stickers again; name the list in its "
            "config (`takedown` of the split stage) and run it again, or give a published copy of the shards"
        )


def _in_shard(store: Store, shard: Shard, takedown: TakedownList) -> list[TakenDown]:
    names = column_names(store, shard)
    takedown.check_applies_to(names, where=store.path(shard.parquet))
    columns = [name for name in ("key", *ADDRESS_COLUMNS, *AUTHOR_COLUMNS) if name in names]
    rows = read_columns(store, shard, columns).to_pylist()
    entries = ((row["key"], takedown.entry_for(row)) for row in rows)
    return [TakenDown(shard.name, key, entry) for key, entry in entries if entry is not None]


# -- one shard -----------------------------------------------------------------------------------


def _write_without(store: Store, shard: Shard, keys: set[str]) -> None:
    """The Parquet comes last: as long as it names the stickers, they are found again after an interruption."""
    table = read_columns(store, shard)
    rows = [row for row in table.to_pylist() if row["key"] not in keys]
    members = _members(store, shard)
    for number, row in enumerate(rows):
        row["shard_index"] = number
    columns = json_columns([name for name in table.column_names if name not in ("key", "tar_offset")], _schema(table))
    samples = [
        ShardSample(
            row["key"],
            members[f"{row['key']}.media"],
            json_facts(row, columns, _schema(table)),
            members[f"{row['key']}.txt"].decode(),
        )
        for row in rows
    ]
    with store.open_write(shard.tar) as file:
        offsets = write_tar(file, samples)
    store.write_bytes(f"{shard.tar}.idx", tar_index(offsets))
    for row, start in zip(rows, offsets, strict=False):
        row["tar_offset"] = start + MEDIA_OFFSET
    store.write_bytes(shard.parquet, parquet_bytes(pa.Table.from_pylist(rows, schema=table.schema)))


def _members(store: Store, shard: Shard) -> dict[str, bytes]:
    try:
        with tarfile.open(fileobj=io.BytesIO(store.read_bytes(shard.tar))) as tar:
            return {member.name: file.read() for member in tar if (file := tar.extractfile(member)) is not None}
    except (tarfile.TarError, EOFError) as error:
        raise StorageError(f"cannot read {store.path(shard.tar)}: {error}; fetch it again") from error


def _schema(table: pa.Table) -> Schema:
    return schema_of(table.schema)


# -- what describes them -------------------------------------------------------------------------


def _is_unfinished(store: Store, shards: Sequence[Shard]) -> bool:
    """Whether an interrupted command left counts of before."""
    return any(shard.num_stickers not in (None, read_columns(store, shard, ["key"]).num_rows) for shard in shards)


def _describe(store: Store, shards: Sequence[Shard]) -> None:
    files = set(store.list(""))
    if STATS_FILE not in files:
        return
    tables = [read_columns(store, shard) for shard in shards]
    schema = _schema(tables[0])
    stats = _stats(store, shards, tables)
    documents = {STATS_FILE: _json(stats)}
    croissant = store.read_json(CROISSANT_FILE) if CROISSANT_FILE in files else {}
    if CARD_FILE in files:
        columns = [name for name in tables[0].column_names if name != "key"]
        languages = ["en"] + (["zh"] if stats.get("num_with_caption_zh") else [])
        card = dataset_card(
            stats, columns, licence=croissant.get("license"), caption_languages=languages, schema=schema
        )
        documents[CARD_FILE] = card.encode()
    if croissant:
        documents[CROISSANT_FILE] = _json(_with_files(croissant, store, shards))
    splits: dict[str, list[str]] = {}
    for shard in shards:
        splits.setdefault(shard.split, []).append(shard.tar)
    counts = {shard.tar: table.num_rows for shard, table in zip(shards, tables, strict=True)}
    for path, content in {**energon_files(counts, splits), **documents}.items():
        store.write_bytes(path, content)


def _stats(store: Store, shards: Sequence[Shard], tables: Sequence[pa.Table]) -> dict[str, Any]:
    """`_stats.json` with the figures of the stickers that are left; how they were made stays as it was."""
    table = pl.from_arrow(pa.concat_tables(tables))
    assert isinstance(table, pl.DataFrame)
    schema = _schema(tables[0])
    described = [name for name in table.columns if name in schema and (schema[name].in_json or schema[name].in_samples)]
    entries = [
        {
            "name": shard.name,
            "split": shard.split,
            "num_stickers": rows.num_rows,
            "tar_num_bytes": store.size(shard.tar),
            "tar_sha256": store.sha256(shard.tar),
            "parquet_sha256": store.sha256(shard.parquet),
        }
        for shard, rows in zip(shards, tables, strict=True)
    ]
    before: dict[str, Any] = store.read_json(STATS_FILE)
    return {**before, **figures(table.sort("key"), described), "shards": entries}


def _with_files(croissant: dict[str, Any], store: Store, shards: Sequence[Shard]) -> dict[str, Any]:
    names = {name for shard in shards for name in (shard.tar, shard.parquet)}
    distribution = [
        {**entry, "contentSize": f"{store.size(entry['name'])} B", "sha256": store.sha256(entry["name"])}
        if entry.get("name") in names
        else entry
        for entry in croissant["distribution"]
    ]
    return {**croissant, "distribution": distribution}


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()
