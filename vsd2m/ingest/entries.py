"""The list of input files: every file below an address, joined with the rows that describe it."""

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from vsd2m.core.errors import ConfigError, StorageError
from vsd2m.core.external_sort import Keyed, external_sort
from vsd2m.core.finds.partition_plan import Entry
from vsd2m.core.finds.statements import Statement, columns_of, file_key, statement_of, texts_in
from vsd2m.core.finds.tables import column_names, is_table, read_rows
from vsd2m.core.partitioning import NUM_BITS, name_hash
from vsd2m.ingest.config import IngestConfig
from vsd2m.ingest.listing import ListedFile, Place

TABLE_NAMES = ("metadata", "index", "captions", "labels", "truth")
TABLE_SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")
COMPANIONS = ("dataset_info.json", "state.json", "dataset_dict.json")
"""Files of the `datasets` library that describe others."""

BYTES_PER_STICKER = 32 << 10
"""An archive counts as its size divided by this number of stickers."""


@dataclass
class ListCounts:
    """Counts over the whole list."""

    num_files: int = 0
    num_companions: int = 0
    num_rows: int = 0
    num_rows_without_file: int = 0
    num_files_without_row: int = 0


@dataclass(frozen=True)
class MetadataTable:
    """The table that describes the files of a place, and the place it lies in."""

    place: Place
    name: str
    is_below: bool  # the files' own place
    header: bool | None
    columns: Mapping[str, str]

    @property
    def folder(self) -> str:
        """The folder that the rows' files are below, relative to the place."""
        return self.name.rpartition("/")[0] if self.is_below else ""

    def rows(self) -> Iterator[Keyed]:
        """(key of the file, its statement), in the table's order; the key is "" where a row names no file."""
        with self.place.open(self.name) as file:
            for row in read_rows(file, self.name, header=self.header):
                name = next(iter(texts_in(row.get(self.columns["file"]))), "")
                key = file_key(f"{self.folder}/{file_key(name)}" if self.folder and name else name)
                yield key, _short(statement_of(row, self.columns))


def find_table(place: Place, config: IngestConfig) -> MetadataTable | None:
    """The table that describes the files: the one named, or the first of a usual name; None if there is none."""
    if config.metadata is not None:
        if "://" not in config.metadata and place.exists(config.metadata):
            return _open_table(place, config.metadata, config)
        elsewhere = Place(config.metadata)
        if elsewhere.file_name is not None:
            return _open_table(elsewhere, elsewhere.file_name, config, is_below=False)
        raise StorageError(f"metadata: there is no table {config.metadata}, neither below {config.path} nor elsewhere")
    if place.file_name is not None:
        return None
    names = (f"{name}{suffix}" for name in TABLE_NAMES for suffix in TABLE_SUFFIXES)
    for name in names:
        if place.has_file(name) and (table := _open_table(place, name, config, is_guess=True)):
            return table
    return None


def _open_table(
    place: Place, name: str, config: IngestConfig, *, is_below: bool = True, is_guess: bool = False
) -> MetadataTable | None:
    """The table; None for a guessed table without a column of file names."""
    if not is_table(name):
        raise ConfigError(f"metadata: expected a table ({', '.join(TABLE_SUFFIXES)}), found {name}")
    with place.open(name) as file:
        names = column_names(file, name, header=config.header)
    mapping = {} if is_guess and not set(config.columns.values()) <= set(names) else config.columns
    columns = columns_of(names, mapping, where=name)
    if "file" in columns:
        return MetadataTable(place, name, is_below, config.header, columns)
    if is_guess:
        return None
    raise ConfigError(
        f"metadata: no column of {name} names the files; its columns are {', '.join(names)}; "
        "name it: columns: {file: COLUMN}"
    )


def list_entries(
    place: Place, config: IngestConfig, archive_suffixes: tuple[str, ...], counts: ListCounts
) -> Iterator[tuple[int, int, Entry]]:
    """(hash of the name, weight, entry) per file and per row without one, by hash; fills `counts`."""
    table = find_table(place, config)
    described_by = table.name if table is not None and table.is_below else None
    files = external_sort(_files(place, config, described_by, archive_suffixes, counts))
    rows = (
        external_sort((_by_hash(key), statement) for key, statement in table.rows()) if table is not None else iter(())
    )
    tagged = heapq.merge(
        ((key, 0, value) for key, value in files), ((key, 1, value) for key, value in rows), key=lambda pair: pair[:2]
    )
    for key, group in _groups(tagged):
        statements = [value for kind, value in group if kind == 1]
        entries = [value for kind, value in group if kind == 0]
        counts.num_rows += len(statements)
        name = key[_HASH_DIGITS:]
        if not entries:
            counts.num_rows_without_file += len(statements)
            entries = [{"name": name, "problem": "missing_file" if name else "no_file_named"}]
        elif table is not None and not statements:
            counts.num_files_without_row += len(entries)
        for entry in entries:
            yield (
                int(key[:_HASH_DIGITS], 16),
                entry.pop("weight", 1),
                {**entry, "statements": statements} if statements else entry,
            )


_HASH_DIGITS = NUM_BITS // 4


def _by_hash(name: str) -> str:
    """The sort key of a name: its hash, which decides its partition, then the name."""
    return f"{name_hash(name):0{_HASH_DIGITS}x}{name}"


def _files(
    place: Place, config: IngestConfig, table: str | None, archive_suffixes: tuple[str, ...], counts: ListCounts
) -> Iterator[Keyed]:
    for file in place.list_files(follow_symlinks=config.follow_symlinks):
        if file.name == table or file.name.rpartition("/")[2] in COMPANIONS:
            counts.num_companions += 1
            continue
        counts.num_files += 1
        yield _by_hash(file_key(file.name)), _entry(file, archive_suffixes)


def _entry(file: ListedFile, archive_suffixes: tuple[str, ...]) -> Entry:
    if file.problem is not None:
        return {"name": file.name, "problem": file.problem}
    entry: Entry = {"name": file.name, "num_bytes": file.num_bytes, "stamp": file.stamp}
    if file.name.lower().endswith(archive_suffixes):
        entry["weight"] = max(1, file.num_bytes // BYTES_PER_STICKER)
    return entry


def _groups(tagged: Iterator[tuple[str, int, Any]]) -> Iterator[tuple[str, list[tuple[int, Any]]]]:
    """Consecutive values of one key."""
    key: str | None = None
    group: list[tuple[int, Any]] = []
    for next_key, kind, value in tagged:
        if key is not None and next_key != key:
            yield key, group
            group = []
        key = next_key
        group.append((kind, value))
    if key is not None:
        yield key, group


def _short(statement: Statement) -> dict[str, Any]:
    return {name: value for name in _FIELDS if (value := getattr(statement, name))}


_FIELDS = tuple(field.name for field in fields(Statement))


def statement_from(values: Mapping[str, Any]) -> Statement:
    """A statement as an entry holds it."""
    lists = {name: tuple(values[name]) for name in ("words", "tags") if name in values}
    return replace(Statement(), **{**values, **lists})
