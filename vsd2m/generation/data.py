"""Training clips, read from the shards."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vsd2m.core.commit import digest
from vsd2m.core.storage import Store
from vsd2m.generation.captions import conditioning_text
from vsd2m.generation.config import DataConfig

_VERSION = 2  # raise it if the same shards give other clips or texts


@dataclass(frozen=True)
class TrainingClip:
    """A training sample: `frames` uint8 [T, 3, H, W], `mask` [T] False for repeated frames.

    `text` is for models that read sentences, `tags` (domain and trigger words) for those with a list of known words.
    """

    key: str
    text: str
    frames: NDArray[np.uint8]
    mask: NDArray[np.bool_]
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class ClipSource:
    """Clips in a fixed order; equal `identity` means equal clips."""

    identity: str
    read: Callable[[], Iterable[TrainingClip]]


def shard_clips(config: DataConfig) -> ClipSource:
    """The clips of a split; the identity is a digest of the shards' Parquet files, which contain every sticker's
    key."""
    from vsd2m.shard.inventory import list_shards

    store = Store(config.shards)
    shards = {shard.name: store.sha256(shard.parquet) for shard in list_shards(store, split=config.split)}
    cut = [_VERSION, config.domain, config.num_frames, config.size, config.static]
    return ClipSource(identity=digest([shards, cut]), read=lambda: _read(config))


def _read(config: DataConfig) -> Iterator[TrainingClip]:
    from vsd2m.shard.loading.loader import load

    samples = load(
        config.shards, split=config.split, num_frames=config.num_frames, size=config.size, static=config.static
    )
    for sample in samples:
        if config.domain not in (None, sample["domain"]):
            continue
        text = conditioning_text(sample["domain"], sample["text"])
        tags = tuple(word for word in (sample["domain"], *sample["trigger_words"]) if word)
        yield TrainingClip(key=sample["key"], text=text, frames=sample["clip"], mask=sample["mask"], tags=tags)


def batch_indices(num_clips: int, *, seed: int, first: int, count: int) -> NDArray[np.int64]:
    """The clips at positions `first` to `first + count` of an endless sequence of shuffled epochs.

    It depends only on its arguments, so a resumed run continues with the same clips.
    """
    positions = np.arange(first, first + count)
    epochs = positions // num_clips
    orders = {epoch: np.random.default_rng([seed, epoch]).permutation(num_clips) for epoch in np.unique(epochs)}
    return np.array([orders[epoch][position % num_clips] for epoch, position in zip(epochs, positions, strict=True)])
