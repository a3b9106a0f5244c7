"""TDM Reservation Protocol (W3C community group): `/.well-known/tdmrep.json`, header, meta element, in that order."""

import json
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from vsd2m.crawl.rights.patterns import path_matches, without_origin
from vsd2m.crawl.rights.signal import META, NUM_KNOWN_FILES, Headers, Signal, Statement, Target

FILE = "/.well-known/tdmrep.json"
_NAME = "tdm-reservation"
_RESERVING_TEXT = re.compile(r"tdm[-_]reservation[\"']?\s*[:=]\s*[\"']?(1\d*|true|yes)\b", re.IGNORECASE)


class TdmReservation(Signal):
    """`1` reserves. A later place overrides an earlier one only if it has a statement."""

    site_files = (FILE,)
    headers = (_NAME,)

    def in_site_file(self, path: str, text: str, target: Target) -> Iterable[Statement]:
        """The entry with the longest matching location; what is no entry reserves if a part of it does."""
        entries = _parsed(text)
        yield from self._in_entries(path, [entry for entry in entries if isinstance(entry, dict)], target)
        for part in entries:
            if isinstance(part, str) and _RESERVING_TEXT.search(part):
                yield self.says(path, part, reserves=True)

    def _in_entries(self, path: str, entries: list[dict[str, Any]], target: Target) -> Iterable[Statement]:
        matching = [(location, entry) for entry in entries if (location := _location(entry, target)) is not None]
        longest = max((len(location) for location, _ in matching), default=0)
        for location, entry in matching:
            if len(location) == longest:
                yield self.says(path, json.dumps(entry, ensure_ascii=False), reserves=_is_one(entry[_NAME]))

    def in_headers(self, headers: Headers, target: Target) -> Iterable[Statement]:
        return self._override("header", headers.get(_NAME, ()))

    def in_page(self, page: Any, target: Target) -> Iterable[Statement]:
        return self._override("page", page.xpath(META, name=_NAME).getall())

    def _override(self, place: str, values: Iterable[str]) -> Iterable[Statement]:
        for value in values:
            if value.strip():
                yield self.says(place, f"{_NAME}: {value.strip()}", reserves=_is_one(value), is_override=True)


@lru_cache(NUM_KNOWN_FILES)
def _parsed(text: str) -> list[dict[str, Any] | str]:
    """The entries of a file, and as text what is none, such as a damaged file; nothing where it is a page."""
    text = text.lstrip("\ufeff \t\r\n")
    if text.startswith("<"):
        return []
    try:
        value = json.loads(text)
        entries = value if isinstance(value, list) else [value]
        return [entry if _is_entry(entry) else json.dumps(entry, ensure_ascii=False) for entry in entries]
    except (ValueError, RecursionError):
        return [text]


def _is_entry(entry: Any) -> bool:
    return isinstance(entry, dict) and _NAME in entry


def _location(entry: dict[str, Any], target: Target) -> str | None:
    """The location of an entry that holds for `target`; one without a location holds for all."""
    location = entry.get("location", "/")
    if not isinstance(location, str):
        return ""
    pattern = without_origin(location)
    return pattern if path_matches(pattern if pattern.startswith(("/", "*")) else f"/{pattern}", target.path) else None


def _is_one(value: Any) -> bool:
    """Everything but a clear 0 is a reservation."""
    text = str(value).strip().strip("\"'").casefold()
    return not re.fullmatch(r"(0+(\.0+)?|false|none|)(;.*)?", text)
