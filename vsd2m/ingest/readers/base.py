"""The interface of readers: a reader splits one file into pictures, each with its statement."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO, ClassVar

from vsd2m.core.finds.statements import Statement


@dataclass(frozen=True)
class Limits:
    """Limits for reading one file."""

    max_file_bytes: int = 20 << 20
    max_archive_bytes: int = 64 << 30
    max_members: int = 1_000_000


@dataclass(eq=False)  # not frozen: raising sets its traceback
class Refusal(Exception):  # noqa: N818 (a value for one member; raised if it ends the file)
    """Why a picture, or a whole file, is not read: a reject's reason, value, limit and detail."""

    reason: str
    detail: str | None = None
    value: float | None = None
    limit: float | None = None


@dataclass(frozen=True)
class Member:
    """A picture of a file, or why there is none. `name` is its path in the file, empty for the file itself."""

    name: str
    content: bytes | Refusal
    statement: Statement = field(default_factory=Statement)


class InputFile(ABC):
    """A file to read, wherever it lies."""

    name: str
    """Its path below the address that is read."""

    num_bytes: int

    @abstractmethod
    def open(self) -> IO[bytes]:
        """The file from its start, to be read from any position."""

    @abstractmethod
    def beside(self, name: str) -> "InputFile | None":
        """The file of that path in the same folder, if there is one."""

    def read(self, limit: int) -> bytes:
        """All bytes; `Refusal` if there are more than `limit`."""
        if self.num_bytes > limit:
            raise too_large(self.num_bytes, limit)
        with self.open() as file:
            data = file.read(limit + 1)
        if len(data) > limit:  # it has grown since it was listed
            raise too_large(len(data), limit)
        return data


class Reader(ABC):
    """Reads one format. An error in `read` becomes a reject of its file; pictures before it are kept.

    `columns` name the fields of tables inside, as in the stage's config.
    """

    version: ClassVar[int] = 1
    """Raised whenever the same file would give other pictures or statements."""

    suffixes: ClassVar[tuple[str, ...]] = ()
    """Ends of the names of its files, in lower case."""

    is_archive: ClassVar[bool] = True
    """Whether one file may have many pictures."""

    def __init__(self, limits: Limits, columns: Mapping[str, str]) -> None:
        self.limits = limits
        self.columns = columns

    @classmethod
    def has_name_for(cls, name: str) -> bool:
        """Whether a file could be of this format, by its name."""
        return name.lower().endswith(cls.suffixes)

    def matches(self, file: InputFile) -> bool:
        """Whether the file is of this format; called only if the name fits."""
        return True

    @abstractmethod
    def read(self, file: InputFile) -> Iterator[Member]:
        """The file's pictures, in its order."""


def too_large(num_bytes: int, limit: int) -> Refusal:
    """The refusal of a picture of more than `limit` bytes."""
    return Refusal("too_large", value=num_bytes, limit=limit)
