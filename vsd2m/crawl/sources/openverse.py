"""Openverse: pictures with open licences from many sites (docs.openverse.org). A small source: 20 pages a search."""

import re
from typing import Any, ClassVar
from urllib.parse import urlencode

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
from vsd2m.crawl.sources.fields import as_list, field, needed_text, objects, stickers_of, text, whole_number

PAGE_SIZE = 20
MAX_PAGES = 20
MAX_QUERY_LENGTH = 200
_LONG_PAUSE_S = 3600.0


class OpenverseConfig(SourceConfig):
    """Which pictures are searched for, and the token of a registered application, if any."""

    source: str = "openverse"
    site: str = Field("https://api.openverse.org", description="address of the API")
    extension: str = Field("gif", pattern=r"^[a-z0-9]+$", description="kind of file")
    licences: tuple[str, ...] = Field(
        ("cc0", "pdm", "by", "by-sa"), min_length=1, description="licences that are accepted, as Openverse names them"
    )
    token: SecretStr | None = neutral(None, description="access token of an application; without it, fewer requests")


class OpenverseSource(Source[OpenverseConfig]):
    """Its answers state author, licence and a ready attribution. Pictures lie on the hosts of their providers."""

    Config: ClassVar[type[SourceConfig]] = OpenverseConfig
    media_hosts: ClassVar[tuple[str, ...]] = ("upload.wikimedia.org", "live.staticflickr.com")
    min_delay_s: ClassVar[float] = 1.0
    max_connections: ClassVar[int | None] = 1
    max_workers: ClassVar[int | None] = 1
    api_policy: ClassVar[ApiPolicy | None] = ApiPolicy(
        url="https://docs.openverse.org/terms_of_service.html", paths=("/v1/images/",), read_on="2026-11-28"
    )
    terms: ClassVar[Terms | None] = Terms(
        url="https://docs.openverse.org/terms_of_service.html",
        allows_storing=True,
        allows_training=True,
        attribution="",
        read_on="2026-11-28",
    )

    def first_request(self, word: str) -> Ask:
        arguments = {
            "q": word[:MAX_QUERY_LENGTH],
            "extension": self.config.extension,
            "license": ",".join(self.config.licences),
            "page": "1",
            "page_size": str(PAGE_SIZE),
        }
        return Ask(f"{self.site}/v1/images/?{urlencode(arguments)}")

    def parse_search(self, page: Page) -> SearchResults:
        answer = objects(page.json())
        if "results" not in answer:
            raise PageError(f"no results in the answer: {text(answer, 'detail') or 'and no reason'}")
        entries = as_list(answer["results"], "results")
        return SearchResults(stickers_of(page, entries, _sticker), _next_ask(page, answer))

    def authorise(self, ask: Ask) -> Ask:
        token = self.config.token
        return ask if token is None else ask.with_headers(Authorization=f"Bearer {token.get_secret_value()}")

    def busy_for_s(self, page: Page) -> float | None:
        """A 429 without `Retry-After` says the seconds in its sentence."""
        if page.status != 429:
            return None
        seconds = re.search(r"available in (\d+) second", text(page.json(), "detail"))
        return float(seconds[1]) if seconds else _LONG_PAUSE_S


def _next_ask(page: Page, answer: Any) -> Ask | None:
    number = whole_number(field(answer, "page"), "page")
    num_pages = min(whole_number(field(answer, "page_count"), "page_count"), MAX_PAGES)
    return Ask(page.url).with_query(page=str(number + 1)) if number < num_pages else None


def _sticker(entry: Any) -> FoundSticker:
    licence = " ".join(part for part in (text(entry, "license"), text(entry, "license_version")) if part)
    url = needed_text(entry, "url")
    return FoundSticker(
        url=url,
        page_url=text(entry, "foreign_landing_url") or text(entry, "detail_url") or url,
        title=text(entry, "title"),
        tags=tuple(name for tag in as_list(field(entry, "tags"), "tags") if (name := text(tag, "name"))),
        licence=licence,
        author=text(entry, "creator"),
        licence_url=text(entry, "license_url"),
        attribution=text(entry, "attribution"),
        source_id=text(entry, "id"),
    )
