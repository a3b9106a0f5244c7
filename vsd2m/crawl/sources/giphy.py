"""GIPHY (developers.giphy.com). Its terms forbid a data set of its pictures, so it needs a contract that allows one."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal
from urllib.parse import urlencode, urlsplit

from pydantic import Field, SecretStr

from vsd2m.core.stage import neutral
from vsd2m.crawl.sources.base import (
    ApiPolicy,
    Ask,
    FoundSticker,
    Page,
    PageError,
    SearchResults,
    Source,
    SourceConfig,
    Terms,
)
from vsd2m.crawl.sources.fields import as_list, as_texts, field, needed_text, objects, stickers_of, text, whole_number

PAGE_SIZE = 50
MAX_OFFSET = 4999
MAX_QUERY_LENGTH = 50
_OUTAGE_PAUSE_S = 10.0


class GiphyConfig(SourceConfig):
    """The key, and what is searched."""

    source: str = "giphy"
    site: str = Field("https://api.giphy.com", description="address of the API")
    key: SecretStr = neutral(..., description="the API key, such as `${GIPHY_KEY}`")
    kind: Literal["stickers", "gifs"] = Field("stickers", description="stickers (transparent) or gifs")
    rating: Literal["g", "pg", "pg-13", "r"] = Field("g", description="the least suitable rating that is taken")


class GiphySource(Source[GiphyConfig]):
    """Pages by offset; the numbers in its answers are texts. The original GIF is taken, its WebP where that fails."""

    Config: ClassVar[type[SourceConfig]] = GiphyConfig
    media_hosts: ClassVar[tuple[str, ...]] = ("giphy.com",)
    min_delay_s: ClassVar[float] = 1.0
    max_connections: ClassVar[int | None] = 1
    max_workers: ClassVar[int | None] = 1
    api_policy: ClassVar[ApiPolicy | None] = ApiPolicy(
        url="https://developers.giphy.com/docs/api/", paths=("/v1/",), read_on="2026-11-28"
    )
    terms: ClassVar[Terms | None] = Terms(
        url="https://support.giphy.com/hc/en-us/articles/360028134111-GIPHY-API-Terms-of-Service",
        allows_storing=False,
        allows_training=False,
        attribution="Powered By GIPHY",
        read_on="2026-11-28",
    )

    def first_request(self, word: str) -> Ask:
        arguments = {
            "q": word[:MAX_QUERY_LENGTH],
            "limit": str(PAGE_SIZE),
            "offset": "0",
            "rating": self.config.rating,
        }
        return Ask(f"{self.site}/v1/{self.config.kind}/search?{urlencode(arguments)}")

    def parse_search(self, page: Page) -> SearchResults:
        answer = objects(page.json())
        if "data" not in answer:
            raise PageError(f"the API says: {text(answer, 'meta', 'msg') or text(answer, 'message') or 'nothing'}")
        entries = as_list(answer["data"], "data")
        return SearchResults(stickers_of(page, entries, _sticker), _next_ask(page, answer, len(entries)))

    def authorise(self, ask: Ask) -> Ask:
        return ask.with_query(api_key=self.config.key.get_secret_value())

    def busy_for_s(self, page: Page) -> float | None:
        """An answer without an id was made up during an outage."""
        answer = objects(page.json())
        return _OUTAGE_PAUSE_S if field(answer, "meta", "response_id") == "" else None


def _next_ask(page: Page, answer: Mapping[str, Any], num_entries: int) -> Ask | None:
    offset = whole_number(field(answer, "pagination", "offset") or 0, "pagination.offset") + num_entries
    total = field(answer, "pagination", "total_count")
    is_last = total is not None and offset >= whole_number(total, "pagination.total_count")
    return None if is_last or not num_entries or offset > MAX_OFFSET else Ask(page.url).with_query(offset=str(offset))


def _sticker(entry: Any) -> FoundSticker:
    webp = text(entry, "images", "original", "webp")
    return FoundSticker(
        url=_without_query(needed_text(entry, "images", "original", "url")),
        page_url=_without_query(needed_text(entry, "url")),
        title=text(entry, "title"),
        tags=_tags(entry),
        author=text(entry, "user", "display_name") or text(entry, "username"),
        fallbacks=(_without_query(webp),) if webp else (),
        source_id=text(entry, "id"),
    )


def _tags(entry: Any) -> tuple[str, ...]:
    """Tags are texts, or objects with one."""
    tags = as_list(field(entry, "tags"), "tags")
    return as_texts([field(tag, "text") if isinstance(tag, dict) else tag for tag in tags], "tags")


def _without_query(url: str) -> str:
    """The same file has many addresses, which differ in what they count."""
    return urlsplit(url)._replace(query="").geturl()
