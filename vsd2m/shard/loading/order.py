"""The order of an epoch, and its division among ranks and workers. Pure functions of their arguments.

An epoch is one sequence of positions `0..N-1`, the same for any number of ranks and workers. Rank `r` of `W` gets
every `W`-th position, and deals these to its workers in blocks of a batch. So for any division, when every rank has
had `b` batches, exactly the first `b * batch_size * W` positions are done: one number describes the progress, and
training can resume from it with another division.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vsd2m.core.errors import ConfigError

Ends = Literal["drop", "pad", "ragged"]
ENDS: tuple[Ends, ...] = ("drop", "pad", "ragged")


class EpochOrder:
    """`order[position]` is (shard, row of the shard); every row has one position.

    Unshuffled, the rows come shard by shard. Shuffled, shards and rows are permuted, and the sequence is divided
    into `mix_shards` equal lanes which take turns: neighbours come from that many shards, no more shards are open at a
    time, and if `world_size` and `mix_shards` have a common divisor, a rank needs only a part of the shards.
    """

    def __init__(self, sizes: Sequence[int], *, shuffle: bool, seed: int, epoch: int, mix_shards: int) -> None:
        generator = np.random.default_rng([seed, epoch])
        self._shards = generator.permutation(len(sizes)).tolist() if shuffle else list(range(len(sizes)))
        self._sizes = sizes
        self._starts = [0, *accumulate(sizes[shard] for shard in self._shards)]
        self._lanes = max(1, min(mix_shards, len(self))) if shuffle else 1
        self._shuffle_key = (seed, epoch) if shuffle else None

    def __len__(self) -> int:
        return self._starts[-1]

    def __getitem__(self, position: int) -> tuple[int, int]:
        if not 0 <= position < len(self):
            raise IndexError(position)
        turn, lane = divmod(position, self._lanes)
        # The first `len % lanes` lanes are longer by one.
        length, longer = divmod(len(self), self._lanes)
        in_sequence = lane * length + min(lane, longer) + turn
        index = bisect_right(self._starts, in_sequence) - 1
        shard, row = self._shards[index], in_sequence - self._starts[index]
        if self._shuffle_key is None:
            return shard, row
        return shard, int(_permutation(*self._shuffle_key, shard, self._sizes[shard])[row])


@dataclass(frozen=True)
class Division:
    """The positions of worker `worker` of rank `rank`."""

    rank: int
    world_size: int
    batch_size: int
    worker: int = 0
    num_workers: int = 1

    def position(self, num_taken: int) -> int:
        """Offset from the epoch's first position to this worker's position number `num_taken`."""
        block, offset = divmod(num_taken, self.batch_size)
        in_rank = (block * self.num_workers + self.worker) * self.batch_size + offset
        return self.rank + in_rank * self.world_size


def end_of_epoch(num_stickers: int, *, start: int, batch: int, ends: Ends) -> int:
    """The end (exclusive) of an epoch that begins at `start`; `batch` counts all ranks.

    `drop` and `pad` make the number of positions a multiple of `batch`, so that all ranks have the same number.
    """
    num_left = max(num_stickers - start, 0)
    if ends == "drop":
        return start + num_left // batch * batch
    return start + (-(-num_left // batch) * batch if ends == "pad" else num_left)


@dataclass(frozen=True)
class DealOptions:
    """How an epoch is ordered and dealt; `load` explains each."""

    shuffle: bool
    seed: int
    mix_shards: int
    rank: int
    world_size: int
    batch_size: int
    ends: Ends
    repeat: bool

    def __post_init__(self) -> None:
        if not 0 <= self.rank < self.world_size:
            raise ConfigError(
                f"rank must be in 0..{self.world_size - 1} (world_size {self.world_size}), found {self.rank}"
            )
        for name in ("batch_size", "mix_shards"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be at least 1, found {getattr(self, name)}")
        if self.ends not in ENDS:
            raise ConfigError(f"ends must be one of {', '.join(ENDS)}, found {self.ends!r}")

    @property
    def global_batch(self) -> int:
        """Stickers in one batch of every rank."""
        return self.batch_size * self.world_size

    def order(self, sizes: Sequence[int], epoch: int) -> EpochOrder:
        return EpochOrder(sizes, shuffle=self.shuffle, seed=self.seed, epoch=epoch, mix_shards=self.mix_shards)

    def end(self, num_stickers: int, *, start: int = 0) -> int:
        return end_of_epoch(num_stickers, start=start, batch=self.global_batch, ends=self.ends)


@lru_cache(maxsize=256)
def _permutation(seed: int, epoch: int, shard: int, size: int) -> NDArray[np.int64]:
    return np.random.default_rng([seed, epoch, shard]).permutation(size)
