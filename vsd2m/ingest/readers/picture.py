"""A file that is a picture, or has no known suffix: `.gif`, `.webp`, `.png`, `.tgs`, ...; its content decides."""

from collections.abc import Iterator
from typing import ClassVar

from vsd2m.core.finds.tables import is_table
from vsd2m.ingest.readers.base import InputFile, Member, Reader, Refusal
from vsd2m.media.media_types import sniff

_UNUSED_TABLE = Refusal("unused_table", detail="if it describes the stickers, name it: `metadata: FILE`")


class PictureReader(Reader):
    """Takes every file."""

    suffixes: ClassVar[tuple[str, ...]] = ("",)
    is_archive: ClassVar[bool] = False

    def read(self, file: InputFile) -> Iterator[Member]:
        data = file.read(self.limits.max_file_bytes)
        is_unused_table = bool(data) and is_table(file.name) and sniff(data) is None
        yield Member("", _UNUSED_TABLE if is_unused_table else data)
