"""The sample gallery that `vsd2m gallery` serves, and any site with its markup."""

from typing import ClassVar
from urllib.parse import urlencode

from pydantic import Field

from vsd2m.crawl.sources.base import Ask, FoundSticker, Page, PageError, SearchResults, Source, SourceConfig


class GalleryConfig(SourceConfig):
    """Where the gallery is."""

    source: str = "gallery"
    site: str = Field("http://127.0.0.1:8640", description="address of the site; `vsd2m gallery` serves at the default")


class GallerySource(Source[GalleryConfig]):
    """Reads `/search`, `/sticker/...` and `/words.txt`."""

    Config: ClassVar[type[SourceConfig]] = GalleryConfig

    def first_request(self, word: str) -> Ask:
        return Ask(f"{self.site}/search?{urlencode({'q': word})}")

    def parse_search(self, page: Page) -> SearchResults:
        if not page.selector.css("ul.stickers"):
            raise PageError("no list of stickers on the page")
        links = page.selector.css("a.sticker-link::attr(href)").getall()
        further = page.selector.css("a[rel=next]::attr(href)").get()
        next_ask = None if further is None else Ask(page.link(further))
        return SearchResults([page.link(href) for href in links], next_ask)

    def parse_sticker(self, page: Page) -> FoundSticker:
        image = page.selector.css("img#sticker::attr(src)").get()
        if image is None:
            raise PageError("no sticker on the page")
        licence_link = page.selector.css("a[rel=license]::attr(href)").get()
        return FoundSticker(
            url=page.link(image),
            page_url=page.url,
            title=page.selector.css("h1::text").get("").strip(),
            tags=tuple(page.selector.css("a.tag::text").getall()),
            licence=page.selector.css("a[rel=license]::text").get("").strip(),
            author=page.selector.css(".author::text").get("").strip(),
            licence_url="" if licence_link is None else page.link(licence_link),
        )

    def words_request(self) -> Ask:
        return Ask(f"{self.site}/words.txt")

    def parse_words(self, page: Page) -> list[str]:
        return [word for line in page.text.splitlines() if (word := line.strip())]
