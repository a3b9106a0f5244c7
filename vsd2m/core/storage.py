"""Files on any fsspec URL, written whole or not at all."""

import contextlib
import hashlib
import json
import os
import tempfile
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, TypeVar

import fsspec
from fsspec.implementations.local import LocalFileSystem

from vsd2m.core.errors import DamagedFileError, MissingFileError, StorageError
from vsd2m.core.storage_faults import Retries

T = TypeVar("T")

SINGLE_UPLOAD_BYTES = 32 << 20
"""Objects up to this size are written by one request."""

TEMPORARY = ".tmp-"


class Store:
    """A folder on a local disk, `s3://`, `gs://` or `memory://`. Paths are relative, with `/`.

    A write becomes visible in one step: locally a temporary name, fsync and rename; on an object store a
    single upload, begun only when the whole object is there. Faults that may pass are waited for (`Retries`).
    """

    def __init__(self, url: str, *, retries: Retries | None = None) -> None:
        self.url = str(url).rstrip("/")
        self.retries = retries or Retries()
        self._fs, self._root = self._open()
        self._is_local = isinstance(self._fs, LocalFileSystem)
        # s3fs otherwise asks for the size first, to read large objects in parts
        self._read_options = {"max_concurrency": 1} if "s3" in self._fs.protocol else {}

    def __reduce__(self) -> tuple[Any, ...]:
        return _store_with_patience, (self.url, self.retries.patience_s)

    def path(self, path: str) -> str:
        """The full path or URL of `path`, for people and for other libraries."""
        return f"{self.url}/{path}" if path else self.url

    def local_path(self, path: str) -> str | None:
        """The path on this machine's disk, or None on an object store."""
        return self._full(path) if self._is_local else None

    def exists(self, path: str) -> bool:
        """Whether there is such a file or folder; `StorageError` where the storage does not say."""

        def look(fs: Any) -> bool:
            # not fsspec's `exists`, which returns False for a refusal or an error of the server
            try:
                fs.info(self._full(path))
            except (FileNotFoundError, NotADirectoryError):
                return False
            return True

        return self._do("look for", path, look)

    def size(self, path: str) -> int:
        return int(self._do("measure", path, lambda fs: fs.size(self._full(path))))

    def list(self, folder: str) -> list[str]:
        """Names (not paths) in `folder`, sorted; empty if there is no such folder."""
        return sorted(self.sizes(folder))

    def sizes(self, folder: str) -> dict[str, int]:
        """Name -> size of everything in `folder`, by one listing; empty if there is no such folder."""

        def look(fs: Any) -> dict[str, int]:
            if self._is_local:
                return _local_sizes(self._full(folder))
            try:
                entries = fs.ls(self._full(folder), detail=True, refresh=True)
            except (FileNotFoundError, NotADirectoryError):
                return {}
            return {entry["name"].rstrip("/").rsplit("/", 1)[-1]: int(entry["size"] or 0) for entry in entries}

        return {name: size for name, size in self._do("list", folder, look).items() if name}

    def read_bytes(self, path: str) -> bytes:
        """The whole file; `MissingFileError` if there is none, another `StorageError` where it cannot be read."""
        if self._is_local:
            return self._do("read", path, lambda _: Path(self._full(path)).read_bytes())
        data: bytes = self._do("read", path, lambda fs: fs.cat_file(self._full(path), **self._read_options))
        return data

    def read_many(self, paths: Sequence[str]) -> Sequence[bytes | None]:
        """Whole files, side by side where the storage is far away; None for a file that does not exist (any more)."""
        contents: dict[str, Any] = {}
        if not self._is_local and len(paths) > 1:
            full = [self._full(path) for path in paths]
            contents = self._do("read", paths[0], lambda fs: fs.cat(full, on_error="return", **self._read_options))
        return [self._read_again(path, contents.get(self._full(path))) for path in paths]

    def _read_again(self, path: str, content: Any) -> bytes | None:
        """The content; read with patience where it is missing or an error."""
        if isinstance(content, bytes):
            return content
        try:
            return self.read_bytes(path)
        except MissingFileError:
            return None

    def read_json(self, path: str) -> Any:
        """The JSON in `path`; `StorageError` if it is damaged."""
        data = self.read_bytes(path)
        try:
            return json.loads(data)
        except ValueError as error:
            raise StorageError(f"cannot read {self.path(path)}: expected JSON, {error}") from error

    def read_range(self, path: str, offset: int, size: int) -> bytes:
        """`size` bytes from `offset`; `DamagedFileError` if the file ends before."""
        data: bytes = self._do("read", path, lambda fs: fs.cat_file(self._full(path), start=offset, end=offset + size))
        if len(data) != size:
            raise DamagedFileError(
                f"cannot read {self.path(path)}: {size} bytes expected at {offset}, {len(data)} found"
            )
        return data

    def write_bytes(self, path: str, data: bytes) -> None:
        if self._is_local:
            with self.open_write(path) as file:
                file.write(data)
        else:
            self._do("write", path, lambda fs: fs.pipe_file(self._full(path), data))

    def create_bytes(self, path: str, data: bytes) -> bool:
        """Writes `path` if there is no such file, in one step; False if there is one with other content.

        One of several processes succeeds on local disks and where the object store has conditional writes (S3, GCS).
        """
        full = self._full(path)
        if self.exists(path):
            return False

        def create(fs: Any) -> bool:
            if self._is_local:
                return _local_create(full, data)
            try:
                fs.pipe_file(full, data, mode="create")
            except OSError:  # stores name a failed condition in several ways
                if self.exists(path):
                    return self._holds(path, data)
                raise
            return True

        return self._do("write", path, create)

    def _holds(self, path: str, data: bytes) -> bool:
        """Whether a file that exists is ours: the reply to a write that succeeded may have been lost."""
        try:
            return self.read_bytes(path) == data
        except MissingFileError:
            return False

    @contextlib.contextmanager
    def open_write(self, path: str) -> Iterator[IO[bytes]]:
        """A file to write; it appears at `path` when the block ends, and not at all if the block raises."""
        full = self._full(path)
        if self._is_local:
            with _as_storage_error("write", self.path(path)), _local_write(full) as file:
                yield file
            return
        # spooled locally first: a stream to a store could not be repeated
        with tempfile.NamedTemporaryFile(prefix="vsd2m-") as spool:
            with _as_storage_error("write", self.path(path)):
                yield spool
                spool.flush()
            if spool.tell() <= SINGLE_UPLOAD_BYTES:
                self.write_bytes(path, Path(spool.name).read_bytes())
            else:
                self._do("write", path, lambda fs: fs.put_file(spool.name, full))

    def delete(self, path: str) -> None:
        def remove(fs: Any) -> None:
            with contextlib.suppress(FileNotFoundError):
                fs.rm_file(self._full(path))

        self._do("delete", path, remove)

    def delete_leftovers(self, folder: str) -> int:
        """Removes temporary files a killed process left in `folder`; returns how many."""
        leftovers = [name for name in self.list(folder) if TEMPORARY in name]
        for name in leftovers:
            self.delete(f"{folder}/{name}" if folder else name)
        return len(leftovers)

    def sha256(self, path: str) -> str:
        def read(fs: Any) -> str:
            digest = hashlib.sha256()
            with fs.open(self._full(path), "rb") as file:
                while block := file.read(1 << 20):
                    digest.update(block)
            return digest.hexdigest()

        return self._do("read", path, read)

    def _do(self, verb: str, path: str, operation: Callable[[Any], T]) -> T:
        name = f"{verb} {self.path(path)}"
        return self.retries.call(lambda: operation(self._fs), name=name, renew=self._renew)

    def _renew(self) -> None:
        """Opens the storage anew, with the credentials that the environment has now."""
        self._fs, _ = self._open(skip_instance_cache=True)

    def _open(self, **options: Any) -> tuple[Any, str]:
        try:
            fs, root = fsspec.core.url_to_fs(self.url, use_listings_cache=False, **options)
        except (ImportError, ValueError) as error:
            raise StorageError(f"cannot open {self.url!r}: {error}") from error
        return fs, root.rstrip("/")

    def _full(self, path: str) -> str:
        return f"{self._root}/{path}" if path else self._root


def _store_with_patience(url: str, patience_s: float) -> Store:
    return Store(url, retries=Retries(patience_s))


def _local_sizes(folder: str) -> dict[str, int]:
    try:
        with os.scandir(folder) as entries:
            return {entry.name: _size_of(entry) for entry in entries}
    except (FileNotFoundError, NotADirectoryError):
        return {}


def _size_of(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat().st_size
    except FileNotFoundError:  # a temporary file of another process
        return 0


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


def _local_create(full: str, data: bytes) -> bool:
    """False if there is such a file; it is never seen half written."""
    temporary = f"{full}{TEMPORARY}{uuid.uuid4().hex[:8]}"
    with _local_write(temporary) as file:
        file.write(data)
    try:
        os.link(temporary, full)
    except FileExistsError:
        return False
    finally:
        os.unlink(temporary)
    return True


@contextlib.contextmanager
def _as_storage_error(verb: str, path: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise MissingFileError(f"cannot {verb} {path}: {error.strerror or error}") from error
    except OSError as error:
        raise StorageError(f"cannot {verb} {path}: {error.strerror or error}") from error
