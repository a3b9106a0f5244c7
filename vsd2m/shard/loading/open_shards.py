"""The open shards; their number is limited."""

from collections import OrderedDict
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import pyarrow as pa

from vsd2m.core.errors import StorageError
from vsd2m.core.storage import Store
from vsd2m.shard.inventory import Shard
from vsd2m.shard.reader import TarBytes, check_media, read_columns
from vsd2m.shard.retrying import retried


class OpenShard:
    """One shard: its tar and the columns of its stickers."""

    def __init__(self, store: Store, shard: Shard, columns: Sequence[str], *, whole: bool) -> None:
        self._table = read_columns(store, shard, columns)
        if shard.num_stickers not in (None, self._table.num_rows):
            raise StorageError(
                f"{store.path(shard.parquet)} has {self._table.num_rows} stickers, {shard.num_stickers} are expected; "
                "fetch it again"
            )
        self._tar = TarBytes(store, shard.tar, whole=whole)

    @property
    def path(self) -> str:
        return self._tar.path

    @cached_property
    def texts(self) -> frozenset[str]:
        """The columns whose values are texts."""
        return frozenset(field.name for field in self._table.schema if pa.types.is_string(field.type))

    def row(self, number: int) -> dict[str, Any]:
        row: dict[str, Any] = self._table.slice(number, 1).to_pylist()[0]
        return row

    def media(self, row: dict[str, Any]) -> bytes:
        """A row's original bytes; `StorageError` if they do not match its key."""
        offset, size = row["tar_offset"], row["num_bytes"]
        return retried(lambda: check_media(self._tar.read(offset, size), row["key"], self.path))


class OpenShards:
    """The shards last used, at most `max_open`; they are not pickled to other processes."""

    def __init__(self, store: Store, columns: Sequence[str], *, max_open: int) -> None:
        self._store = store
        self._columns = columns
        self._max_open = max_open
        self._open: OrderedDict[str, OpenShard] = OrderedDict()

    def get(self, shard: Shard, *, whole: bool) -> OpenShard:
        """The shard, opened if necessary; `whole` announces sequential reading."""
        open_shard = self._open.pop(shard.name, None)
        if open_shard is None:
            while len(self._open) >= self._max_open:
                self._open.popitem(last=False)
            open_shard = OpenShard(self._store, shard, self._columns, whole=whole)
        self._open[shard.name] = open_shard
        return open_shard

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_open": OrderedDict()}
