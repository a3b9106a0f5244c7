"""KLIPY (docs.klipy.com), whose key stands in the path. Its terms grant no data set, so it needs a contract."""

from collections.abc import Iterator
from typing import Any, ClassVar, Literal
from urllib.parse import quote, urlencode, urlsplit

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
from vsd2m.crawl.sources.fields import as_list, as_texts, field, objects, stickers_of, text, whole_number

PAGE_SIZE = 50
_PREFIX = "/api/v1/"
_SIZES = ("hd", "md", "sm", "xs")
_FORMATS = ("gif", "webp")


class KlipyConfig(SourceConfig):
    """The key, and what is searched."""

    source: str = "klipy"
    site: str = Field("https://api.klipy.com", description="address of the API")
    key: SecretStr = neutral(..., description="the API key, such as `${KLIPY_KEY}`")
    kind: Literal["stickers", "gifs", "memes", "ai-emojis"] = Field("stickers", description="what is searched for")
    rating: Literal["g", "pg", "pg-13", "r"] = Field("g", description="the least suitable rating that is taken")


class KlipySource(Source[KlipyConfig]):
    """Pages by number; takes the largest GIF, WebP and smaller ones where that fails, and no advertisements."""

    Config: ClassVar[type[SourceConfig]] = KlipyConfig
    media_hosts: ClassVar[tuple[str, ...]] = ("klipy.com",)
    min_delay_s: ClassVar[float] = 0.6
    max_connections: ClassVar[int | None] = 1
    max_workers: ClassVar[int | None] = 1
    api_policy: ClassVar[ApiPolicy | None] = ApiPolicy(
        url="https://docs.klipy.com/", paths=(_PREFIX,), read_on="2026-11-28"
    )
    terms: ClassVar[Terms | None] = Terms(
        url="https://klipy.com/support/api-terms",
        allows_storing=False,
        allows_training=False,
        attribution="Powered by KLIPY",
        read_on="2026-11-28",
    )

    def first_request(self, word: str) -> Ask:
        arguments = {"q": word, "page": "1", "per_page": str(PAGE_SIZE), "rating": self.config.rating}
        return Ask(f"{self.site}{_PREFIX}{self.config.kind}/search?{urlencode(arguments)}")

    def parse_search(self, page: Page) -> SearchResults:
        answer = objects(page.json())
        if answer.get("result") is not True:
            raise PageError(f"the API says: {text(answer, 'message') or 'nothing'}")
        entries = [entry for entry in as_list(field(answer, "data", "data"), "data.data") if not _is_ad(entry)]
        next_ask = None
        if field(answer, "data", "has_next") is True:
            number = whole_number(field(answer, "data", "current_page"), "data.current_page")
            next_ask = Ask(page.url).with_query(page=str(number + 1))
        return SearchResults(stickers_of(page, entries, lambda entry: _sticker(page, entry)), next_ask)

    def authorise(self, ask: Ask) -> Ask:
        key = quote(self.config.key.get_secret_value(), safe="")
        return ask.with_path(f"{_PREFIX}{key}/{urlsplit(ask.url).path.removeprefix(_PREFIX)}")


def _is_ad(entry: Any) -> bool:
    return isinstance(entry, dict) and entry.get("type") == "ad"


def _sticker(page: Page, entry: Any) -> FoundSticker:
    addresses = list(_addresses(entry))
    if not addresses:
        raise PageError("files: there is no GIF and no WebP")
    return FoundSticker(
        url=addresses[0],
        page_url=page.url,
        title=text(entry, "title"),
        tags=as_texts(field(entry, "tags"), "tags"),
        fallbacks=tuple(addresses[1:]),
        source_id=text(entry, "slug"),
    )


def _addresses(entry: Any) -> Iterator[str]:
    """Addresses of the renditions, best first; the API's own clients disagree on the field's name."""
    files = field(entry, "files") if field(entry, "file") is None else field(entry, "file")
    for size in _SIZES:
        for media_format in _FORMATS:
            if address := text(files, size, media_format, "url"):
                yield address
