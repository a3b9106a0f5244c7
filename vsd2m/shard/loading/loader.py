"""Stickers from shards as clips, for training: `vsd2m.load`. Needs neither torch nor webdataset.

A clip is uint8 `[T, C, H, W]`. The data set is iterable (one pass is one epoch), has a length and an index
(`dataset[i]`), can stop and go on in the middle of an epoch (`state_dict`), and is divided among ranks and among
the workers of a torch `DataLoader` so that every sticker is seen exactly once.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypedDict

import numpy as np
from numpy.typing import NDArray

from vsd2m.core.commit import digest
from vsd2m.core.errors import ConfigError, MediaError, StorageError
from vsd2m.core.storage import Store
from vsd2m.media.decode import DecodeBudget, decode
from vsd2m.shard.loading.clips import ClipOptions, Fill, Frames, cut_clip, frame_indices
from vsd2m.shard.loading.order import consumer_range, epoch_order
from vsd2m.shard.reader import Shard, TarBytes, check_media, column_names, list_shards, read_columns

Static = Literal["repeat", "exclude"]
STATICS: tuple[Static, ...] = ("repeat", "exclude")

_TEXTS = ("caption", "caption_zh", "description", "ocr_text", "domain")
_PLACE = ("key", "tar_offset", "num_bytes")
_DEFAULT_BUDGET = DecodeBudget()


class Sample(TypedDict):
    """One sticker. `None` where the data set does not have a text."""

    key: str
    clip: NDArray[np.uint8]  # [T, C, H, W]
    durations_ms: NDArray[np.int32]  # [T], as stored, of the frames shown
    frame_indices: NDArray[np.int64]  # [T], the stored frame that each frame shows
    mask: NDArray[np.bool_]  # [T], True: the sticker's own frame; False: filled in
    num_frames: int  # frames stored in the sticker
    caption: str | None
    caption_zh: str | None
    description: str | None
    trigger_words: list[str]
    ocr_text: str | None
    domain: str | None


@dataclass(frozen=True)
class _Selected:
    """A shard and the rows of it that are loaded."""

    shard: Shard
    rows: NDArray[np.int64]


class StickerDataset:
    """What `load` returns; see there."""

    def __init__(
        self,
        store: Store,
        shards: Sequence[Shard],
        *,
        clip: ClipOptions,
        static: Static,
        shuffle: bool,
        seed: int,
        rank: int,
        world_size: int,
    ) -> None:
        self._store = store
        self._options = clip
        self._shuffle = shuffle
        self._seed = seed
        self._rank = rank
        self._world_size = world_size
        published = column_names(store, shards[0])
        self._columns = [name for name in (*_PLACE, *_TEXTS, "trigger_words") if name in published]
        self._selected = [_select(store, shard, static) for shard in shards]
        self._identity = digest(
            [[shard.name for shard in shards], self.num_stickers, static, shuffle, seed, asdict(clip)]
        )
        self._epoch = 0
        self._position = 0
        self._resume_at = 0
        self._open: _OpenShard | None = None

    @property
    def num_stickers(self) -> int:
        """Stickers in one epoch, over all ranks."""
        return sum(len(selected.rows) for selected in self._selected)

    def __len__(self) -> int:
        """Stickers in one epoch of this rank."""
        return len(consumer_range(self.num_stickers, self._rank, self._world_size))

    def __iter__(self) -> Iterator[Sample]:
        """This consumer's part of the present epoch; the next iteration is the next epoch."""
        part, order = self._part(), self._order()
        start, self._resume_at = self._resume_at, 0
        for position in range(start, len(part)):
            sample = self._sample(*order[part[position]])
            self._position = position + 1
            yield sample
        self._epoch += 1
        self._position = 0

    def __getitem__(self, index: int) -> Sample:
        """A sticker of this rank by its position in the order without shuffling."""
        if not -len(self) <= index < len(self):
            raise IndexError(f"index {index} in a data set of {len(self)} stickers")
        position = consumer_range(self.num_stickers, self._rank, self._world_size)[index]
        ends = np.cumsum([len(selected.rows) for selected in self._selected])
        shard = int(np.searchsorted(ends, position, side="right"))
        return self._sample(shard, position - int(ends[shard]) + len(self._selected[shard].rows))

    def set_epoch(self, epoch: int) -> None:
        """Chooses the order of the next iteration; needed only where iterations run in short-lived workers."""
        self._epoch, self._position, self._resume_at = epoch, 0, 0

    def state_dict(self) -> dict[str, Any]:
        """Where this consumer stands: call it between two samples, and give it to `load_state_dict` to go on there."""
        consumer, num_consumers = self._consumer()
        return {
            "epoch": self._epoch,
            "position": self._position,
            "consumer": consumer,
            "num_consumers": num_consumers,
            "identity": self._identity,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on where `state` was taken; `ConfigError` if it belongs to other data, options or division."""
        consumer, num_consumers = self._consumer()
        if state["identity"] != self._identity:
            raise ConfigError("the state belongs to a data set loaded from other shards or with other options")
        if (state["consumer"], state["num_consumers"]) != (consumer, num_consumers):
            raise ConfigError(
                f"the state is of consumer {state['consumer']} of {state['num_consumers']}, this is {consumer} of "
                f"{num_consumers}; resume with as many ranks and workers as before"
            )
        self._epoch = state["epoch"]
        self._position = self._resume_at = state["position"]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_open": None}  # an open file does not travel to another process

    def _part(self) -> range:
        return consumer_range(self.num_stickers, *self._consumer())

    def _order(self) -> NDArray[np.int64]:
        sizes = [len(selected.rows) for selected in self._selected]
        return epoch_order(sizes, shuffle=self._shuffle, seed=self._seed, epoch=self._epoch)

    def _consumer(self) -> tuple[int, int]:
        """(number, of how many): the ranks times the DataLoader's workers."""
        worker, num_workers = _torch_worker()
        return self._rank * num_workers + worker, self._world_size * num_workers

    def _sample(self, shard: int, number: int) -> Sample:
        selected = self._selected[shard]
        if self._open is None or self._open.shard != selected.shard:
            self._open = _OpenShard(self._store, selected.shard, self._columns)
        row, media = self._open.sticker(int(selected.rows[number]))
        return make_sample(row, media, self._options, path=self._open.path)


def load(
    url: str,
    *,
    split: str,
    num_frames: int,
    size: int,
    frames: Frames = "linspace",
    fill: Fill = "flip",
    static: Static = "repeat",
    background: tuple[int, int, int] = (255, 255, 255),
    shuffle: bool = False,
    seed: int = 0,
    rank: int = 0,
    world_size: int = 1,
) -> StickerDataset:
    """The stickers of a split as clips `uint8 [num_frames, 3, size, size]`, with captions and labels.

    `url` is a folder of shards on a disk or at any fsspec address. `frames` and `fill` say how a longer and a
    shorter sticker come to `num_frames` (see `ClipOptions`); `static` stickers, without motion, are repeated or
    excluded. With `shuffle` every epoch has its own order, fixed by `seed`; `rank` of `world_size` sees its part.
    An import of torch beforehand makes the result a torch `IterableDataset`.

    Raises `ConfigError` for an unknown split (naming those there are) or an option out of range, and
    `StorageError`, naming the shard, for a missing folder or a damaged file.
    """
    options = ClipOptions(num_frames=num_frames, size=size, frames=frames, fill=fill, background=background)
    if static not in STATICS:
        raise ConfigError(f"static must be one of {', '.join(STATICS)}, found {static!r}")
    if not 0 <= rank < world_size:
        raise ConfigError(f"rank must be in 0..{world_size - 1} (world_size {world_size}), found {rank}")
    store = Store(url)
    shards = list_shards(store, split=split)
    dataset = _dataset_class()
    return dataset(
        store,
        shards,
        clip=options,
        static=static,
        shuffle=shuffle,
        seed=seed,
        rank=rank,
        world_size=world_size,
    )


def make_sample(row: dict[str, Any], media: bytes, options: ClipOptions, *, path: str) -> Sample:
    """A sample from a shard's row and the original bytes; `StorageError` if they do not decode."""
    try:
        clip = decode(media, _DEFAULT_BUDGET)
    except MediaError as error:
        raise StorageError(f"{path}: sticker {row['key']} does not decode ({error})") from error
    indices = frame_indices(clip, options)
    return Sample(
        key=row["key"],
        clip=cut_clip(clip, indices, options),
        durations_ms=clip.durations_ms[indices].astype(np.int32),
        frame_indices=indices,
        mask=np.arange(len(indices)) < clip.num_frames,
        num_frames=clip.num_frames,
        caption=row.get("caption"),
        caption_zh=row.get("caption_zh"),
        description=row.get("description"),
        trigger_words=row.get("trigger_words") or [],
        ocr_text=row.get("ocr_text"),
        domain=row.get("domain"),
    )


def collate(samples: Sequence[Sample]) -> dict[str, Any]:
    """A batch for torch's `DataLoader(collate_fn=collate)`: arrays become tensors `[B, ...]`, the rest lists."""
    import torch

    def joined(values: list[Any]) -> Any:
        if isinstance(values[0], np.ndarray):
            return torch.from_numpy(np.stack(values))
        return torch.tensor(values) if isinstance(values[0], int) else values

    return {name: joined([sample[name] for sample in samples]) for name in samples[0]}  # type: ignore[literal-required]


class _OpenShard:
    """The shard being read: its tar and the columns of its stickers."""

    def __init__(self, store: Store, shard: Shard, columns: Sequence[str]) -> None:
        self.shard = shard
        self._rows = read_columns(store, shard, columns).to_pylist()
        self._tar = TarBytes(store, shard.tar)

    @property
    def path(self) -> str:
        return self._tar.path

    def sticker(self, number: int) -> tuple[dict[str, Any], bytes]:
        row = self._rows[number]
        return row, check_media(self._tar.read(row["tar_offset"], row["num_bytes"]), row["key"], self.path)


def _select(store: Store, shard: Shard, static: Static) -> _Selected:
    if static == "repeat":
        return _Selected(shard, np.arange(read_columns(store, shard, ["key"]).num_rows))
    wanted = [name for name in ("num_frames", "num_distinct_frames") if name in column_names(store, shard)]
    if not wanted:
        raise ConfigError(f'{store.path(shard.parquet)} has no column num_frames, so static="exclude" cannot work')
    frames = read_columns(store, shard, wanted)
    moving = np.all([frames[name].to_numpy() > 1 for name in wanted], axis=0)
    return _Selected(shard, np.flatnonzero(moving))


def _torch_worker() -> tuple[int, int]:
    """(number, of how many) of the DataLoader worker this runs in; (0, 1) outside of one."""
    torch = sys.modules.get("torch.utils.data")
    info = torch.get_worker_info() if torch else None
    return (info.id, info.num_workers) if info else (0, 1)


def _dataset_class() -> type[StickerDataset]:
    """`StickerDataset`, also a torch `IterableDataset` if torch is in use; torch is never imported for it."""
    if "torch.utils.data" not in sys.modules:
        return StickerDataset
    from vsd2m.shard.loading.torch_dataset import TorchStickerDataset

    return TorchStickerDataset
