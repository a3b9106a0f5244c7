"""The real stickers of a benchmark: those of the test splits, read from shards one by one."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from vsd2m.benchmark.config import JudgingConfig
from vsd2m.benchmark.suite.clip_rule import ClipRule
from vsd2m.benchmark.suite.clips import JudgedClip, read_picture
from vsd2m.core.commit import digest
from vsd2m.core.errors import StorageError
from vsd2m.core.storage import Store
from vsd2m.shard.inventory import Shard, list_shards
from vsd2m.shard.reader import column_names, read_columns, read_media
from vsd2m.shard.sticker_text import sticker_text

_TEXTS = ("caption", "given_captions", "description", "trigger_words")
_COLUMNS = ("key", "tar_offset", "num_bytes", *_TEXTS, "domain")
_FRAME_COUNTS = ("num_frames", "num_distinct_frames")


@dataclass(frozen=True)
class RealClip:
    """A sticker in a shard; the clip's name is its key.

    `prompt` is its text (`sticker_text`), which generators are trained on.
    """

    shards: str
    tar: str
    key: str
    tar_offset: int
    num_bytes: int
    split: str
    domain: str | None
    prompt: str
    rule: ClipRule

    @property
    def name(self) -> str:
        return self.key

    @property
    def identity(self) -> str:
        return digest([self.key, self.prompt, str(self.rule)])

    def media(self) -> bytes:
        """The sticker's original bytes; `StorageError` if the shard is damaged."""
        return read_media(_store(self.shards), self.tar, self.key, self.tar_offset, self.num_bytes)

    def load(self) -> JudgedClip:
        return read_picture(self.media(), self.key, self.prompt, self.rule, path=f"{self.tar}, sticker {self.key}")


def list_split(shards: str, *, splits: tuple[str, ...], num_frames: int, size: int, max_clips: int) -> list[RealClip]:
    """Up to `max_clips` animated stickers of the splits, in the order of the shards.

    `ClipRule` selects their frames. `StorageError` if there is none.
    """
    store = Store(shards)
    rule = ClipRule(num_frames, size)
    clips: list[RealClip] = []
    for split in splits:
        for shard in list_shards(store, split=split):
            rows = _moving_rows(store, shard)
            clips += [_clip(store, shard, row, rule) for row in rows]
    if not clips:
        raise StorageError(f"{shards} contains no animated sticker in {', '.join(splits)}")
    return clips[:max_clips]


def list_real(config: JudgingConfig) -> list[RealClip]:
    """The real stickers that others are compared with; `StorageError` if there is none."""
    return list_split(
        config.shards,
        splits=config.splits,
        num_frames=config.num_frames,
        size=config.size,
        max_clips=config.max_real,
    )


def data_revision(shards: str, splits: tuple[str, ...]) -> str:
    """Digest of the columns of the splits' shards, which name every sticker by its content."""
    store = Store(shards)
    files = [shard.parquet for split in splits for shard in list_shards(store, split=split)]
    return digest({name: store.sha256(name) for name in files})[:16]


def _moving_rows(store: Store, shard: Shard) -> list[dict[str, Any]]:
    published = column_names(store, shard)
    columns = [name for name in (*_COLUMNS, *_FRAME_COUNTS) if name in published]
    rows: list[dict[str, Any]] = read_columns(store, shard, columns).to_pylist()
    return [row for row in rows if all(row.get(name, 2) > 1 for name in _FRAME_COUNTS)]


def _clip(store: Store, shard: Shard, row: Mapping[str, Any], rule: ClipRule) -> RealClip:
    return RealClip(
        shards=store.url,
        tar=shard.tar,
        key=row["key"],
        tar_offset=row["tar_offset"],
        num_bytes=row["num_bytes"],
        split=shard.split,
        domain=row.get("domain"),
        prompt=sticker_text(row),
        rule=rule,
    )


@lru_cache(maxsize=8)
def _store(url: str) -> Store:
    return Store(url)
