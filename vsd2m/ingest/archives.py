"""Members of zips and tars, read in memory within limits. Nothing is ever unpacked onto a disk."""

import errno
import gzip
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Container, Iterator
from dataclasses import dataclass
from typing import IO, cast

from vsd2m.ingest.readers.base import InputFile, Limits, Refusal, too_large

MAX_HEADER = 1 << 20  # bytes of a tar's extended header
MAX_PADDING = 1 << 16  # bytes after the end of a tar that are looked at
_DAMAGE = (
    *(zipfile.BadZipFile, tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error, lzma.LZMAError),
    *(NotImplementedError, ValueError, struct.error),  # an unknown packing, a name that is no text, a false length
)


@dataclass(frozen=True)
class ArchiveMember:
    """One file of an archive, or why it is not read."""

    name: str
    content: bytes | Refusal


def unsafe_name(name: str) -> Refusal | None:
    """Why a member's name would lead out of a folder, or None."""
    plain = name.replace("\\", "/")
    if plain.startswith("/") or ".." in plain.split("/") or "\0" in plain or plain[1:3] == ":/":
        return Refusal("unsafe_name", detail="an absolute name, or one that leads out of the archive")
    return None


class _Budget:
    """Counts the members, bytes and names of one archive."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._names: set[str] = set()
        self._num_bytes = 0

    def check(self, name: str, num_bytes: int) -> Refusal | None:
        """Why a member of that name and size is not read; raises `Refusal` if no later member is read either."""
        if len(self._names) >= self._limits.max_members:
            raise Refusal("too_many_members", value=len(self._names) + 1, limit=self._limits.max_members)
        refusal = unsafe_name(name)
        if refusal is None and name in self._names:
            refusal = Refusal("duplicate_name", detail="the archive has another member of this name")
        self._names.add(name)
        if refusal is None and num_bytes > self._limits.max_file_bytes:
            refusal = too_large(num_bytes, self._limits.max_file_bytes)
        return refusal

    def spend(self, num_bytes: int) -> None:
        """`Refusal` once more than `max_archive_bytes` have been unpacked."""
        self._num_bytes += num_bytes
        if self._num_bytes > self._limits.max_archive_bytes:
            raise Refusal("archive_too_large", value=self._num_bytes, limit=self._limits.max_archive_bytes)


def zip_names(file: InputFile) -> list[str]:
    """The names in a zip; none where it is damaged."""
    try:
        with file.open() as opened, zipfile.ZipFile(opened) as archive:
            return archive.namelist()
    except _DAMAGE:
        return []


def zip_members(file: InputFile, limits: Limits, *, only: Container[str] | None = None) -> Iterator[ArchiveMember]:
    """The files of a zip in its order, all or those of the names in `only`. `Refusal` where the rest cannot be read."""
    with file.open() as opened:
        try:
            archive = zipfile.ZipFile(opened)
        except _DAMAGE as error:
            raise _damaged(error) from error
        with archive:
            budget = _Budget(limits)
            for info in archive.infolist():
                if not info.is_dir() and (only is None or info.filename in only):
                    yield ArchiveMember(info.filename, _zipped(archive, info, budget, limits))


def _zipped(archive: zipfile.ZipFile, info: zipfile.ZipInfo, budget: _Budget, limits: Limits) -> bytes | Refusal:
    if refusal := budget.check(info.filename, info.file_size):
        return refusal
    if info.flag_bits & 0x1:
        return Refusal("encrypted", detail="the member wants a password; unpack it and bring the folder")
    try:
        with archive.open(info) as opened:
            data = opened.read(limits.max_file_bytes + 1)  # the stated size may be wrong
    except _DAMAGE as error:
        return _damaged(error)
    except OSError as error:
        if error.errno not in (None, errno.EINVAL):  # bzip2 of damaged bytes, a position before the file
            raise
        return _damaged(error)
    budget.spend(len(data))
    return data if len(data) <= limits.max_file_bytes else too_large(len(data), limits.max_file_bytes)


def tar_members(file: InputFile, limits: Limits) -> Iterator[ArchiveMember]:
    """The files of a tar, packed or not, in its order. `Refusal` where the rest cannot be read."""
    with file.open() as opened:
        budget = _Budget(limits)
        plain = _Bounded(_unpacked(opened), max(limits.max_file_bytes, MAX_HEADER), limits.max_archive_bytes)
        try:
            with tarfile.open(fileobj=cast("IO[bytes]", plain), mode="r:") as archive:
                for info in archive:
                    archive.members = []  # type: ignore[attr-defined]  # otherwise it would store them all
                    if not info.isdir():
                        yield ArchiveMember(info.name, _tarred(archive, info, budget))
            if not plain.has_end:
                raise Refusal("damaged_archive", detail="the tar has no end: it was cut off")
            if plain.read(MAX_PADDING).strip(b"\0"):
                raise Refusal("damaged_archive", detail="something comes after the end of the tar; are several joined?")
        except _DAMAGE as error:
            raise _damaged(error) from error


def _tarred(archive: tarfile.TarFile, info: tarfile.TarInfo, budget: _Budget) -> bytes | Refusal:
    if refusal := budget.check(info.name, info.size):
        return refusal
    if not info.isreg() or info.issparse():
        return Refusal("not_a_regular_file", detail="a link, a device or a sparse file in a tar")
    opened = archive.extractfile(info)
    assert opened is not None
    data = opened.read()
    if len(data) != info.size:
        raise Refusal("damaged_archive", detail=f"cut off in {info.name}", value=len(data), limit=info.size)
    budget.spend(len(data))
    return data


def _unpacked(file: IO[bytes]) -> IO[bytes]:
    is_gzip = file.read(2) == b"\x1f\x8b"
    file.seek(0)
    return cast("IO[bytes]", gzip.GzipFile(fileobj=file, mode="rb")) if is_gzip else file


class _Bounded:
    """A file for `tarfile` that limits the bytes of one read and the position that is reached."""

    def __init__(self, file: IO[bytes], max_read: int, max_total: int) -> None:
        self._file = file
        self._max_read = max_read
        self._max_total = max_total
        self.has_end = False

    def read(self, size: int = -1) -> bytes:
        if size < 0 or size > self._max_read:
            raise Refusal("damaged_archive", detail="a header of the tar is longer than any file may be", value=size)
        data = self._file.read(size)
        self.has_end = data == bytes(tarfile.BLOCKSIZE)
        return data

    def seek(self, position: int, origin: int = 0) -> int:
        if position > self._max_total:
            raise Refusal("archive_too_large", value=position, limit=self._max_total)
        return self._file.seek(position, origin)

    def tell(self) -> int:
        return self._file.tell()


def _damaged(error: Exception) -> Refusal:
    return Refusal("damaged_archive", detail=f"{type(error).__name__}: {error}")
