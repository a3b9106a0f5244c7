"""Custom emoji of a Mastodon server (docs.joinmastodon.org/methods/custom_emojis): one list, no key."""

from typing import Any, ClassVar
from urllib.parse import parse_qs, quote, urlsplit

from pydantic import Field

from vsd2m.crawl.sources.base import ApiPolicy, Ask, FoundSticker, Page, SearchResults, Source, SourceConfig
from vsd2m.crawl.sources.emoji import ALL, is_wanted, words_of
from vsd2m.crawl.sources.fields import as_list, needed_text, stickers_of, text

PATH = "/api/v1/custom_emojis"


class MastodonConfig(SourceConfig):
    """Which server."""

    source: str = "mastodon"
    site: str = Field(description="address of the server, such as https://mastodon.example")


class MastodonSource(Source[MastodonConfig]):
    """There is no search: the word `*` stands for all emoji, any other for a category, and each emoji names its own."""

    Config: ClassVar[type[SourceConfig]] = MastodonConfig
    min_delay_s: ClassVar[float] = 1.0
    max_connections: ClassVar[int | None] = 1
    api_policy: ClassVar[ApiPolicy | None] = ApiPolicy(
        url="https://docs.joinmastodon.org/methods/custom_emojis/", paths=(PATH,), read_on="2026-11-28"
    )

    def first_request(self, word: str) -> Ask:
        return Ask(f"{self.site}{PATH}#category={quote(word, safe='')}")  # a fragment is not sent

    def parse_search(self, page: Page) -> SearchResults:
        word = parse_qs(urlsplit(page.url).fragment).get("category", [ALL])[0]
        entries = [entry for entry in as_list(page.json(), "the answer") if _is_wanted(entry, word)]
        return SearchResults(stickers_of(page, entries, self._sticker))

    def words_request(self) -> Ask:
        return Ask(self.site + PATH)

    def parse_words(self, page: Page) -> list[str]:
        return [ALL] if as_list(page.json(), "the answer") else []

    def _sticker(self, entry: Any) -> FoundSticker:
        name, category = needed_text(entry, "shortcode"), text(entry, "category")
        return FoundSticker(
            url=needed_text(entry, "url"),
            page_url=self.site,
            title=name,
            tags=(category,) if category else (),
            source_id=name,
            trigger_word=words_of(name),
        )


def _is_wanted(entry: Any, word: str) -> bool:
    return not isinstance(entry, dict) or is_wanted(word, str(entry.get("category") or ""))
