"""What a model of an API is: answers in that API's own form, and entries that are spoiled on purpose."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from typing import Any, ClassVar

from vsd2m.gallery.library import Library, SiteSticker
from vsd2m.gallery.pages import media_link
from vsd2m.gallery.server import HttpRequest, HttpResponse

MODEL_KEY = "key-of-the-model"
HALF_A_CHARACTER = "\ud83d"
SPOILED = ("half a character in the title", "no address", "an object for the address", "a list for the title")
"""What is wrong with spoiled entries, in turn. The first is valid JSON, and the sticker is kept."""


@dataclass(frozen=True)
class ApiOptions:
    """How an API behaves.

    Every `busy_every`-th answer says that it is busy, for `retry_after_s` seconds. Every `wrong_every`-th sticker is
    spoiled. Answers hold at most `page_size` stickers. APIs that need a key accept `key`.
    """

    busy_every: int | None = None
    wrong_every: int | None = None
    retry_after_s: int = 1
    page_size: int | None = None
    key: str = MODEL_KEY


class ApiModel(ABC):
    """Answers like an API, about the stickers of `library`; `url` is the address it is served at."""

    robots_txt: ClassVar[str | None] = None
    """What its host says to crawlers; None: there is no such file."""

    address_path: ClassVar[tuple[str | int, ...]]
    """Where an entry has the picture's address, for spoiling it."""

    title_path: ClassVar[tuple[str | int, ...]]

    def __init__(self, library: Library, options: ApiOptions, url: str) -> None:
        self.library = library
        self.options = options
        self.url = url

    @abstractmethod
    def answer(self, request: HttpRequest) -> HttpResponse:
        """The API's answer."""

    @abstractmethod
    def busy(self) -> HttpResponse:
        """How the API says that it is busy."""

    @abstractmethod
    def entry(self, sticker: SiteSticker, number: int) -> dict[str, Any]:
        """What the API says of a sticker; `number` is its place in the library, from 1."""

    def entries(self, stickers: Iterable[SiteSticker]) -> list[dict[str, Any]]:
        """The entries of these stickers, some of them spoiled."""
        return [self._entry(sticker) for sticker in stickers]

    def media_path(self, request: HttpRequest) -> str | None:
        """The name of the sticker whose file is asked for, or None."""
        folder, _, name = request.path.lstrip("/").partition("/")
        return name if folder == "media" else None

    def media_url(self, sticker: SiteSticker) -> str:
        """The address of a sticker's file."""
        return self.url + media_link(sticker)

    def page(self, stickers: Sequence[SiteSticker], start: int, size: int) -> Sequence[SiteSticker]:
        """At most `size` stickers from `start` on, and at most as many as the options allow."""
        return stickers[start : start + self.page_size(size)]

    def page_size(self, size: int) -> int:
        return min(size, self.options.page_size or size)

    def throttled(self, body: Any, headers: Mapping[str, str] | None = None) -> HttpResponse:
        """Status 429 with a `Retry-After`."""
        wait = {"Retry-After": str(self.options.retry_after_s)}
        return HttpResponse.json(body, HTTPStatus.TOO_MANY_REQUESTS, {**wait, **(headers or {})})

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {sticker.name: number for number, sticker in enumerate(self.library.stickers, start=1)}

    def _entry(self, sticker: SiteSticker) -> dict[str, Any]:
        number, every = self._numbers[sticker.name], self.options.wrong_every
        entry = self.entry(sticker, number)
        if every and number % every == 0:
            self._spoil(entry, SPOILED[(number // every - 1) % len(SPOILED)])
        return entry

    def _spoil(self, entry: Any, problem: str) -> None:
        match problem:
            case "half a character in the title":
                _set(entry, self.title_path, f"half {HALF_A_CHARACTER}")
            case "no address":
                _set(entry, self.address_path, None)
            case "an object for the address":
                _set(entry, self.address_path, {"href": "/"})
            case _:
                _set(entry, self.title_path, ["a", "list"])


def _set(entry: Any, path: tuple[str | int, ...], value: Any) -> None:
    for name in path[:-1]:
        entry = entry[name]
    entry[path[-1]] = value
