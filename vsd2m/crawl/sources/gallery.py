"""The sample gallery that `vsd2m gallery` serves, and any site with its markup."""

from urllib.parse import urlencode

from vsd2m.crawl.sources.base import FoundSticker, Page, PageError, SearchResults, Source


class GallerySource(Source):
    """Reads `/search`, `/sticker/...` and `/words.txt`."""

    def search_request(self, word: str, page: int) -> str:
        arguments = {"q": word} if page == 1 else {"q": word, "page": str(page)}
        return f"{self.site}/search?{urlencode(arguments)}"

    def parse_search(self, page: Page) -> SearchResults:
        if not page.selector.css("ul.stickers"):
            raise PageError("no list of stickers on the page")
        links = page.selector.css("a.sticker-link::attr(href)").getall()
        return SearchResults([page.link(href) for href in links], has_next=bool(page.selector.css("a[rel=next]")))

    def parse_sticker(self, page: Page) -> FoundSticker:
        image = page.selector.css("img#sticker::attr(src)").get()
        if image is None:
            raise PageError("no sticker on the page")
        return FoundSticker(
            url=page.link(image),
            page_url=page.url,
            title=page.selector.css("h1::text").get("").strip(),
            tags=tuple(page.selector.css("a.tag::text").getall()),
            licence=page.selector.css("a[rel=license]::text").get("").strip(),
            author=page.selector.css(".author::text").get("").strip(),
        )

    def words_request(self) -> str:
        return f"{self.site}/words.txt"

    def parse_words(self, page: Page) -> list[str]:
        return [word for line in page.text.splitlines() if (word := line.strip())]
