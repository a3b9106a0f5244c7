"""A file that is a picture, or claims nothing at all: `.gif`, `.webp`, `.png`, `.tgs`, ...; its content decides."""

from collections.abc import Iterator
from typing import ClassVar

from vsd2m.ingest.readers.base import InputFile, Member, Reader


class PictureReader(Reader):
    """Takes every file."""

    suffixes: ClassVar[tuple[str, ...]] = ("",)
    is_archive: ClassVar[bool] = False

    def read(self, file: InputFile) -> Iterator[Member]:
        yield Member("", file.read(self.limits.max_file_bytes))
