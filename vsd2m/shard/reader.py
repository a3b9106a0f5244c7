"""Random access to published shards: any sticker's bytes and columns by key, without reading whole tars."""

import os
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any, TypeVar

import fsspec
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from vsd2m.core.errors import StorageError
from vsd2m.core.keys import sticker_key
from vsd2m.core.parquet import read_parquet
from vsd2m.core.schema import Column, schema_of
from vsd2m.core.storage import Store
from vsd2m.shard.inventory import Shard, list_shards
from vsd2m.shard.retrying import retried

T = TypeVar("T")


def read_columns(store: Store, shard: Shard, columns: Sequence[str] | None = None) -> pa.Table:
    """A shard's Parquet columns; `StorageError` names the shard if the file is missing or damaged."""
    return retried(lambda: _read_parquet(store, shard, lambda file: read_parquet(file, columns)))


def column_names(store: Store, shard: Shard) -> list[str]:
    """The columns a shard's Parquet has."""
    return retried(lambda: _read_parquet(store, shard, lambda file: list(pq.read_schema(file).names)))


def shard_schema(store: Store, shard: Shard) -> dict[str, Column]:
    """The columns that a shard's Parquet describes: type, meaning, and where the values are published."""
    return retried(lambda: _read_parquet(store, shard, lambda file: schema_of(pq.read_schema(file))))


def count_stickers(store: Store, shard: Shard) -> int:
    """How many rows a shard's Parquet has, read from its footer only."""
    return retried(lambda: _read_parquet(store, shard, lambda file: int(pq.read_metadata(file).num_rows)))


def read_media(store: Store, tar: str, key: str, tar_offset: int, num_bytes: int) -> bytes:
    """A sticker's original bytes; `StorageError` if they do not match the key."""
    return retried(lambda: check_media(store.read_range(tar, tar_offset, num_bytes), key, store.path(tar)))


def check_media(data: bytes, key: str, path: str) -> bytes:
    """`data`, if it is the sticker `key`; otherwise a `StorageError` that names the tar at `path`."""
    if sticker_key(data) != key:
        raise StorageError(f"{path} is damaged: the bytes of sticker {key} are not at their offset; fetch it again")
    return data


class ShardReader:
    """The stickers of a folder of shards, by key; `reader[key]` is the row with the original bytes under `media`."""

    def __init__(self, url: str, *, split: str | None = None) -> None:
        self.store = Store(url)
        self.shards = list_shards(self.store, split=split)

    def __len__(self) -> int:
        return len(self._row_numbers)

    def __contains__(self, key: object) -> bool:
        return key in self._row_numbers

    def __iter__(self) -> Iterator[str]:
        return iter(self._row_numbers)

    def __getitem__(self, key: str) -> dict[str, Any]:
        shard, number = self._locate(key)
        row: dict[str, Any] = read_columns(self.store, shard).slice(number, 1).to_pylist()[0]
        media = read_media(self.store, shard.tar, row["key"], row["tar_offset"], row["num_bytes"])
        return {**row, "media": media}

    @cached_property
    def schema(self) -> dict[str, Column]:
        """Name -> column, from the descriptions in the shards."""
        return shard_schema(self.store, self.shards[0])

    def media(self, key: str) -> bytes:
        """A sticker's original bytes."""
        shard, number = self._locate(key)
        location = read_columns(self.store, shard, ["tar_offset", "num_bytes"]).slice(number, 1).to_pylist()[0]
        return read_media(self.store, shard.tar, key, location["tar_offset"], location["num_bytes"])

    def to_polars(self, columns: Sequence[str] | None = None) -> pl.DataFrame:
        """The columns of all stickers, in the order of the shards."""
        tables = [read_columns(self.store, shard, columns) for shard in self.shards]
        frame = pl.from_arrow(pa.concat_tables(tables))
        assert isinstance(frame, pl.DataFrame)
        return frame

    @cached_property
    def _row_numbers(self) -> dict[str, tuple[Shard, int]]:
        return {
            key: (shard, number)
            for shard in self.shards
            for number, key in enumerate(read_columns(self.store, shard, ["key"])["key"].to_pylist())
        }

    def _locate(self, key: str) -> tuple[Shard, int]:
        if key not in self._row_numbers:
            raise KeyError(key)
        return self._row_numbers[key]


class TarBytes:
    """Byte ranges of one tar: from an open file if it is on this machine's disk, else one request each.

    With `whole`, a remote tar is fetched completely, for sequential reading.
    """

    def __init__(self, store: Store, path: str, *, whole: bool = False) -> None:
        self.path = store.path(path)
        self._store, self._name = store, path
        local = store.local_path(path)
        self._descriptor: int | None = retried(lambda: self._open_descriptor(local)) if local else None
        self._data = retried(lambda: store.read_bytes(path)) if whole and not local else None

    def read(self, offset: int, size: int) -> bytes:
        """`size` bytes from `offset`, or fewer at the end of the tar."""
        if self._data is not None:
            return self._data[offset : offset + size]
        if self._descriptor is None:
            return self._store.read_range(self._name, offset, size)
        try:
            return os.pread(self._descriptor, size, offset)
        except OSError as error:
            raise StorageError(f"cannot read {self.path}: {error.strerror or error}") from error

    def _open_descriptor(self, local: str) -> int:
        try:
            return os.open(local, os.O_RDONLY)
        except OSError as error:
            raise StorageError(f"cannot read {self.path}: {error.strerror or error}") from error

    def __del__(self) -> None:
        descriptor = getattr(self, "_descriptor", None)
        if descriptor is not None:
            os.close(descriptor)


def _read_parquet(store: Store, shard: Shard, read: Callable[[Any], T]) -> T:
    try:
        with fsspec.open(store.path(shard.parquet), "rb") as file:
            return read(file)
    except (OSError, pa.ArrowException, KeyError) as error:
        raise StorageError(f"cannot read {store.path(shard.parquet)}: {error}") from error
