"""One process at a time works in a folder, on a local disk or an object store.

The lock is a file that names its holder. A holder on this machine whose process has ended is replaced without asking:
a process is identified by its id and its start, so a later process with the same id does not hold the lock. Processes
of other machines cannot be seen from here, and clocks of two machines cannot be compared, so their locks are removed
only on request (`break_lock`).
"""

import contextlib
import os
import socket
import subprocess
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from vsd2m.core.errors import LockedError, StorageError
from vsd2m.core.storage import Store

LOCK_FILE = "run.lock"


class Holder(BaseModel):
    """The process that holds a lock."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    host: str
    machine: str  # distinguishes machines of the same name
    process: int
    process_start: str | None  # in the units of this machine; None if unknown
    started: str  # for people
    token: str

    @classmethod
    def this_process(cls) -> "Holder":
        """This process, with a new token."""
        return cls(
            host=socket.gethostname(),
            machine=_machine(),
            process=os.getpid(),
            process_start=process_start(os.getpid()),
            started=datetime.now(UTC).isoformat(sep=" ", timespec="seconds"),
            token=uuid.uuid4().hex,
        )

    def is_here(self) -> bool:
        """Whether the process is one of this machine."""
        return (self.host, self.machine) == (socket.gethostname(), _machine())

    def has_ended(self) -> bool:
        """Whether the process is known to have ended; False for a process of another machine."""
        return self.is_here() and process_start(self.process) != self.process_start

    def to_bytes(self) -> bytes:
        return self.model_dump_json(indent=2).encode()

    def __str__(self) -> str:
        return f"process {self.process} on {self.host}, started {self.started}"


@contextlib.contextmanager
def folder_lock(store: Store, path: str = LOCK_FILE) -> Iterator[Holder]:
    """Holds the folder's lock while the block runs; `LockedError` names the process that holds it already."""
    holder = Holder.this_process()
    _acquire(store, path, holder)
    try:
        yield holder
    finally:
        if _is_held(store, path, holder):  # somebody may have broken it
            store.delete(path)


def break_lock(store: Store) -> None:
    """Removes the folder's lock, whoever holds it."""
    store.delete(LOCK_FILE)


def read_holder(store: Store) -> Holder | None:
    """The process that holds the folder's lock; None where there is no lock."""
    return _read(store, LOCK_FILE)


def process_start(process: int) -> str | None:
    """When a process of this machine was started, in the system's own terms; None if there is no such process."""
    try:
        state, *fields = Path(f"/proc/{process}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None if Path("/proc/self/stat").exists() else _start_by_ps(process)
    return None if state in "ZX" else f"{_boot()} {fields[18]}"  # field 22: ticks since the system was started


def _start_by_ps(process: int) -> str | None:
    process_list = subprocess.run(
        ["ps", "-o", "lstart=", "-p", str(process)], capture_output=True, text=True, check=False
    )
    return process_list.stdout.strip() or None


def _acquire(store: Store, path: str, holder: Holder) -> None:
    while not store.create_bytes(path, holder.to_bytes()):
        present = _read(store, path)
        if present is None:  # released in between
            continue
        if not present.has_ended():
            raise LockedError(
                f"{store.url} is in use by {present}; wait for it to end, or stop it. If it has ended on a machine "
                "that cannot be seen from here: vsd2m run CONFIG --break-lock"
            )
        _replace(store, path, present, holder)
        if _is_held(store, path, holder):
            return


def _replace(store: Store, path: str, ended: Holder, holder: Holder) -> None:
    """Puts `holder` in the place of `ended`, unless another process has done so first.

    A second lock ensures this. Its holder can end too, so it is acquired in the same way.
    """
    with folder_lock(store, f"{path}.replace"):
        if _is_held(store, path, ended):
            store.write_bytes(path, holder.to_bytes())


def _is_held(store: Store, path: str, holder: Holder) -> bool:
    present = _read(store, path)
    return present is not None and present.token == holder.token


def _read(store: Store, path: str) -> Holder | None:
    """The holder; None where there is no lock."""
    try:
        data = store.read_bytes(path)
    except StorageError:
        if store.exists(path):
            raise
        return None
    try:
        return Holder.model_validate_json(data)
    except ValidationError as error:
        raise LockedError(
            f"{store.path(path)} is not a lock of vsd2m; delete it if no run works in this folder"
        ) from error


def _boot() -> str:
    return _text("/proc/sys/kernel/random/boot_id")


def _machine() -> str:
    """The machine and, where containers share one, the container's own numbering of processes."""
    with contextlib.suppress(OSError):
        return f"{_text('/etc/machine-id') or _boot()} {os.readlink('/proc/self/ns/pid')}"
    return ""


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError:
        return ""
