"""What a source is: addresses to ask for, and how to read the pages that come back. No network, no Scrapy."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar
from urllib.parse import urljoin


class PageError(ValueError):
    """A page is not what its address promises; the message says what is missing."""


@dataclass(frozen=True)
class Page:
    """A page as it was downloaded: its final address and its text (HTML, JSON or plain)."""

    url: str
    text: str

    @cached_property
    def selector(self) -> Any:
        """A `parsel.Selector` over the page, with `.css(...)` and `.xpath(...)`."""
        from parsel import Selector

        return Selector(text=self.text, type="html")

    def link(self, href: str) -> str:
        """`href` as an absolute address; as it stands where it cannot be one, and is then refused by itself."""
        try:
            return urljoin(self.url, href.strip())
        except ValueError:
            return href.strip()


@dataclass(frozen=True)
class FoundSticker:
    """A picture a page leads to, with what the page states of it; empty texts where it states nothing."""

    url: str
    page_url: str
    title: str = ""
    tags: tuple[str, ...] = ()
    licence: str = ""
    author: str = ""


@dataclass(frozen=True)
class SearchResults:
    """One page of results, in the site's order: addresses of sticker pages, or stickers where all is said already."""

    stickers: Sequence[str | FoundSticker]
    has_next: bool


class Source(ABC):
    """A kind of sticker site. `site` is the address of one, without a final slash.

    A subclass is one file: it says which address answers a search and reads two kinds of pages. Methods that read
    a page raise `PageError` where it is not what they expect.
    """

    media_hosts: ClassVar[tuple[str, ...]] = ()
    """Further hosts (and their subdomains) that this kind of site keeps its pictures on."""

    def __init__(self, site: str) -> None:
        self.site = site.rstrip("/")

    @abstractmethod
    def search_request(self, word: str, page: int) -> str:
        """The address of results page `page` (from 1) for `word`."""

    @abstractmethod
    def parse_search(self, page: Page) -> SearchResults:
        """What a results page leads to."""

    @abstractmethod
    def parse_sticker(self, page: Page) -> FoundSticker:
        """The picture on a sticker page."""

    def words_request(self) -> str | None:
        """The address that lists the site's words; None where there is no such page."""
        return None

    def parse_words(self, page: Page) -> Sequence[str]:
        """The words on that page."""
        raise PageError(f"{page.url} lists no words")
