"""Statements about stickers in tables and files, read from columns whose names are configured or guessed."""

import ast
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from vsd2m.core.errors import ConfigError
from vsd2m.core.finds.valid_text import valid_text
from vsd2m.core.registry import did_you_mean

Row = Mapping[str, Any]
Columns = Mapping[str, str]
"""Field -> the column of a table that holds it."""

GUESSES: Mapping[str, tuple[str, ...]] = {
    "file": ("file", "file_name", "filename", "file_path", "filepath", "path", "image_path", "image"),
    "url": ("url", "image_url", "gif_url", "address", "link"),
    "picture": ("image", "picture", "sticker", "gif", "webp", "png", "apng", "tgs", "bytes", "image_bytes", "media"),
    "words": ("trigger_words", "words", "trigger_word", "word", "keywords", "keyword", "labels", "label", "emoji"),
    "title": ("title", "titles"),
    "tags": ("tags", "tag"),
    "licence": ("licence", "license", "licences"),
    "licence_url": ("licence_url", "license_url", "licence_urls"),
    "author": ("author", "authors", "artist", "creator"),
    "attribution": ("attribution", "attributions"),
    "caption": ("given_captions", "caption", "captions", "text", "sentence", "description", "txt"),
    "page_url": ("page_url", "page_urls", "page", "source_url"),
    "source_id": ("source_id", "source_ids", "id"),
}
"""Column names that are tried for each field, in lower case, the most usual first."""

_PLACES = ("file", "url", "picture")
_LISTS = ("words", "tags")
_SEPARATORS = re.compile(r"[;,|\n]")


@dataclass(frozen=True)
class Statement:
    """The texts that describe one sticker; absent ones are empty."""

    words: tuple[str, ...] = ()
    title: str = ""
    tags: tuple[str, ...] = ()
    licence: str = ""
    licence_url: str = ""
    author: str = ""
    attribution: str = ""
    caption: str = ""
    page_url: str = ""
    source_id: str = ""

    def over(self, other: "Statement") -> "Statement":
        """This statement, with empty fields taken from `other`."""
        return Statement(**{name: value or getattr(other, name) for name, value in asdict(self).items()})


def columns_of(names: Iterable[str], mapping: Mapping[str, str], *, where: str) -> dict[str, str]:
    """Field -> column, as `mapping` has it and else guessed by name; `ConfigError` for a column that is not there."""
    column_names = list(names)
    for name, column in mapping.items():
        if name not in GUESSES:
            raise ConfigError(
                f"columns: unknown field {name!r}{did_you_mean(name, GUESSES)}; known: {_listed(GUESSES)}"
            )
        if column not in column_names:
            nearest = did_you_mean(column, column_names)
            raise ConfigError(f"columns: {where} has no column {column!r}{nearest}; it has {_listed(column_names)}")
    by_lower_name = {name.strip().casefold(): name for name in reversed(column_names)}
    guesses = {
        name: next((by_lower_name[guess] for guess in candidates if guess in by_lower_name), None)
        for name, candidates in GUESSES.items()
        if name not in mapping
    }
    return {**{name: column for name, column in guesses.items() if column is not None}, **mapping}


def statement_of(row: Row, columns: Columns) -> Statement:
    """What a row says. A text in a list's column is divided: see `texts_in`."""
    values: dict[str, Any] = {}
    for field in fields(Statement):
        if field.name in columns:
            texts = texts_in(row.get(columns[field.name]), divided=field.name in _LISTS)
            values[field.name] = tuple(dict.fromkeys(texts)) if field.name in _LISTS else next(iter(texts), "")
    return Statement(**values)


def texts_in(value: Any, *, divided: bool = False) -> list[str]:
    """The texts of a cell: of a list, a number or a text; without those that are empty.

    `divided`: a text is a list, written as JSON, as Python or with separators.
    """
    if divided and isinstance(value, str):
        items = _list_in(value)
        value = _SEPARATORS.split(value) if items is None else items
    texts: list[str] = []
    parts = [value]
    while parts:
        part = parts.pop()
        if isinstance(part, list | tuple):
            parts.extend(reversed(part))
        elif part is not None and not isinstance(part, Mapping | bytes) and part == part:  # noqa: PLR0124 (not a number)
            texts.append(valid_text(str(part).strip()))
    return [text for text in texts if text]


def _list_in(text: str) -> list[Any] | None:
    """The list that a text spells out, as tables of lists saved as CSV hold them; None where it is another text."""
    text = text.strip()
    if not (text.startswith("[") and text.endswith("]")):
        return None
    for parse in (json.loads, ast.literal_eval):
        try:
            value = parse(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        if isinstance(value, list):
            return value
    return None


def file_key(name: str) -> str:
    """A file's name, normalised for comparison: `/`, and composed characters (NFC)."""
    return unicodedata.normalize("NFC", name.replace("\\", "/").removeprefix("./"))


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(str, names)) or "none"
