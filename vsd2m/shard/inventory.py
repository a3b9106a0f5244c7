"""The shards of a folder, and whether all of them are complete."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from vsd2m.core.errors import ConfigError, StorageError
from vsd2m.core.storage import Store
from vsd2m.shard.retrying import retried

STATS_FILE = "_stats.json"
_FILE = re.compile(r"(?P<name>vsd2m-[a-z0-9_]+-\d{6})\.(tar|parquet)")
_NAMES_IN_MESSAGE = 3


@dataclass(frozen=True)
class Shard:
    """One published shard: `NAME.tar` and `NAME.parquet`. `num_stickers` is read from `_stats.json`, if it is there."""

    name: str
    split: str
    num_stickers: int | None = None

    @property
    def tar(self) -> str:
        return f"{self.name}.tar"

    @property
    def parquet(self) -> str:
        return f"{self.name}.parquet"


def list_shards(store: Store, *, split: str | None = None) -> list[Shard]:
    """The shards of a folder, by name; those of one split, if given.

    The tars, the Parquet files, their numbers and `_stats.json` (if it exists) are compared. `StorageError` if there
    are no shards or a file is missing; `ConfigError` for an unknown split lists the existing ones.
    """
    files = store.list("")
    counts = read_counts(store) if STATS_FILE in files else None
    shards = named_shards(store, files, counts)
    if split is not None:
        splits = sorted({shard.split for shard in shards})
        if split not in splits:
            raise ConfigError(f"{store.url} has no split {split!r}; it has {', '.join(splits)}")
        shards = [shard for shard in shards if shard.split == split]
    problems = [f"{file}: {problem}" for file, problem in absences(shards, files, counts)]
    if problems:
        more = len(problems) - _NAMES_IN_MESSAGE
        raise StorageError(
            f"{store.url} is incomplete: {'; '.join(problems[:_NAMES_IN_MESSAGE])}"
            f"{f'; and {more} more' if more > 0 else ''}; fetch the data set again, or run its pipeline to the end"
        )
    return shards


def named_shards(store: Store, files: Iterable[str], counts: Mapping[str, int] | None) -> list[Shard]:
    """Every shard with a file or an entry in `counts`; `StorageError` if there are none."""
    names = {match["name"] for file in files if (match := _FILE.fullmatch(file))}
    if not names:
        hint = f"; did you mean {store.path('shards')}?" if "shards" in files else ""
        raise StorageError(f"{store.url} has no shards (vsd2m-SPLIT-000000.tar){hint}")
    return [
        Shard(name, _split_of(name), (counts or {}).get(name)) for name in sorted(names | set(counts if counts else ()))
    ]


def read_counts(store: Store) -> dict[str, int]:
    """Shard name -> number of stickers, from `_stats.json`."""
    try:
        entries = json.loads(retried(lambda: store.read_bytes(STATS_FILE)))["shards"]
        return {_validate_name(entry["name"]): int(entry["num_stickers"]) for entry in entries}
    except (ValueError, KeyError, TypeError) as error:
        raise StorageError(f"cannot read {store.path(STATS_FILE)}: {error!r}; fetch it again") from error


def absences(
    shards: Iterable[Shard], files: Iterable[str], counts: Mapping[str, int] | None
) -> Iterator[tuple[str, str]]:
    """(file, problem) for every missing file, gap in the numbering, and difference from `counts`."""
    files, expected = set(files), dict[str, int]()
    for shard in shards:
        existing_files = [file for file in (shard.tar, shard.parquet) if file in files]
        if not existing_files:
            yield STATS_FILE, f"lists {shard.name}, which does not exist"
        elif shard.tar not in existing_files:
            yield shard.tar, "missing, but the Parquet file exists"
        elif shard.parquet not in existing_files:
            yield shard.parquet, "missing, but the tar exists"
        if counts is not None and shard.name not in counts:
            yield STATS_FILE, f"does not list {shard.name}"
        number = expected.get(shard.split, 0)
        name = f"vsd2m-{shard.split}-{number:06d}"
        if shard.name != name:
            yield shard.tar, f"{name} is missing before it"
        expected[shard.split] = int(shard.name[-6:]) + 1


def _split_of(name: str) -> str:
    return name.removeprefix("vsd2m-")[:-7]


def _validate_name(name: str) -> str:
    if not _FILE.fullmatch(f"{name}.tar"):
        raise ValueError(f"{name!r} is not the name of a shard")
    return name
