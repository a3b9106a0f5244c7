"""Random access to published shards: any sticker's bytes and columns by key, without reading whole tars."""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import fsspec
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from vsd2m.core.errors import ConfigError, StorageError
from vsd2m.core.keys import sticker_key
from vsd2m.core.parquet import read_parquet
from vsd2m.core.storage import Store

_SHARD = re.compile(r"(?P<name>vsd2m-(?P<split>[a-z0-9_]+)-\d{6})\.(?P<suffix>tar|parquet)")


@dataclass(frozen=True)
class Shard:
    """One published shard: `NAME.tar` and `NAME.parquet`."""

    name: str
    split: str

    @property
    def tar(self) -> str:
        return f"{self.name}.tar"

    @property
    def parquet(self) -> str:
        return f"{self.name}.parquet"


def list_shards(store: Store, *, split: str | None = None) -> list[Shard]:
    """The shards in a folder, by name; those of one split, if given.

    Raises `StorageError` where there are none and `ConfigError`, with the splits there are, for an unknown split.
    """
    names = store.list("")
    found = [match for name in names if (match := _SHARD.fullmatch(name)) and match["suffix"] == "tar"]
    if not found:
        hint = f"; did you mean {store.path('shards')}?" if "shards" in names else ""
        raise StorageError(f"{store.url} holds no shards (vsd2m-SPLIT-000000.tar){hint}")
    shards = [Shard(match["name"], match["split"]) for match in found]
    if split is None:
        return shards
    splits = sorted({shard.split for shard in shards})
    if split not in splits:
        raise ConfigError(f"{store.url} has no split {split!r}; it has {', '.join(splits)}")
    return [shard for shard in shards if shard.split == split]


def read_columns(store: Store, shard: Shard, columns: Sequence[str] | None = None) -> pa.Table:
    """A shard's Parquet columns; `StorageError` names the shard where the file is missing or damaged."""
    try:
        with _open(store, shard.parquet) as file:
            return read_parquet(file, columns)
    except (OSError, pa.ArrowException, KeyError) as error:
        raise StorageError(f"cannot read {store.path(shard.parquet)}: {error}") from error


def column_names(store: Store, shard: Shard) -> list[str]:
    """The columns a shard's Parquet has."""
    try:
        with _open(store, shard.parquet) as file:
            return list(pq.read_schema(file).names)
    except (OSError, pa.ArrowException) as error:
        raise StorageError(f"cannot read {store.path(shard.parquet)}: {error}") from error


def check_media(data: bytes, key: str, path: str) -> bytes:
    """`data`, if it is the sticker `key`; otherwise a `StorageError` that names the tar at `path`."""
    if sticker_key(data) != key:
        raise StorageError(f"{path} is damaged: the bytes of sticker {key} are not where they belong; fetch it again")
    return data


class ShardReader:
    """The stickers of a folder of shards, by key; `reader[key]` is the row with the original bytes under `media`."""

    def __init__(self, url: str, *, split: str | None = None) -> None:
        self.store = Store(url)
        self.shards = list_shards(self.store, split=split)

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, key: object) -> bool:
        return key in self._places

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __getitem__(self, key: str) -> dict[str, Any]:
        shard, number = self._place(key)
        row: dict[str, Any] = read_columns(self.store, shard).slice(number, 1).to_pylist()[0]
        return {**row, "media": self._read(shard, row["key"], row["tar_offset"], row["num_bytes"])}

    def media(self, key: str) -> bytes:
        """A sticker's original bytes."""
        shard, number = self._place(key)
        place = read_columns(self.store, shard, ["tar_offset", "num_bytes"]).slice(number, 1).to_pylist()[0]
        return self._read(shard, key, place["tar_offset"], place["num_bytes"])

    def to_polars(self, columns: Sequence[str] | None = None) -> pl.DataFrame:
        """The columns of all stickers, in the order of the shards."""
        tables = [read_columns(self.store, shard, columns) for shard in self.shards]
        frame = pl.from_arrow(pa.concat_tables(tables))
        assert isinstance(frame, pl.DataFrame)
        return frame

    @cached_property
    def _places(self) -> dict[str, tuple[Shard, int]]:
        return {
            key: (shard, number)
            for shard in self.shards
            for number, key in enumerate(read_columns(self.store, shard, ["key"])["key"].to_pylist())
        }

    def _place(self, key: str) -> tuple[Shard, int]:
        if key not in self._places:
            raise KeyError(key)
        return self._places[key]

    def _read(self, shard: Shard, key: str, offset: int, num_bytes: int) -> bytes:
        return check_media(self.store.read_range(shard.tar, offset, num_bytes), key, self.store.path(shard.tar))


class TarBytes:
    """Byte ranges of one tar: read from the disk where it is local, else out of one download of the whole tar."""

    def __init__(self, store: Store, path: str) -> None:
        self.path = store.path(path)
        local = store.local_path(path)
        self._descriptor: int | None = None
        self._data = b""
        try:
            if local:
                self._descriptor = os.open(local, os.O_RDONLY)
            else:
                self._data = store.read_bytes(path)
        except OSError as error:
            raise StorageError(f"cannot read {self.path}: {error.strerror or error}") from error

    def read(self, offset: int, size: int) -> bytes:
        """`size` bytes from `offset`, or fewer where the tar ends."""
        if self._descriptor is None:
            return self._data[offset : offset + size]
        return os.pread(self._descriptor, size, offset)

    def __del__(self) -> None:
        descriptor = getattr(self, "_descriptor", None)
        if descriptor is not None:
            os.close(descriptor)


def _open(store: Store, path: str) -> Any:
    return fsspec.open(store.path(path), "rb")
