"""Fields of JSON answers, checked: a field of the wrong type makes its sticker a reject, and no others."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from html.parser import HTMLParser
from typing import Any, TypeVar

from vsd2m.crawl.sources.base import FoundSticker, Page, PageError, UnreadSticker

T = TypeVar("T", str, FoundSticker)


def field(entry: Any, *path: str) -> Any:
    """The value at `path` in objects within objects; None if it or an object on the path is absent or null."""
    value = entry
    for depth, name in enumerate(path):
        if value is None:
            return None
        if not isinstance(value, Mapping):
            raise _wrong(".".join(path[:depth]) or "the sticker", "an object", value)
        value = value.get(name)
    return value


def as_text(value: Any, name: str) -> str:
    """Text as it is, a number as text, and nothing as empty."""
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise _wrong(name, "text", value)
    return str(value).strip()


def as_list(value: Any, name: str) -> list[Any]:
    """A list as it is, and nothing as an empty one."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise _wrong(name, "a list", value)
    return value


def as_texts(value: Any, name: str) -> tuple[str, ...]:
    """The texts of a list, without empty ones."""
    texts = (as_text(element, name) for element in as_list(value, name))
    return tuple(text for text in texts if text)


def text(entry: Any, *path: str) -> str:
    """The text at `path`; empty where there is none."""
    return as_text(field(entry, *path), ".".join(path))


def needed_text(entry: Any, *path: str) -> str:
    """The text at `path`, which a sticker cannot do without."""
    value = text(entry, *path)
    if not value:
        raise PageError(f"{'.'.join(path)} is missing")
    return value


def whole_number(value: Any, name: str) -> int:
    """A number that may be written as text."""
    if isinstance(value, str) and value.strip().isdecimal():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise _wrong(name, "a whole number", value)
    return value


def objects(answer: Any) -> Mapping[str, Any]:
    """The answer, which has to be an object."""
    if not isinstance(answer, Mapping):
        raise _wrong("the answer", "an object", answer)
    return answer


def plain_text(html: str) -> str:
    """What a reader sees of a piece of HTML, on one line."""
    reader = _TextReader()
    reader.feed(html)
    reader.close()
    return " ".join("".join(reader.parts).split())


class _TextReader(HTMLParser):
    """Collects the text between tags, without scripts and styles."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._hidden: str | None = None

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self._hidden = self._hidden or (tag if tag in ("script", "style") else None)
        if tag in _LINES:
            self.parts.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag == self._hidden:
            self._hidden = None

    def handle_data(self, data: str) -> None:
        if self._hidden is None:
            self.parts.append(data)


_LINES = frozenset({"br", "div", "li", "p", "td", "th", "tr"})


def stickers_of(page: Page, entries: Iterable[Any], read: Callable[[Any], T]) -> list[T | UnreadSticker]:
    """What `read` makes of each entry of a page; an `UnreadSticker` for those it raises `PageError` for."""
    return list(_stickers_of(page, entries, read))


def _stickers_of(page: Page, entries: Iterable[Any], read: Callable[[Any], T]) -> Iterator[T | UnreadSticker]:
    for number, entry in enumerate(entries, start=1):
        try:
            yield read(entry)
        except PageError as error:
            yield UnreadSticker(f"{page.url}#{number}-{_digest_of(entry)}", str(error))


def _digest_of(entry: Any) -> str:
    """Distinguishes entries of pages that have the same address and differ in the body of the request."""
    return hashlib.sha256(repr(entry).encode("utf-8", "backslashreplace")).hexdigest()[:8]


def _wrong(name: str, expected: str, value: Any) -> PageError:
    return PageError(f"{name}: expected {expected}, found {type(value).__name__} {value!r:.60}")
