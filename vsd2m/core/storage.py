"""Files on any fsspec URL, written whole or not at all."""

import contextlib
import hashlib
import json
import os
import uuid
from collections.abc import Iterator
from typing import IO, Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from vsd2m.core.errors import DamagedFileError, MissingFileError, StorageError

TEMPORARY = ".tmp-"


class Store:
    """A folder on a local disk, `s3://`, `gs://` or `memory://`. Paths are relative, with `/`.

    A write becomes visible in one step: locally a temporary name, fsync and rename; on an object store a
    single put, sent only when the whole object is there.
    """

    def __init__(self, url: str) -> None:
        self.url = str(url).rstrip("/")
        try:
            self._fs, self._root = fsspec.core.url_to_fs(self.url)
        except (ImportError, ValueError) as error:
            raise StorageError(f"cannot open {url!r}: {error}") from error
        self._root = self._root.rstrip("/")
        self._is_local = isinstance(self._fs, LocalFileSystem)

    def __reduce__(self) -> tuple[type["Store"], tuple[str]]:
        return Store, (self.url,)

    def path(self, path: str) -> str:
        """The full path or URL of `path`, for people and for other libraries."""
        return f"{self.url}/{path}" if path else self.url

    def local_path(self, path: str) -> str | None:
        """The path on this machine's disk, or None on an object store."""
        return self._full(path) if self._is_local else None

    def exists(self, path: str) -> bool:
        """Whether there is such a file or folder; `StorageError` where the storage does not say."""
        # not fsspec's `exists`, for which a refusal or a server's error is "no"
        with _translated("look for", self.path(path)):
            try:
                self._fs.info(self._full(path))
            except (FileNotFoundError, NotADirectoryError):
                return False
            return True

    def size(self, path: str) -> int:
        with _translated("measure", self.path(path)):
            return int(self._fs.size(self._full(path)))

    def list(self, folder: str) -> list[str]:
        """Names (not paths) in `folder`, sorted; empty if there is no such folder."""
        with _translated("list", self.path(folder)):
            try:
                found = self._fs.ls(self._full(folder), detail=False, refresh=True)
            except (FileNotFoundError, NotADirectoryError):
                return []
        return sorted(name for name in (path.rstrip("/").rsplit("/", 1)[-1] for path in found) if name)

    def read_bytes(self, path: str) -> bytes:
        """The whole file; `MissingFileError` if there is none, another `StorageError` where it cannot be read."""
        with _translated("read", self.path(path)):
            data: bytes = self._fs.cat_file(self._full(path))
            return data

    def read_json(self, path: str) -> Any:
        """The JSON in `path`; `StorageError` where it is torn."""
        data = self.read_bytes(path)
        try:
            return json.loads(data)
        except ValueError as error:
            raise StorageError(f"cannot read {self.path(path)}: expected JSON, {error}") from error

    def read_range(self, path: str, offset: int, size: int) -> bytes:
        """`size` bytes from `offset`; `DamagedFileError` if the file ends before."""
        with _translated("read", self.path(path)):
            data: bytes = self._fs.cat_file(self._full(path), start=offset, end=offset + size)
        if len(data) != size:
            raise DamagedFileError(
                f"cannot read {self.path(path)}: {size} bytes expected at {offset}, {len(data)} found"
            )
        return data

    def write_bytes(self, path: str, data: bytes) -> None:
        with self.open_write(path) as file:
            file.write(data)

    def create_bytes(self, path: str, data: bytes) -> bool:
        """Writes `path` if there is no such file, in one step; False if there is one.

        One of several processes succeeds on local disks and where the object store has conditional writes (S3, GCS).
        """
        full = self._full(path)
        if self.exists(path):
            return False
        with _translated("write", self.path(path)):
            try:
                if self._is_local:
                    _local_create(full, data)
                else:
                    self._fs.pipe_file(full, data, mode="create")
            except FileExistsError:
                return False
            except OSError:  # stores name a failed condition in several ways
                if self.exists(path):
                    return False
                raise
        return True

    @contextlib.contextmanager
    def open_write(self, path: str) -> Iterator[IO[bytes]]:
        """A file to write; it appears at `path` when the block ends, and not at all if the block raises."""
        full = self._full(path)
        with _translated("write", self.path(path)):
            if self._is_local:
                with _local_write(full) as file:
                    yield file
            else:
                with self._fs.transaction, self._fs.open(full, "wb") as file:
                    yield file

    def delete(self, path: str) -> None:
        with _translated("delete", self.path(path)), contextlib.suppress(FileNotFoundError):
            self._fs.rm_file(self._full(path))

    def delete_leftovers(self, folder: str) -> int:
        """Removes temporary files a killed process left in `folder`; returns how many."""
        leftovers = [name for name in self.list(folder) if TEMPORARY in name]
        for name in leftovers:
            self.delete(f"{folder}/{name}" if folder else name)
        return len(leftovers)

    def sha256(self, path: str) -> str:
        digest = hashlib.sha256()
        with _translated("read", self.path(path)), self._fs.open(self._full(path), "rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
        return digest.hexdigest()

    def _full(self, path: str) -> str:
        return f"{self._root}/{path}" if path else self._root


@contextlib.contextmanager
def _local_write(full: str) -> Iterator[IO[bytes]]:
    os.makedirs(os.path.dirname(full) or ".", exist_ok=True)
    temporary = f"{full}{TEMPORARY}{uuid.uuid4().hex[:8]}"
    try:
        with open(temporary, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, full)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _local_create(full: str, data: bytes) -> None:
    """`FileExistsError` if there is such a file; it is never seen half written."""
    temporary = f"{full}{TEMPORARY}{uuid.uuid4().hex[:8]}"
    try:
        with _local_write(temporary) as file:
            file.write(data)
        os.link(temporary, full)
    finally:
        with contextlib.suppress(OSError):
            os.unlink(temporary)


@contextlib.contextmanager
def _translated(verb: str, path: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise MissingFileError(f"cannot {verb} {path}: {error.strerror or error}") from error
    except OSError as error:
        raise StorageError(f"cannot {verb} {path}: {error.strerror or error}") from error
