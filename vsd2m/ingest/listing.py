"""The files below an address, in a stream and in no particular order."""

import contextlib
import errno
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import IO, Any, cast
from urllib.parse import urlsplit

import fsspec
from fsspec.implementations.local import LocalFileSystem

from vsd2m.core.errors import StorageError

SIGNAL_MANIFEST = "manifest.proto"
_STAMPS = ("ETag", "etag", "md5", "checksum", "mtime", "LastModified", "last_modified", "updated", "created")


@dataclass(frozen=True)
class ListedFile:
    """A file's path below the address, its size, and what changes when its content does.

    `problem` says why it is not read, where that is known from the listing.
    """

    name: str
    num_bytes: int = 0
    stamp: str = ""
    problem: str | None = None


class Place:
    """A folder, a prefix or a single file on any fsspec address; a file is a place where only that file is."""

    def __init__(self, address: str) -> None:
        self.address = address.rstrip("/") or "/"
        try:
            self._fs, root = fsspec.core.url_to_fs(self.address)
        except (ImportError, ValueError) as error:
            raise StorageError(f"cannot open {address!r}: {error}") from error
        self._root = root.rstrip("/")
        self.is_local = isinstance(self._fs, LocalFileSystem)
        with _translated("look at", self._root):
            self.file_name = self._root.rpartition("/")[2] if self._fs.isfile(self._root) else None
        if self.file_name is not None:
            self._root = self._root.rpartition("/")[0]

    @cached_property
    def label(self) -> str:
        """What stands before the names of its files in `url`: of a local folder its name, else the whole address.

        Where a folder lies on this machine is nobody's business: `url` is published.
        """
        if not self.is_local:
            address = _without_keys(self.address)
            return f"{address.rpartition('/')[0] if self.file_name is not None else address}/"
        return "" if self.file_name is not None else f"{os.path.basename(os.path.abspath(self._root))}/"

    def url(self, name: str) -> str:
        """What the `url` column says of the file `name`."""
        return f"{self.label}{name}"

    def exists(self, name: str = "") -> bool:
        """Whether there is a file or folder of that name; none: whether there is anything at the address."""
        with _translated("look for", self._full(name)):
            try:
                self._fs.info(self._full(name or self.file_name or ""))
            except (FileNotFoundError, NotADirectoryError):
                return False
            return True

    def size(self, name: str) -> int:
        """The size of a file in bytes; `OSError` as the storage raises it."""
        return int(self._fs.info(self._full(name))["size"] or 0)

    def open(self, name: str) -> IO[bytes]:
        """The file, to be read from any position; `OSError` as the storage raises it."""
        path = self._full(name)
        return open(path, "rb") if self.is_local else cast("IO[bytes]", self._fs.open(path, "rb"))

    def list_files(self, *, follow_symlinks: bool) -> Iterator[ListedFile]:
        """Every file below, nested ones too. `StorageError` where a folder cannot be listed.

        Beside the manifest of a Signal pack nothing is listed: the pack is one file.
        """
        if self.file_name is not None:
            with _translated("look at", self._full(self.file_name)):
                yield _listed(self.file_name, self._fs.info(self._full(self.file_name)))
        elif self.is_local:
            yield from self._walk_local(self._root, "", follow_symlinks, (os.path.realpath(self._root),))
        else:
            yield from self._walk_remote(self._root, "")

    def _walk_local(
        self, folder: str, prefix: str, follow_symlinks: bool, above: tuple[str, ...]
    ) -> Iterator[ListedFile]:
        manifest = os.path.join(folder, SIGNAL_MANIFEST)
        if os.path.isfile(manifest):
            yield _stat_of(f"{prefix}{SIGNAL_MANIFEST}", os.stat(manifest))
            return
        with _translated("list", folder), os.scandir(folder) as entries:
            for entry in entries:
                name = f"{prefix}{entry.name}"
                if entry.is_symlink() and not follow_symlinks:
                    yield ListedFile(name, problem="symbolic_link")
                elif entry.is_dir():
                    target = os.path.realpath(entry.path)
                    if target in above:
                        yield ListedFile(name, problem="symbolic_link_loop")
                    else:
                        yield from self._walk_local(entry.path, f"{name}/", follow_symlinks, (*above, target))
                else:
                    yield _local_file(name, entry)

    def _walk_remote(self, folder: str, prefix: str) -> Iterator[ListedFile]:
        with _translated("list", folder):
            entries: list[Mapping[str, Any]] = self._fs.ls(folder, detail=True)
        names = {str(entry["name"]).rstrip("/").rsplit("/", 1)[-1]: entry for entry in entries}
        if SIGNAL_MANIFEST in names:
            names = {SIGNAL_MANIFEST: names[SIGNAL_MANIFEST]}
        for name, entry in names.items():
            if entry["type"] == "directory":
                yield from self._walk_remote(str(entry["name"]), f"{prefix}{name}/")
            elif str(entry["name"]).rstrip("/") != folder.rstrip("/"):  # a prefix that is an object too
                yield _listed(f"{prefix}{name}", entry)

    def _full(self, name: str) -> str:
        return f"{self._root}/{name}" if name else self._root


def _local_file(name: str, entry: "os.DirEntry[str]") -> ListedFile:
    try:
        status = entry.stat()
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ELOOP):  # a link that leads nowhere
            return ListedFile(name, problem="missing_file")
        raise StorageError(f"cannot look at {entry.path}: {error.strerror}") from error
    return _stat_of(name, status)


def _stat_of(name: str, status: os.stat_result) -> ListedFile:
    if not stat.S_ISREG(status.st_mode):
        return ListedFile(name, problem="not_a_regular_file")
    return ListedFile(name, status.st_size, str(status.st_mtime_ns))


def _listed(name: str, entry: Mapping[str, Any]) -> ListedFile:
    stamp = next((str(entry[key]) for key in _STAMPS if entry.get(key) is not None), "")
    return ListedFile(name, int(entry.get("size") or 0), stamp)


def _without_keys(address: str) -> str:
    """The address without a user's name and password."""
    split = urlsplit(address)
    return split._replace(netloc=split.netloc.rpartition("@")[2], query="", fragment="").geturl()


@contextlib.contextmanager
def _translated(verb: str, path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(f"cannot {verb} {path}: {error.strerror or error}") from error
