"""What a gallery shows: the pictures of a folder, with the words, titles and licences that are known of them."""

import csv
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from vsd2m.core.errors import StorageError
from vsd2m.media.media_types import BROWSER_PICTURES, suffixes_of

SUFFIXES = suffixes_of(*BROWSER_PICTURES)
TRUTH_FILE = "truth.jsonl"
INDEX_FILE = "index.csv"
TRAP_WORD = "traps"
TRAPS = ("noai", "robots_disallowed", "dead_link", "slow", "redirect", "offsite_redirect", "html")


@dataclass(frozen=True)
class Picture:
    """One sticker of the site. `file` is relative to the folder; `planted` says how the site misbehaves for it."""

    name: str
    file: str
    title: str
    trigger_words: tuple[str, ...]
    tags: tuple[str, ...] = ()
    licence: str = ""
    author: str = ""
    planted: str | None = None


class Library:
    """The pictures of `folder`, described by its `truth.jsonl`, else its `index.csv`, else its file names.

    `StorageError` if there are none. No file outside the folder is ever named, whatever the description says.
    """

    def __init__(self, folder: Path | str, *, traps: bool = False) -> None:
        self.folder = Path(folder).resolve()
        if not self.folder.is_dir():
            problem = "is not a folder" if self.folder.exists() else "does not exist"
            raise StorageError(f"{folder} {problem}; give a folder of stickers, or draw one: vsd2m samples {folder}")
        pictures = [picture for picture in _described(self.folder) if self._inside(picture.file)]
        if not pictures:
            raise StorageError(f"{folder} holds no pictures ({', '.join(sorted(SUFFIXES))}); give a folder of stickers")
        self.pictures = (*pictures, *_traps(pictures)) if traps else tuple(pictures)

    @cached_property
    def by_name(self) -> Mapping[str, Picture]:
        return {picture.name: picture for picture in self.pictures}

    @cached_property
    def words(self) -> tuple[tuple[str, int], ...]:
        """(word, number of stickers), the most used first."""
        counts = Counter(word for picture in self.pictures for word in picture.trigger_words)
        return tuple(sorted(counts.items(), key=lambda entry: (-entry[1], entry[0])))

    def search(self, query: str) -> list[Picture]:
        """The stickers whose trigger word is `query`; where there are none, those that have all of its parts."""
        wanted = query.strip().casefold()
        exact = [picture for picture in self.pictures if wanted in map(str.casefold, picture.trigger_words)]
        parts = _parts(wanted)
        if exact or not parts:
            return exact
        return [picture for picture in self.pictures if parts <= self._vocabulary[picture.name]]

    def read(self, picture: Picture) -> bytes | None:
        """The file's bytes, or None where there is no such file."""
        try:
            return (self.folder / picture.file).read_bytes()
        except OSError:
            return None

    @cached_property
    def _vocabulary(self) -> Mapping[str, frozenset[str]]:
        return {
            picture.name: _parts(" ".join((picture.title, *picture.trigger_words, *picture.tags)).casefold())
            for picture in self.pictures
        }

    def _inside(self, file: str) -> bool:
        return (self.folder / file).resolve().is_relative_to(self.folder)


def _parts(text: str) -> frozenset[str]:
    return frozenset(part for part in re.split(r"[\W_]+", text) if part)


def _described(folder: Path) -> Iterator[Picture]:
    try:
        if (folder / TRUTH_FILE).is_file():
            yield from _from_truth((folder / TRUTH_FILE).read_text(encoding="utf-8").splitlines())
        elif (folder / INDEX_FILE).is_file():
            with open(folder / INDEX_FILE, encoding="utf-8-sig", newline="") as file:
                yield from _from_index(csv.DictReader(file))
        else:
            yield from _from_names(folder)
    except OSError as error:
        raise StorageError(f"cannot read the gallery folder {folder}: {error.strerror or error}") from error
    except (ValueError, csv.Error) as error:
        name = TRUTH_FILE if (folder / TRUTH_FILE).is_file() else INDEX_FILE
        raise StorageError(
            f"{folder / name} does not describe stickers: {error}; correct it, or give it another name, and the "
            "stickers are described by their file names"
        ) from error


def _from_truth(lines: Iterable[str]) -> Iterator[Picture]:
    for number, line in enumerate(lines, 1):
        entry: Any = json.loads(line)
        if not (
            isinstance(entry, dict)
            and isinstance(entry.get("file"), str)
            and isinstance(entry.get("trigger_words"), list)
        ):
            raise ValueError(f"line {number}: expected an object with `file` (a text) and `trigger_words` (a list)")
        yield Picture(
            name=entry["file"],
            file=entry["file"],
            title=entry.get("title") or _title(entry["file"]),
            trigger_words=tuple(entry["trigger_words"]),
            tags=tuple(entry.get("tags") or ()),
            licence=entry.get("licence") or "",
            author=entry.get("author") or "",
            planted=entry.get("planted"),
        )


def _from_index(rows: "csv.DictReader[str]") -> Iterator[Picture]:
    columns = rows.fieldnames or []
    if "file" not in columns:
        raise ValueError(f"expected a column `file`, found {', '.join(columns) or 'none'}")
    for row in rows:
        if not row["file"]:
            raise ValueError(f"line {rows.line_num}: `file` is empty")
        words = _listed(row.get("trigger_words")) or _words(row["file"])
        collection = [row.get(name) or "" for name in ("source", "domain")]
        yield Picture(
            name=row["file"],
            file=row["file"],
            title=row.get("title") or _title(row["file"]),
            trigger_words=words,
            tags=_listed(row.get("tags")) or tuple(tag for tag in collection if tag),
            licence=row.get("licence") or "",
            author=row.get("author") or "",
        )


def _from_names(folder: Path) -> Iterator[Picture]:
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in SUFFIXES and path.is_file():
            file = path.relative_to(folder).as_posix()
            yield Picture(
                name=file,
                file=file,
                title=_title(file),
                trigger_words=_words(file),
                tags=tuple(path.relative_to(folder).parts[:-1]),
            )


def _listed(text: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in (text or "").split(";") if part.strip())


def _title(file: str) -> str:
    stem = Path(file).stem
    return " ".join(part for part in re.split(r"[\W_]+", stem) if part) or stem


def _words(file: str) -> tuple[str, ...]:
    words = dict.fromkeys(part for part in re.split(r"[\W\d_]+", Path(file).stem.casefold()) if len(part) > 1)
    return tuple(words) or (Path(file).stem,)


def _traps(pictures: Sequence[Picture]) -> Iterator[Picture]:
    """Further entries, under a word of their own, that show every planted behaviour on copies of real pictures."""
    for number, planted in enumerate(TRAPS):
        picture = pictures[number % len(pictures)]
        yield replace(
            picture,
            name=f"{TRAP_WORD}/{planted}{Path(picture.file).suffix}",
            title=planted.replace("_", " "),
            trigger_words=(TRAP_WORD,),
            planted=planted,
        )
