"""The stickers of a folder, with their trigger words, titles and licences."""

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
from vsd2m.media.media_types import STICKER_FORMATS, suffixes_of

SUFFIXES = suffixes_of(*STICKER_FORMATS)
TRUTH_FILE = "truth.jsonl"
INDEX_FILE = "index.csv"
TRAP_WORD = "traps"
TRAPS = ("noai", "robots_disallowed", "dead_link", "slow", "redirect", "offsite_redirect", "html")


@dataclass(frozen=True)
class SiteSticker:
    """One sticker of the site. `file` is relative to the folder; `planted` names the site's misbehaviour for it."""

    name: str
    file: str
    title: str
    trigger_words: tuple[str, ...]
    tags: tuple[str, ...] = ()
    licence: str = ""
    author: str = ""
    planted: str | None = None


class Library:
    """The stickers of `folder`, described by its `truth.jsonl`, else its `index.csv`, else its file names.

    `StorageError` if there are none. Files outside the folder are ignored.
    """

    def __init__(self, folder: Path | str, *, traps: bool = False) -> None:
        self.folder = Path(folder).resolve()
        if not self.folder.is_dir():
            problem = "is not a folder" if self.folder.exists() else "does not exist"
            raise StorageError(f"{folder} {problem}; give a folder of stickers, or draw one: vsd2m samples {folder}")
        stickers = [sticker for sticker in _read_descriptions(self.folder) if self._inside(sticker.file)]
        if not stickers:
            raise StorageError(f"{folder} has no stickers ({', '.join(sorted(SUFFIXES))}); give a folder of stickers")
        self.stickers = (*stickers, *_traps(stickers)) if traps else tuple(stickers)

    @cached_property
    def by_name(self) -> Mapping[str, SiteSticker]:
        return {sticker.name: sticker for sticker in self.stickers}

    @cached_property
    def words(self) -> tuple[tuple[str, int], ...]:
        """(word, number of stickers), the most used first."""
        counts = Counter(word for sticker in self.stickers for word in sticker.trigger_words)
        return tuple(sorted(counts.items(), key=lambda entry: (-entry[1], entry[0])))

    def search(self, query: str) -> list[SiteSticker]:
        """The stickers whose trigger word is `query`; if there are none, those that have all of its parts."""
        folded_query = query.strip().casefold()
        exact = [sticker for sticker in self.stickers if folded_query in map(str.casefold, sticker.trigger_words)]
        parts = _parts(folded_query)
        if exact or not parts:
            return exact
        return [sticker for sticker in self.stickers if parts <= self._vocabulary[sticker.name]]

    def read(self, sticker: SiteSticker) -> bytes | None:
        """The file's bytes, or None if there is no such file."""
        try:
            return (self.folder / sticker.file).read_bytes()
        except OSError:
            return None

    @cached_property
    def _vocabulary(self) -> Mapping[str, frozenset[str]]:
        return {
            sticker.name: _parts(" ".join((sticker.title, *sticker.trigger_words, *sticker.tags)).casefold())
            for sticker in self.stickers
        }

    def _inside(self, file: str) -> bool:
        return (self.folder / file).resolve().is_relative_to(self.folder)


def _parts(text: str) -> frozenset[str]:
    return frozenset(part for part in re.split(r"[\W_]+", text) if part)


def _read_descriptions(folder: Path) -> Iterator[SiteSticker]:
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
            f"{folder / name} does not describe stickers: {error}; correct it, or rename it to "
            "use the file names as descriptions"
        ) from error


def _from_truth(lines: Iterable[str]) -> Iterator[SiteSticker]:
    for number, line in enumerate(lines, 1):
        entry: Any = json.loads(line)
        if not (
            isinstance(entry, dict)
            and isinstance(entry.get("file"), str)
            and isinstance(entry.get("trigger_words"), list)
        ):
            raise ValueError(f"line {number}: expected an object with `file` (a text) and `trigger_words` (a list)")
        yield SiteSticker(
            name=entry["file"],
            file=entry["file"],
            title=entry.get("title") or _title(entry["file"]),
            trigger_words=tuple(entry["trigger_words"]),
            tags=tuple(entry.get("tags") or ()),
            licence=entry.get("licence") or "",
            author=entry.get("author") or "",
            planted=entry.get("planted"),
        )


def _from_index(rows: "csv.DictReader[str]") -> Iterator[SiteSticker]:
    columns = rows.fieldnames or []
    if "file" not in columns:
        raise ValueError(f"expected a column `file`, found {', '.join(columns) or 'none'}")
    for row in rows:
        if not row["file"]:
            raise ValueError(f"line {rows.line_num}: `file` is empty")
        words_of_row = _split_list(row.get("trigger_words")) or _words(row["file"])
        collection = [row.get(name) or "" for name in ("source", "domain")]
        yield SiteSticker(
            name=row["file"],
            file=row["file"],
            title=row.get("title") or _title(row["file"]),
            trigger_words=words_of_row,
            tags=_split_list(row.get("tags")) or tuple(tag for tag in collection if tag),
            licence=row.get("licence") or "",
            author=row.get("author") or "",
        )


def _from_names(folder: Path) -> Iterator[SiteSticker]:
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in SUFFIXES and path.is_file():
            file = path.relative_to(folder).as_posix()
            yield SiteSticker(
                name=file,
                file=file,
                title=_title(file),
                trigger_words=_words(file),
                tags=tuple(path.relative_to(folder).parts[:-1]),
            )


def _split_list(text: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in (text or "").split(";") if part.strip())


def _title(file: str) -> str:
    stem = Path(file).stem
    return " ".join(part for part in re.split(r"[\W_]+", stem) if part) or stem


def _words(file: str) -> tuple[str, ...]:
    words = dict.fromkeys(part for part in re.split(r"[\W\d_]+", Path(file).stem.casefold()) if len(part) > 1)
    return tuple(words) or (Path(file).stem,)


def _traps(stickers: Sequence[SiteSticker]) -> Iterator[SiteSticker]:
    """Further entries, under a word of their own, that show every planted behaviour on copies of real stickers."""
    for number, planted in enumerate(TRAPS):
        sticker = stickers[number % len(stickers)]
        yield replace(
            sticker,
            name=f"{TRAP_WORD}/{planted}{Path(sticker.file).suffix}",
            title=planted.replace("_", " "),
            trigger_words=(TRAP_WORD,),
            planted=planted,
        )
