"""A POSIX tar of original bytes; the tar depends only on its members."""

import io
import tarfile
from types import TracebackType
from typing import IO


class MediaTar:
    """Appends members to `file` (a plain ustar, epoch times, no owner) and returns the offset of their bytes.

    A context: the tar is complete once the block has ended without an error.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._tar = tarfile.open(fileobj=file, mode="w|", format=tarfile.USTAR_FORMAT)  # noqa: SIM115
        self._position = 0

    def add(self, name: str, data: bytes) -> int:
        """Appends `data` as `name` (at most 100 bytes) and returns the offset of its first byte."""
        member = tarfile.TarInfo(name)
        member.size = len(data)
        member.mode = 0o644
        self._tar.addfile(member, io.BytesIO(data))
        offset = self._position + tarfile.BLOCKSIZE
        self._position = offset + -(-len(data) // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE
        return offset

    def __enter__(self) -> "MediaTar":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None:
            self._tar.close()
