"""Custom emoji of a Misskey server (misskey-hub.net/docs/for-developers/api): one list, no key, some with a licence."""

from typing import Any, ClassVar
from urllib.parse import parse_qs, quote, urlsplit

from pydantic import Field

from vsd2m.crawl.sources.base import ApiPolicy, Ask, FoundSticker, Page, PageError, SearchResults, Source, SourceConfig
from vsd2m.crawl.sources.emoji import ALL, is_wanted, words_of
from vsd2m.crawl.sources.fields import as_list, as_texts, field, needed_text, objects, stickers_of, text

PATH = "/api/emojis"


class MisskeyConfig(SourceConfig):
    """Which server, and which emoji."""

    source: str = "misskey"
    site: str = Field(description="address of the server, such as https://misskey.example")
    sensitive: bool = Field(False, description="take emoji that the server marks as sensitive, too")


class MisskeySource(Source[MisskeyConfig]):
    """There is no search: the word `*` stands for all emoji, any other for a category, and each emoji names its own."""

    Config: ClassVar[type[SourceConfig]] = MisskeyConfig
    min_delay_s: ClassVar[float] = 1.0
    max_connections: ClassVar[int | None] = 1
    api_policy: ClassVar[ApiPolicy | None] = ApiPolicy(
        url="https://misskey-hub.net/en/docs/for-developers/api/", paths=(PATH,), read_on="2026-11-28"
    )

    def first_request(self, word: str) -> Ask:
        return Ask(f"{self.site}{PATH}#category={quote(word, safe='')}")  # a fragment is not sent

    def parse_search(self, page: Page) -> SearchResults:
        word = parse_qs(urlsplit(page.url).fragment).get("category", [ALL])[0]
        entries = [entry for entry in _entries(page) if self._is_wanted(entry, word)]
        return SearchResults(stickers_of(page, entries, self._sticker))

    def words_request(self) -> Ask:
        return Ask(self.site + PATH)

    def parse_words(self, page: Page) -> list[str]:
        return [ALL] if _entries(page) else []

    def _is_wanted(self, entry: Any, word: str) -> bool:
        if not isinstance(entry, dict):
            return True
        is_shown = self.config.sensitive or not entry.get("isSensitive")
        return is_shown and is_wanted(word, str(entry.get("category") or ""))

    def _sticker(self, entry: Any) -> FoundSticker:
        name, category = needed_text(entry, "name"), text(entry, "category")
        return FoundSticker(
            url=needed_text(entry, "url"),
            page_url=self.site,
            title=name,
            tags=(*([category] if category else []), *as_texts(field(entry, "aliases"), "aliases")),
            licence=text(entry, "license"),
            source_id=text(entry, "id") or name,
            trigger_word=words_of(name),
        )


def _entries(page: Page) -> list[Any]:
    answer = objects(page.json())
    if "emojis" not in answer:
        raise PageError(f"no emojis in the answer: {text(answer, 'error', 'message') or 'and no reason'}")
    return as_list(answer["emojis"], "emojis")
