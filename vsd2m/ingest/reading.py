"""From entries of the list to finds: opens files, splits them with readers, and checks every member."""

from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any

from vsd2m.core.errors import Vsd2mError
from vsd2m.core.finds.media_tar import MediaTar
from vsd2m.core.finds.partition_plan import Entry
from vsd2m.core.finds.statements import Statement
from vsd2m.core.finds.valid_text import valid_text
from vsd2m.core.keys import sticker_key
from vsd2m.ingest.entries import statement_from
from vsd2m.ingest.listing import Place
from vsd2m.ingest.readers.base import InputFile, Limits, Member, Reader, Refusal
from vsd2m.media.media_types import foreign_format, sniff

OTHER_ARCHIVES = {
    b"BZh": "bzip2",
    b"\xfd7zXZ\0": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"7z\xbc\xaf\x27\x1c": "7z",
    b"Rar!\x1a\x07": "rar",
}
"""First bytes -> archives and compressed files that no reader takes apart."""

UNREADABLE = "unreadable"
READER_ERROR = "reader_error"
_DETAILS = {
    "symbolic_link": "not followed; see follow_symlinks",
    "symbolic_link_loop": "the link leads to a folder that it lies in",
    "symbolic_link_repeated": "the folder that the link leads to is read under another name",
    "missing_file": "there is no such file",
    "no_file_named": "the row of the metadata names no file",
    "not_a_regular_file": "a pipe, a socket or a device",
}


class Finds:
    """The rows and rejects of a partition; identical bytes are stored once."""

    def __init__(self, tar: MediaTar, media_tar: str) -> None:
        self._tar = tar
        self._media_tar = media_tar
        self._offsets: dict[str, int] = {}
        self.rows: list[dict[str, Any]] = []
        self.rejects: list[dict[str, Any]] = []

    def add(self, member: Member, url: str, source: str, statements: Sequence[Statement]) -> None:
        """A row for each statement of a picture, or one reject."""
        if isinstance(member.content, Refusal):
            self.refuse(member.content, url)
            return
        key, media_format = sticker_key(member.content), sniff(member.content)
        if media_format is None:
            self.refuse(_not_an_image(member.content), url, key)
            return
        if key not in self._offsets:
            self._offsets[key] = self._tar.add(f"{key}.{media_format}", member.content)
        place = {
            "url": valid_text(url),
            "source": source,
            "trigger_word": None,
            "robots": None,
            "media_tar": self._media_tar,
            "media_offset": self._offsets[key],
            "num_bytes": len(member.content),
        }
        self.rows.extend({"key": key, **place, **_columns(statement)} for statement in statements)

    def refuse(self, refusal: Refusal, url: str | None, key: str | None = None) -> None:
        """One reject."""
        self.rejects.append(
            {
                "key": key,
                "outcome": "failed" if refusal.reason in (UNREADABLE, READER_ERROR) else "dropped",
                "reason": refusal.reason,
                "value": refusal.value,
                "limit": refusal.limit,
                "detail": refusal.detail if refusal.detail is None else valid_text(refusal.detail),
                "url": url if url is None else valid_text(url),
            }
        )


class FileReader:
    """Reads the entries of one place."""

    def __init__(
        self,
        place: Place,
        readers: Mapping[str, type[Reader]],
        limits: Limits,
        columns: Mapping[str, str],
        *,
        words_from_folders: bool,
    ) -> None:
        self._place = place
        self._readers = {name: reader(limits, columns) for name, reader in readers.items()}
        self._words_from_folders = words_from_folders

    def read(self, entry: Entry, finds: Finds) -> None:
        """Adds the rows and rejects of an entry."""
        name = str(entry["name"])
        statements = [statement_from(values) for values in entry.get("statements", [])] or [Statement()]
        if "problem" in entry:
            problem = str(entry["problem"])
            for _ in statements:
                finds.refuse(Refusal(problem, _DETAILS.get(problem)), self._place.url(name) if name else None)
            return
        by_folder = Statement(words=self._folder_words(name))
        file = PlacedFile(self._place, name, int(entry["num_bytes"]))
        for source, member in self._members(file):
            url = "/".join(part for part in (self._place.url(name), member.name) if part)
            finds.add(
                member, url, source, [statement.over(member.statement).over(by_folder) for statement in statements]
            )

    def _folder_words(self, name: str) -> tuple[str, ...]:
        folder = valid_text(name.rpartition("/")[0].rpartition("/")[2])
        return (folder,) if folder and self._words_from_folders else ()

    def _members(self, file: InputFile) -> Iterator[tuple[str, Member]]:
        """(reader, member). An error that ends the reading is the last member."""
        try:
            source, reader = self._reader_of(file)
            for member in reader.read(file):
                yield source, member
        except GeneratorExit:
            raise
        except Refusal as refusal:
            yield "", Member("", refusal)
        except FileNotFoundError:
            yield "", Member("", Refusal("missing_file", _DETAILS["missing_file"]))
        except OSError as error:
            yield "", Member("", Refusal(UNREADABLE, f"{type(error).__name__}: {error.strerror or error}"))
        except Vsd2mError:
            raise  # a package that is not installed, an option that does not fit
        except Exception as error:  # one file of a million must not end the run
            yield "", Member("", Refusal(READER_ERROR, f"{type(error).__name__}: {error}"))

    def _reader_of(self, file: InputFile) -> tuple[str, Reader]:
        for name, reader in self._readers.items():
            if reader.has_name_for(file.name) and reader.matches(file):
                return name, reader
        raise Refusal("no_reader", detail=f"none of {', '.join(self._readers)} reads files of this name")


class PlacedFile(InputFile):
    """A file of a place."""

    def __init__(self, place: Place, name: str, num_bytes: int) -> None:
        self._place = place
        self.name = name
        self.num_bytes = num_bytes

    def open(self) -> IO[bytes]:
        return self._place.open(self.name)

    def beside(self, name: str) -> "InputFile | None":
        folder, slash, _ = self.name.rpartition("/")
        path = f"{folder}{slash}{name}"
        try:
            return PlacedFile(self._place, path, self._place.size(path))
        except (FileNotFoundError, NotADirectoryError):
            return None


def _columns(statement: Statement) -> dict[str, Any]:
    return {
        "given_words": list(statement.words),
        "given_caption": statement.caption,
        "tags": list(statement.tags),
        **{name: getattr(statement, name) for name in _SAME_NAME},
    }


_SAME_NAME = ("title", "licence", "licence_url", "author", "attribution", "page_url", "source_id")


def _not_an_image(data: bytes) -> Refusal:
    if not data:
        return Refusal("empty_file")
    if archive := next((name for signature, name in OTHER_ARCHIVES.items() if data.startswith(signature)), None):
        return Refusal(
            "unsupported_archive", detail=f"{archive} is not read; unpack it, or pack it as zip, tar or tar.gz"
        )
    foreign_name = foreign_format(data)
    return Refusal("not_an_image", f"looks like {foreign_name}" if foreign_name else "no picture format that is known")
