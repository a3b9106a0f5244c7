"""Stickers from shards as clips, for training: `vsd2m.load`. Needs neither torch nor webdataset.

A clip is uint8 `[T, C, H, W]`. The data set is iterable (one pass is one epoch), has a length and an index
(`dataset[i]`), can resume in the middle of an epoch (`state_dict`), and is divided among ranks and among
the workers of a torch `DataLoader` so that every sticker comes exactly once.
"""

import sys
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vsd2m.core.errors import ConfigError
from vsd2m.core.storage import Store
from vsd2m.core.takedown import ADDRESS_COLUMNS, AUTHOR_COLUMNS, TakedownList
from vsd2m.shard.inventory import Shard, list_shards
from vsd2m.shard.loading.clips import ClipOptions, Fill, Frames
from vsd2m.shard.loading.damage import ON_ERROR, OnError
from vsd2m.shard.loading.dataset import Selection, StickerDataset
from vsd2m.shard.loading.order import DealOptions, Ends
from vsd2m.shard.loading.samples import PLACE, TEXTS
from vsd2m.shard.reader import column_names, count_stickers, read_columns, shard_schema

Static = Literal["repeat", "exclude"]
STATICS: tuple[Static, ...] = ("repeat", "exclude")


def load(
    url: str,
    *,
    split: str,
    num_frames: int,
    size: int,
    frames: Frames = "linspace",
    fill: Fill = "flip",
    static: Static = "repeat",
    takedown: str | TakedownList | None = None,
    background: tuple[int, int, int] = (255, 255, 255),
    absent_text: str | None = "",
    shuffle: bool = False,
    mix_shards: int = 16,
    seed: int = 0,
    batch_size: int = 1,
    rank: int = 0,
    world_size: int = 1,
    ends: Ends | None = None,
    repeat: bool = False,
    on_error: OnError = "raise",
    max_skipped: int = 100,
) -> StickerDataset:
    """The stickers of a split as clips `uint8 [num_frames, 3, size, size]`, with captions and labels.

    `url` is a folder of shards on a disk or at any fsspec address. If torch is imported before, the result is a torch
    `IterableDataset`, whose samples torch's default collation accepts; `vsd2m.collate` also accepts samples with
    `absent_text=None` (by default an absent text is "") and clips of different lengths.

    - `frames` and `fill` say how longer and shorter stickers are brought to `num_frames` (see `ClipOptions`); `static`
      stickers, without motion, are repeated or excluded.
    - Stickers on the list `takedown` (a file of addresses, hosts, authors and keys, see docs/rights.md) are left out.
    - With `shuffle` every epoch has its own order, fixed by `seed`, in which neighbours come from `mix_shards` shards;
      that many are open at a time.
    - `rank` of `world_size` reads its part. `ends` says what happens if the number of stickers is not a multiple of
      `world_size` batches of `batch_size`: `drop` leaves the last ones out and `pad` repeats some, so that all ranks
      have the same number of batches; `ragged` gives each sticker once, and some ranks more than others, for which DDP
      waits forever. It is `ragged` for one rank, and must be chosen for more.
    - `batch_size` is that of the `DataLoader`: with it the batches come in the same order for any number of workers.
    - With `repeat` an iteration never ends, for training by steps: it continues with the next epoch; `ends` is ignored.
    - A sticker that cannot be read raises `DamagedStickerError`, after which the iteration can continue. With
      `on_error="skip"` it is left out and listed in `dataset.skipped`, up to `max_skipped`; the next sticker takes its
      place, so that ranks stay equal, except with `ragged`.

    Raises `ConfigError` for an unknown split (listing the existing ones) or an option out of range, and
    `StorageError`, naming the file, if a folder is incomplete or a file is damaged.
    """
    options = ClipOptions(num_frames=num_frames, size=size, frames=frames, fill=fill, background=background)
    if static not in STATICS:
        raise ConfigError(f"static must be one of {', '.join(STATICS)}, found {static!r}")
    if on_error not in ON_ERROR:
        raise ConfigError(f"on_error must be one of {', '.join(ON_ERROR)}, found {on_error!r}")
    if max_skipped < 0:
        raise ConfigError(f"max_skipped must be at least 0, found {max_skipped}")
    if ends is None and world_size > 1 and not repeat:
        raise ConfigError(
            f'ends must be chosen for {world_size} ranks: "drop" or "pad" for training, where all ranks need the '
            'same number of batches, "ragged" for each sticker exactly once'
        )
    deal = DealOptions(
        shuffle=shuffle,
        seed=seed,
        mix_shards=mix_shards,
        rank=rank,
        world_size=world_size,
        batch_size=batch_size,
        ends=ends or "ragged",
        repeat=repeat,
    )
    store = Store(url)
    shards = list_shards(store, split=split)
    listed = TakedownList.read(takedown) if isinstance(takedown, str) else takedown or TakedownList()
    return _dataset_class()(
        store,
        [_select(store, shard, static, listed) for shard in shards],
        columns=sample_columns(store, shards[0]),
        clip=options,
        deal=deal,
        on_error=on_error,
        max_skipped=max_skipped,
        absent_text=absent_text,
    )


def sample_columns(store: Store, shard: Shard) -> list[str]:
    """The columns to read: a sticker's location, the texts of every sample, and the columns declared for samples."""
    declared = [name for name, column in shard_schema(store, shard).items() if column.in_samples]
    published = column_names(store, shard)
    return [name for name in dict.fromkeys((*PLACE, *TEXTS, "trigger_words", *declared)) if name in published]


def _select(store: Store, shard: Shard, static: Static, takedown: TakedownList) -> Selection:
    if static == "repeat" and not takedown:
        stated_count = shard.num_stickers
        return Selection(shard, count_stickers(store, shard) if stated_count is None else stated_count)
    is_wanted = _is_moving(store, shard) if static == "exclude" else True
    rows = np.flatnonzero(is_wanted & _is_left(store, shard, takedown)).astype(np.int32)
    return Selection(shard, len(rows), rows)


def _is_left(store: Store, shard: Shard, takedown: TakedownList) -> NDArray[np.bool_]:
    """Of each sticker, whether it is not on the list."""
    names = column_names(store, shard)
    takedown.check_applies_to(names, where=store.path(shard.parquet))
    columns = [name for name in ("key", *ADDRESS_COLUMNS, *AUTHOR_COLUMNS) if name in names]
    rows = read_columns(store, shard, columns).to_pylist()
    return np.array([takedown.entry_for(row) is None for row in rows], bool)


def _is_moving(store: Store, shard: Shard) -> NDArray[np.bool_]:
    motion_columns = [name for name in ("num_frames", "num_distinct_frames") if name in column_names(store, shard)]
    if not motion_columns:
        raise ConfigError(f'{store.path(shard.parquet)} has no column num_frames, so static="exclude" cannot work')
    frames = read_columns(store, shard, motion_columns)
    is_moving: NDArray[np.bool_] = np.all([frames[name].to_numpy() > 1 for name in motion_columns], axis=0)
    return is_moving


def _dataset_class() -> type[StickerDataset]:
    """`StickerDataset`, also a torch `IterableDataset` if torch is in use; this never imports torch."""
    if "torch.utils.data" not in sys.modules:
        return StickerDataset
    from vsd2m.shard.loading.torch_dataset import TorchStickerDataset

    return TorchStickerDataset
