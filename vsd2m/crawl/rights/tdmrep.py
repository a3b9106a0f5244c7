"""TDM Reservation Protocol (W3C community group): `/.well-known/tdmrep.json`, header, meta element, in that order."""

import json
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from vsd2m.crawl.rights.patterns import path_matches
from vsd2m.crawl.rights.signal import NUM_KNOWN_FILES, Headers, Signal, Statement, Target

FILE = "/.well-known/tdmrep.json"
_NAME = "tdm-reservation"
_RESERVING_TEXT = re.compile(r"[\"']?tdm-reservation[\"']?\s*[:=]\s*[\"']?1\b", re.IGNORECASE)
_META = "//meta[translate(@name, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz') = $name]/@content"


class TdmReservation(Signal):
    """`1` reserves. A later place overrides an earlier one; that it says nothing resets nothing."""

    site_files = (FILE,)
    headers = (_NAME,)

    def in_site_file(self, path: str, text: str, target: Target) -> Iterable[Statement]:
        """The entry with the longest matching location; a damaged file reserves if a part does."""
        entries = _parsed(text)
        if entries is None:
            if _RESERVING_TEXT.search(text):
                yield self.says(path, text, reserves=True)
            return
        yield from self._in_entries(path, entries, target)

    def _in_entries(self, path: str, entries: list[Any], target: Target) -> Iterable[Statement]:
        matching = [(location, entry) for entry in entries if (location := _location(entry, target)) is not None]
        longest = max((len(location) for location, _ in matching), default=0)
        for location, entry in matching:
            if len(location) == longest and _NAME in entry:
                yield self.says(path, json.dumps(entry, ensure_ascii=False), reserves=_is_one(entry[_NAME]))

    def in_headers(self, headers: Headers, target: Target) -> Iterable[Statement]:
        return self._override("header", headers.get(_NAME, ()))

    def in_page(self, page: Any, target: Target) -> Iterable[Statement]:
        return self._override("page", page.xpath(_META, name=_NAME).getall())

    def _override(self, place: str, values: Iterable[str]) -> Iterable[Statement]:
        for value in values:
            if value.strip():
                yield self.says(place, f"{_NAME}: {value.strip()}", reserves=_is_one(value), is_override=True)


@lru_cache(NUM_KNOWN_FILES)
def _parsed(text: str) -> list[Any] | None:
    """The entries of a file; none where it is a page, with which sites answer for what they lack; None: damaged."""
    text = text.lstrip("\ufeff \t\r\n")
    if not text.startswith(("[", "{")):
        return []
    try:
        entries = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return entries if isinstance(entries, list) else [entries]


def _location(entry: Any, target: Target) -> str | None:
    """The location of an entry that holds for `target`; one without a location holds for all."""
    if not isinstance(entry, dict):
        return None
    location = entry.get("location", "/")
    if not isinstance(location, str):
        return ""
    return (
        location if path_matches(location if location.startswith(("/", "*")) else f"/{location}", target.path) else None
    )


def _is_one(value: Any) -> bool:
    """Everything but a clear 0 is a reservation."""
    text = str(value).strip().strip("\"'").casefold()
    return not re.fullmatch(r"(0+(\.0+)?|false|none|)(;.*)?", text)
