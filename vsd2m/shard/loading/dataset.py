"""The data set that `vsd2m.load` returns: its order, its division among ranks and workers, and its state."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vsd2m.core.commit import digest
from vsd2m.core.errors import ConfigError, StorageError
from vsd2m.core.storage import Store
from vsd2m.shard.inventory import Shard
from vsd2m.shard.loading.clips import ClipOptions
from vsd2m.shard.loading.damage import (
    DamagedSticker,
    DamagedStickerError,
    OnError,
    damaged_sticker_error,
    too_many_skipped,
)
from vsd2m.shard.loading.open_shards import OpenShards
from vsd2m.shard.loading.order import DealOptions, Division, EpochOrder
from vsd2m.shard.loading.progress import EpochStart, Iteration, SharedProgress
from vsd2m.shard.loading.samples import Sample, make_sample


@dataclass(frozen=True)
class Selection:
    """A shard, and the rows of it that are loaded; None: all."""

    shard: Shard
    num_stickers: int
    rows: NDArray[np.int32] | None = None


class StickerDataset:
    """The result of `load`, which documents it."""

    def __init__(
        self,
        store: Store,
        selections: Sequence[Selection],
        *,
        columns: Sequence[str],
        clip: ClipOptions,
        deal: DealOptions,
        on_error: OnError,
        max_skipped: int,
        absent_text: str | None,
    ) -> None:
        self._store = store
        self._selections = selections
        self._sizes = [selection.num_stickers for selection in selections]
        self._num_stickers = sum(self._sizes)
        self._clip = clip
        self._deal = deal
        self._on_error = on_error
        self._max_skipped = max_skipped
        self._absent_text = absent_text
        self._shards = OpenShards(store, columns, max_open=deal.mix_shards if deal.shuffle else 1)
        names = [selection.shard.name for selection in selections]
        self._identity = digest([names, self._sizes, deal.shuffle, deal.seed, deal.mix_shards, asdict(clip)])
        self._progress = SharedProgress()
        self._iterator: StickerIterator | None = None
        self._resume_from: tuple[EpochStart, int] | None = None
        self._order: tuple[int, EpochOrder] | None = None
        self._num_iterations = 0
        self._check_sizes()

    @property
    def num_stickers(self) -> int:
        """Stickers in one epoch, over all ranks."""
        return self._num_stickers

    @property
    def skipped(self) -> list[DamagedSticker]:
        """The stickers that `on_error="skip"` skipped so far, here and in the workers, each once."""
        return self._progress.skipped

    def __len__(self) -> int:
        """Stickers in one epoch of this rank; `TypeError` with `repeat=True`, which has no end."""
        if self._deal.repeat:
            raise TypeError("a data set loaded with repeat=True has no length; num_stickers is that of one epoch")
        return self._num_in_rank()

    def __iter__(self) -> Iterator[Sample]:
        """This consumer's part of an epoch; each new iteration is another epoch."""
        division, worker = self.division(), _torch_worker()
        num_taken = 0
        if worker is None:
            self._progress = self._progress.for_this_process()
            unused = self._iterator if self._iterator and self._iterator.is_unused else None
            start = unused.start if unused and not self._progress.in_workers else self._progress.begin(None)
        elif self._resume_from is not None:
            start, num_taken = self._resume_from
            self._progress.resume(start.epoch)
        else:
            iteration = Iteration(worker.seed - worker.id, self._num_iterations, worker.num_workers)
            start = self._progress.begin(iteration)
        self._num_iterations += worker is not None
        self._resume_from = None
        self._iterator = StickerIterator(self, start, division, num_taken, in_worker=worker is not None)
        return self._iterator

    def __getitem__(self, index: int) -> Sample:
        """A sticker of this rank by its position in the order without shuffling."""
        length = self._num_in_rank()
        if not -length <= index < length:
            raise IndexError(f"index {index} in a data set of {length} stickers")
        position = replace(self.division(), worker=0, num_workers=1).position(index % length)
        order = replace(self._deal, shuffle=False).order(self._sizes, 0)
        return self._read_sample(*order[position % self.num_stickers])

    def __getitems__(self, indices: Sequence[int]) -> list[Sample]:
        """Called only by a torch `DataLoader` that treats this as a list of stickers, ignoring order and rank."""
        raise ConfigError("import torch before vsd2m.load(...), so that a DataLoader iterates the data set")

    def set_epoch(self, epoch: int) -> None:
        """Sets the epoch of the next iteration, in this process, in new workers, or in persistent ones.

        Without it, the first iteration is epoch 0 and each one is the next.
        """
        self._progress.next_start = EpochStart(_whole_number("epoch", epoch), 0)
        self._iterator = None

    def state_dict(self) -> dict[str, Any]:
        """The position, for `load_state_dict`: `epoch`, and `samples_seen` in it by all ranks together.

        Call it between two samples. If a `DataLoader` has workers, they are ahead of the current batch, and only
        they know how far: a `ConfigError` then says how to count.
        """
        if _torch_worker() is None and self._progress.in_workers:
            raise ConfigError(
                "only the DataLoader's workers know the position; torchdata's StatefulDataLoader collects it, or "
                'count the batches: load_state_dict({"epoch": epoch, "samples_seen": batches * batch_size * '
                "world_size}), with the same batch_size given to vsd2m.load"
            )
        state = self._iterator.state() if self._iterator else asdict(self._progress.next_start)
        return {**state, "identity": self._identity}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Makes the next iteration continue where `state` was taken, on any number of ranks and workers.

        `state` is what `state_dict` returned, or `{"epoch": ..., "samples_seen": ...}`, counted over all ranks.
        `ConfigError` if it belongs to other shards or options.
        """
        start, num_taken = self._checked_state(state)
        if _torch_worker() is None:
            self._progress.next_start = start
            self._iterator = None
        else:
            self._resume_from = start, num_taken

    def division(self) -> Division:
        """The part of an epoch that is read here: this rank's, or in a worker the worker's."""
        deal, worker = self._deal, _torch_worker()
        part = Division(deal.rank, deal.world_size, deal.batch_size)
        return replace(part, worker=worker.id, num_workers=worker.num_workers) if worker else part

    def end(self, start: EpochStart) -> int | None:
        """The position before which an iteration that begins at `start` stops; None: never."""
        return None if self._deal.repeat else self._deal.end(self.num_stickers, start=start.samples_seen)

    def resumable(self, start: EpochStart) -> EpochStart:
        """The same start, with `repeat` in the epoch it is in; `ConfigError` if no epoch is that long."""
        if self._deal.repeat:
            epochs, samples_seen = divmod(start.samples_seen, self.num_stickers)
            return EpochStart(start.epoch + epochs, samples_seen)
        if start.samples_seen >= self.num_stickers + self._deal.global_batch:
            raise ConfigError(f"samples_seen is {start.samples_seen}, an epoch has {self.num_stickers} stickers")
        return start

    def sample_at(self, epoch: int, position: int) -> Sample | None:
        """The sticker at a position of an epoch; None if it is skipped and not replaced."""
        epochs, position = divmod(position, self.num_stickers)
        order = self._order_of(epoch + epochs if self._deal.repeat else epoch)
        for number in range(self.num_stickers):
            try:
                return self._read_sample(*order[(position + number) % self.num_stickers])
            except DamagedStickerError as error:
                if self._on_error == "raise" or error.sticker is None:
                    raise
                skipped = self._progress.skip(error.sticker)
                if len(skipped) > self._max_skipped:
                    raise too_many_skipped(self._store.url, skipped, self._max_skipped) from error
            if self._deal.ends == "ragged" and not self._deal.repeat:
                return None
        raise StorageError(f"none of the {self.num_stickers} stickers in {self._store.url} can be read")

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_iterator": None}

    def _read_sample(self, number: int, row_number: int) -> Sample:
        selection = self._selections[number]
        alone = not self._deal.shuffle and self._deal.world_size == self.division().num_workers == 1
        open_shard = self._shards.get(selection.shard, whole=alone)
        row = open_shard.row(row_number if selection.rows is None else int(selection.rows[row_number]))
        try:
            row |= {name: self._absent_text for name in open_shard.texts if row[name] is None}
            return make_sample(
                row, open_shard.media(row), self._clip, path=open_shard.path, absent_text=self._absent_text
            )
        except StorageError as error:
            damaged = DamagedSticker(selection.shard.name, row["key"], row["tar_offset"], str(error))
            raise damaged_sticker_error(damaged) from error

    def _order_of(self, epoch: int) -> EpochOrder:
        if self._order is None or self._order[0] != epoch:
            if self._order is not None and self._deal.repeat:
                self._progress.reach(epoch)
            self._order = epoch, self._deal.order(self._sizes, epoch)
        return self._order[1]

    def _num_in_rank(self) -> int:
        return len(range(self._deal.rank, self._deal.end(self.num_stickers), self._deal.world_size))

    def _check_sizes(self) -> None:
        deal, num_stickers = self._deal, self.num_stickers
        if deal.repeat and not num_stickers:
            raise ConfigError(f"{self._store.url} has no sticker to repeat")
        if deal.ends == "drop" and not deal.repeat and deal.global_batch > num_stickers:
            raise ConfigError(
                f'ends="drop" drops all {num_stickers} stickers: a batch of every rank takes {deal.world_size} x '
                f'{deal.batch_size}; use ends="pad", a smaller batch_size or fewer ranks'
            )

    def _checked_state(self, state: Mapping[str, Any]) -> tuple[EpochStart, int]:
        """(start of the epoch, number of samples that this worker has returned since)."""
        if not {"epoch", "samples_seen"} <= set(state):
            raise ConfigError(f"a state has epoch and samples_seen, found {', '.join(state) or 'nothing'}")
        if state.get("identity", self._identity) != self._identity:
            raise ConfigError("the state belongs to a data set loaded from other shards or with other options")
        start = self.resumable(EpochStart(*(_whole_number(name, state[name]) for name in ("epoch", "samples_seen"))))
        if "worker" not in state:
            return start, 0
        if state["worker"] != asdict(self.division()):
            raise ConfigError(
                f"the state is of {state['worker']}, this is {asdict(self.division())}; to resume with other ranks or "
                'workers, count the batches: {"epoch": ..., "samples_seen": ...}'
            )
        return start, _whole_number("taken", state["taken"])


class StickerIterator:
    """One consumer's part of an epoch. An error is about one sticker: `next` continues with the one after it."""

    def __init__(
        self, dataset: StickerDataset, start: EpochStart, division: Division, num_taken: int, *, in_worker: bool
    ) -> None:
        self._dataset = dataset
        self.start = start
        self._division = division
        self._num_taken = num_taken
        self._in_worker = in_worker
        self._end = dataset.end(start)
        self._has_ended = False

    def __iter__(self) -> "StickerIterator":
        return self

    def __next__(self) -> Sample:
        sample = None
        while sample is None:
            position = self.start.samples_seen + self._division.position(self._num_taken)
            if self._end is not None and position >= self._end:
                self._has_ended = True
                raise StopIteration
            self._num_taken += 1
            sample = self._dataset.sample_at(self.start.epoch, position)
        return sample

    @property
    def is_unused(self) -> bool:
        """Whether it has returned nothing yet; such an iteration does not count as an epoch."""
        return self._num_taken == 0 and not self._has_ended

    def state(self) -> dict[str, Any]:
        """See `StickerDataset.state_dict`; a worker's state names its worker, and is valid for no other."""
        if self._in_worker:
            return {**asdict(self.start), "worker": asdict(self._division), "taken": self._num_taken}
        if self._has_ended:
            return asdict(EpochStart(self.start.epoch + 1, 0))
        num_samples = self.start.samples_seen + self._num_taken * self._division.world_size
        return asdict(self._dataset.resumable(EpochStart(self.start.epoch, num_samples)))


@dataclass(frozen=True)
class _TorchWorker:
    id: int
    num_workers: int
    seed: int


def _torch_worker() -> _TorchWorker | None:
    """The DataLoader worker of this process; None outside of one."""
    torch = sys.modules.get("torch.utils.data")
    info = torch.get_worker_info() if torch else None
    return _TorchWorker(info.id, info.num_workers, info.seed) if info else None


def _whole_number(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 0:
        raise ConfigError(f"{name} must be a whole number from 0, found {value!r}")
    return int(value)
