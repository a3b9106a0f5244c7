"""A zip of pictures, such as a downloaded pack."""

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import ClassVar

from vsd2m.core.finds.statements import Statement
from vsd2m.ingest.archives import zip_members
from vsd2m.ingest.readers.base import InputFile, Member, Reader


class ZipReader(Reader):
    """Every file in the zip; the name of its folder in the zip is its word."""

    suffixes: ClassVar[tuple[str, ...]] = (".zip",)

    def read(self, file: InputFile) -> Iterator[Member]:
        for member in zip_members(file, self.limits):
            folder = PurePosixPath(member.name).parent.name
            yield Member(member.name, member.content, Statement(words=(folder,) if folder else ()))
