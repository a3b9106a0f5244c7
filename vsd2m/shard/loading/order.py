"""The order of an epoch, and who reads which part of it. Pure functions."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def epoch_order(shard_sizes: Sequence[int], *, shuffle: bool, seed: int, epoch: int) -> NDArray[np.int64]:
    """`[N, 2]`: (shard, position in the shard) of every sticker of an epoch.

    Shuffled, the shards come in a new order each epoch and so do the stickers in each shard; stickers were spread
    over the shards at random when these were packed, so no shard is special. Shards are not interleaved: each
    is opened once.
    """
    generator = np.random.default_rng([seed, epoch])
    shards = generator.permutation(len(shard_sizes)) if shuffle else np.arange(len(shard_sizes))
    parts = [np.empty((0, 2), np.int64)]
    for shard in shards.tolist():
        size = shard_sizes[shard]
        positions = generator.permutation(size) if shuffle else np.arange(size)
        parts.append(np.stack([np.full(size, shard), positions], axis=1))
    return np.concatenate(parts)


def consumer_range(num_stickers: int, consumer: int, num_consumers: int) -> range:
    """The consumer's stretch of an epoch's order: each sticker belongs to exactly one consumer, and the
    stretches differ in length by at most one."""
    return range(num_stickers * consumer // num_consumers, num_stickers * (consumer + 1) // num_consumers)
