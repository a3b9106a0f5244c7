"""State shared by a process that loaded a data set and its DataLoader's workers: which epoch comes next, and which
stickers were skipped.

It is a small temporary file, which works for all ways of starting workers (fork, spawn, forkserver) and for
persistent ones. Each read and change holds a lock on it.
"""

import contextlib
import fcntl
import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from multiprocessing.context import get_spawning_popen
from multiprocessing.util import Finalize
from typing import IO, Any

from vsd2m.core.errors import StorageError
from vsd2m.shard.loading.damage import DamagedSticker

_REMEMBERED = 8  # iterations whose workers may still be starting


@dataclass(frozen=True)
class EpochStart:
    """The start of an iteration: an epoch, and the number of its stickers that all ranks together have returned."""

    epoch: int
    samples_seen: int


@dataclass(frozen=True)
class Iteration:
    """Identifies one iteration of a DataLoader: its workers share the seed, and count their iterations."""

    seed: int
    number: int
    num_workers: int


class SharedProgress:
    """Owned by the process that creates it; forked and spawned workers share it, any other copy is independent."""

    def __init__(self, state: dict[str, Any] | None = None) -> None:
        self._owner = os.getpid()
        self._path = _new_file(state or {"next": [0, 0], "in_workers": False, "claims": [], "skipped": []})
        # unlike `weakref.finalize`, this also runs at the end of a process that multiprocessing started
        Finalize(self, _remove, args=(self._path, self._owner), exitpriority=0)

    def __reduce__(self) -> tuple[Any, ...]:
        if get_spawning_popen() is not None:
            return _attach, (self._path, self._owner)
        return SharedProgress, (self._read(),)

    def for_this_process(self) -> "SharedProgress":
        """The object itself in the process that owns it, a copy in any other."""
        return self if self._owner == os.getpid() else SharedProgress(self._read())

    @property
    def next_start(self) -> EpochStart:
        """Where the next iteration will begin."""
        return EpochStart(*self._read()["next"])

    @next_start.setter
    def next_start(self, start: EpochStart) -> None:
        with self._locked_state() as state:
            state.update(next=[start.epoch, start.samples_seen], in_workers=False, claims=[])

    @property
    def in_workers(self) -> bool:
        """Whether workers ran the last iteration, so that only they know the position."""
        return bool(self._read()["in_workers"])

    @property
    def skipped(self) -> list[DamagedSticker]:
        return [DamagedSticker(**entry) for entry in self._read()["skipped"]]

    def begin(self, iteration: Iteration | None) -> EpochStart:
        """Where an iteration begins; the next one will begin with the next epoch.

        The workers of one `iteration` get the same result. None: there are no workers.
        """
        with self._locked_state() as state:
            state["in_workers"] = iteration is not None
            if iteration is None:
                return _advance(state)
            claim = next((c for c in state["claims"] if c["of"] == asdict(iteration) and _is_open(c)), None)
            if claim is None:
                start = _advance(state)
                claim = {"of": asdict(iteration), "num_claimed": 0, "start": [start.epoch, start.samples_seen]}
                state["claims"] = [*state["claims"], claim][-_REMEMBERED:]
            claim["num_claimed"] += 1
            return EpochStart(*claim["start"])

    def resume(self, epoch: int) -> None:
        """Records that a worker resumes this epoch; the next iteration is the epoch after it."""
        with self._locked_state() as state:
            state.update(next=[epoch + 1, 0], in_workers=True)

    def reach(self, epoch: int) -> None:
        """Records that an iteration has reached this epoch, so that the next iteration begins with a later one."""
        with self._locked_state() as state:
            if state["next"][0] <= epoch:
                state["next"] = [epoch + 1, 0]

    def skip(self, sticker: DamagedSticker) -> list[DamagedSticker]:
        """Records a skipped sticker; returns all skipped ones, each once."""
        with self._locked_state() as state:
            if asdict(sticker) not in state["skipped"]:
                state["skipped"].append(asdict(sticker))
            return [DamagedSticker(**entry) for entry in state["skipped"]]

    def _read(self) -> dict[str, Any]:
        with self._locked_state() as state:
            return state

    @contextlib.contextmanager
    def _locked_state(self) -> Iterator[dict[str, Any]]:
        with _open_file(self._path) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            before = file.read()
            state = json.loads(before)
            yield state
            after = json.dumps(state).encode()
            if after != before:
                file.seek(0)
                file.write(after)
                file.truncate()


def _advance(state: dict[str, Any]) -> EpochStart:
    start = EpochStart(*state["next"])
    state["next"] = [start.epoch + 1, 0]
    return start


def _is_open(claim: dict[str, Any]) -> bool:
    return bool(claim["num_claimed"] < claim["of"]["num_workers"])


def _new_file(state: dict[str, Any]) -> str:
    try:
        descriptor, path = tempfile.mkstemp(prefix="vsd2m-progress-")
    except OSError as error:
        raise StorageError(f"cannot write a temporary file: {error}; set TMPDIR to a folder with space") from error
    with open(descriptor, "wb") as file:
        file.write(json.dumps(state).encode())
    return path


def _open_file(path: str) -> IO[bytes]:
    try:
        return open(path, "r+b")
    except OSError as error:
        raise StorageError(
            f"cannot read {path}: {error.strerror}; the process that loaded the data set has ended, or its temporary "
            "files were deleted"
        ) from error


def _attach(path: str, owner: int) -> SharedProgress:
    progress = SharedProgress.__new__(SharedProgress)
    progress._path, progress._owner = path, owner
    return progress


def _remove(path: str, owner: int) -> None:
    if os.getpid() == owner:  # a forked worker inherits this call
        with contextlib.suppress(OSError):
            os.unlink(path)
