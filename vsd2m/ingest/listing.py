"""The files below an address, in a stream and in no particular order."""

import contextlib
import errno
import heapq
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import IO, Any, cast
from urllib.parse import urlsplit

import fsspec
from fsspec.implementations.local import LocalFileSystem

from vsd2m.core.commit import digest
from vsd2m.core.errors import StorageError

SIGNAL_MANIFEST = "manifest.proto"
SIGNAL_KEY_FILES = ("pack_key", "pack_key.txt", "link.txt")
_STAMPS = ("ETag", "etag", "md5", "checksum", "mtime", "LastModified", "last_modified", "updated", "created")


@dataclass(frozen=True)
class ListedFile:
    """A file's path below the address, its size, and a stamp that changes with its content.

    `problem`: why it is not read, if the listing shows that.
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
            if os.path.exists(self.address):  # also where its name has what fsspec takes for a chain of addresses
                self._fs, root = LocalFileSystem(), os.path.abspath(self.address)
            else:
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
        """The prefix of its files in `url`: the name of a local folder, else the whole address.

        The path on this machine is left out, since `url` is published.
        """
        if not self.is_local:
            address = _without_keys(self.address)
            return f"{address.rpartition('/')[0] if self.file_name is not None else address}/"
        return "" if self.file_name is not None else f"{os.path.basename(os.path.abspath(self._root))}/"

    def url(self, name: str) -> str:
        """The value of the `url` column for the file `name`."""
        return f"{self.label}{name}"

    def exists(self, name: str = "") -> bool:
        """Whether there is a file or folder of that name; none: whether there is anything at the address."""
        with _translated("look for", self._full(name)):
            try:
                self._fs.info(self._full(name or self.file_name or ""))
            except (FileNotFoundError, NotADirectoryError):
                return False
            return True

    def has_file(self, name: str) -> bool:
        """Whether there is a file of that name."""
        with _translated("look for", self._full(name)):
            return bool(self._fs.isfile(self._full(name)))

    def size(self, name: str) -> int:
        """The size of a file in bytes; `OSError` as the storage raises it."""
        return int(self._fs.info(self._full(name))["size"] or 0)

    def open(self, name: str) -> IO[bytes]:
        """The file, to be read from any position; `OSError` as the storage raises it."""
        path = self._full(name)
        return open(path, "rb") if self.is_local else cast("IO[bytes]", self._fs.open(path, "rb"))

    def list_files(self, *, follow_symlinks: bool) -> Iterator[ListedFile]:
        """Every file below, nested ones too. `StorageError` where a folder cannot be listed.

        A Signal pack is one file, its manifest, which changes when any part of the pack does.
        """
        if self.file_name is not None:
            with _translated("look at", self._full(self.file_name)):
                yield _listed(self.file_name, self._fs.info(self._full(self.file_name)))
        elif self.is_local:
            yield from self._walk_local(follow_symlinks=follow_symlinks)
        else:
            yield from self._walk_remote(self._root, "")

    def _walk_local(self, *, follow_symlinks: bool) -> Iterator[ListedFile]:
        """Real folders first, then those that links lead to, by name: each is read once, whatever the order."""
        folders = [("", self._root, os.path.realpath(self._root))]
        links: list[tuple[str, str, str, str]] = []
        real_folders: set[str] = set()
        while folders or links:
            if folders:
                name, path, real = folders.pop()
                problem = "symbolic_link_repeated"
            else:
                name, path, real, parent = heapq.heappop(links)
                problem = "symbolic_link_loop" if f"{parent}/".startswith(f"{real}/") else "symbolic_link_repeated"
            if real in real_folders:
                yield ListedFile(name, problem=problem)
                continue
            if follow_symlinks:
                real_folders.add(real)
            is_pack = _is_pack(path)
            with _translated("list", path), os.scandir(path) as entries:
                for entry in entries:
                    below = f"{name}/{entry.name}" if name else entry.name
                    if entry.is_symlink() and not follow_symlinks:
                        yield ListedFile(below, problem="symbolic_link")
                    elif _is_folder(entry) and entry.is_symlink():
                        heapq.heappush(links, (below, entry.path, os.path.realpath(entry.path), real))
                    elif _is_folder(entry):
                        folders.append((below, entry.path, f"{real.rstrip('/')}/{entry.name}"))
                    elif entry.name == SIGNAL_MANIFEST:
                        yield replace(_local_file(below, entry), stamp=_stamp_of_pack(path))
                    elif not (is_pack and _is_of_pack(entry.name)):
                        yield _local_file(below, entry)

    def _walk_remote(self, folder: str, prefix: str, *, in_pack: bool = False) -> Iterator[ListedFile]:
        names = self._names_in(folder)
        is_pack = in_pack or SIGNAL_MANIFEST in names
        for name, entry in names.items():
            is_folder = entry["type"] == "directory"
            if is_folder:
                yield from self._walk_remote(str(entry["name"]), f"{prefix}{name}/", in_pack=is_pack and name == "full")
            elif name == SIGNAL_MANIFEST:
                pack = [*names.items(), *(self._names_in(f"{folder}/full").items() if "full" in names else ())]
                parts = [_listed(part, facts) for part, facts in pack if part == name or _is_of_pack(part)]
                yield replace(_listed(f"{prefix}{name}", entry), stamp=_digest_of(parts))
            elif not (is_pack and _is_of_pack(name)):
                yield _listed(f"{prefix}{name}", entry)

    def _names_in(self, folder: str) -> dict[str, Mapping[str, Any]]:
        with _translated("list", folder):
            entries: list[Mapping[str, Any]] = self._fs.ls(folder, detail=True)
        paths = ((str(entry["name"]).rstrip("/"), entry) for entry in entries)
        # a prefix may be an object too
        return {path.rsplit("/", 1)[-1]: entry for path, entry in paths if path != folder.rstrip("/")}

    def _full(self, name: str) -> str:
        return f"{self._root}/{name}" if name else self._root


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself, which `_local_file` names
        return False


def _is_pack(folder: str) -> bool:
    """Whether the folder, or the one that it is `full` of, has the manifest of a Signal pack."""
    parent, name = os.path.split(folder)
    folders = (folder, parent) if name == "full" else (folder,)
    return any(os.path.isfile(os.path.join(place, SIGNAL_MANIFEST)) for place in folders)


def _is_of_pack(name: str) -> bool:
    return name.isdecimal() or name in SIGNAL_KEY_FILES


def _stamp_of_pack(folder: str) -> str:
    """What changes when any file of the Signal pack in `folder` does."""
    parts = []
    for place in (folder, os.path.join(folder, "full")):
        if os.path.isdir(place):
            with _translated("list", place), os.scandir(place) as entries:
                parts += [
                    _local_file(entry.name, entry)
                    for entry in entries
                    if (entry.name == SIGNAL_MANIFEST or _is_of_pack(entry.name)) and not _is_folder(entry)
                ]
    return _digest_of(parts)


def _digest_of(parts: Iterable[ListedFile]) -> str:
    return digest(sorted([part.name, part.num_bytes, part.stamp, part.problem or ""] for part in parts))


def _local_file(name: str, entry: "os.DirEntry[str]") -> ListedFile:
    try:
        status = entry.stat()
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ELOOP):  # a broken link
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
