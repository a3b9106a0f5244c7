"""Wikimedia Commons: free licences only, no key, many animated GIFs (mediawiki.org/wiki/API:Imageinfo)."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlencode, urlsplit

from pydantic import Field

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
from vsd2m.crawl.sources.fields import (
    as_list,
    as_text,
    field,
    needed_text,
    objects,
    plain_text,
    stickers_of,
    text,
    whole_number,
)

PAGE_SIZE = 50
_BUSY = frozenset({"maxlag", "ratelimited", "readonly", "internal_api_error_DBQueryTimeoutError"})
_DEFAULT_PAUSE_S = 5.0


class CommonsConfig(SourceConfig):
    """Which files are searched for."""

    source: str = "commons"
    site: str = Field("https://commons.wikimedia.org", description="address of the wiki")
    mime: str = Field("gif", pattern=r"^[a-z+.-]+$", description="kind of file: gif, webp, png, svg ...")
    max_lag_s: int = Field(5, ge=1, description="the servers refuse a search while their copies lag more than this")


class CommonsSource(Source[CommonsConfig]):
    """Searches the names and descriptions of files; a page of results states each file's author and licence."""

    Config: ClassVar[type[SourceConfig]] = CommonsConfig
    media_hosts: ClassVar[tuple[str, ...]] = ("upload.wikimedia.org",)
    min_delay_s: ClassVar[float] = 1.0
    max_connections: ClassVar[int | None] = 1
    max_workers: ClassVar[int | None] = 1
    needs_contact: ClassVar[bool] = True
    api_policy: ClassVar[ApiPolicy | None] = ApiPolicy(
        url="https://www.mediawiki.org/wiki/API:Etiquette", paths=("/w/api.php",), read_on="2026-11-28"
    )
    terms: ClassVar[Terms | None] = Terms(
        url="https://commons.wikimedia.org/wiki/Commons:Reusing_content_outside_Wikimedia",
        allows_storing=True,
        allows_training=True,
        attribution="",
        read_on="2026-11-28",
    )

    def first_request(self, word: str) -> Ask:
        arguments = {
            "action": "query",
            "format": "json",
            "formatversion": "2",
            "generator": "search",
            "gsrnamespace": "6",
            "gsrsearch": f"filemime:{self.config.mime} {word}",
            "gsrlimit": str(PAGE_SIZE),
            "prop": "imageinfo",
            "iiprop": "timestamp|user|url|size|sha1|mime|canonicaltitle|extmetadata",
            "iilimit": "1",
            "maxlag": str(self.config.max_lag_s),
        }
        return Ask(f"{self.site}/w/api.php?{urlencode(arguments)}")

    def parse_search(self, page: Page) -> SearchResults:
        answer = objects(page.json())
        if answer.get("error") is not None:
            raise PageError(f"the API says: {text(answer, 'error', 'code')}: {text(answer, 'error', 'info')}")
        further = field(answer, "continue")
        next_ask = None if further is None else Ask(page.url).with_query(**_arguments(further))
        return SearchResults(stickers_of(page, _entries(answer), _sticker), next_ask)

    def busy_for_s(self, page: Page) -> float | None:
        answer = objects(page.json())
        if text(answer, "error", "code") not in _BUSY:
            return None
        seconds = page.headers.get("retry-after", "")
        return float(seconds) if seconds.isdecimal() else _DEFAULT_PAUSE_S


def _arguments(further: Any) -> Mapping[str, str]:
    """Every member of `continue`; the next request has to repeat all of them."""
    return {name: as_text(value, f"continue.{name}") for name, value in objects(further).items()}


def _entries(answer: Mapping[str, Any]) -> Iterable[Any]:
    """The files found, in order of relevance: a list, or in the older format an object by page id."""
    pages = field(answer, "query", "pages")
    entries = list(pages.values()) if isinstance(pages, Mapping) else as_list(pages, "query.pages")
    return sorted(entries, key=_rank)


def _rank(entry: Any) -> int:
    try:
        return whole_number(field(entry, "index"), "index")
    except PageError:
        return 1 << 30


def _sticker(entry: Any) -> FoundSticker:
    versions = as_list(field(entry, "imageinfo"), "imageinfo")
    if not versions:
        raise PageError("imageinfo is missing")
    image = versions[0]
    if isinstance(image, Mapping) and "filemissing" in image:
        raise PageError("the file is missing on the site")
    stated = {name: _stated(image, name) for name in ("Artist", "LicenseShortName", "LicenseUrl", "ObjectName")}
    name = text(entry, "title").removeprefix("File:").rpartition(".")[0]
    return FoundSticker(
        url=_without_tracking(needed_text(image, "url")),
        page_url=needed_text(image, "descriptionurl"),
        title=stated["ObjectName"] or name,
        tags=tuple(tag.strip() for tag in _stated(image, "Categories").split("|") if tag.strip()),
        licence=stated["LicenseShortName"],
        author=stated["Artist"],
        licence_url=stated["LicenseUrl"],
        attribution=_attribution(image, stated),
        source_id=text(entry, "pageid"),
    )


def _stated(image: Any, name: str) -> str:
    """What the file's page states, which is HTML, as plain text."""
    return plain_text(text(image, "extmetadata", name, "value"))


def _attribution(image: Any, stated: Mapping[str, str]) -> str:
    """Author and licence, where the licence asks for them."""
    if _stated(image, "AttributionRequired").lower() == "false":
        return ""
    credit = _stated(image, "Attribution") or stated["Artist"]
    parts = (credit, stated["LicenseShortName"], "via Wikimedia Commons")
    return ", ".join(part for part in parts if part)


def _without_tracking(url: str) -> str:
    split = urlsplit(url)
    pairs = [pair for pair in parse_qsl(split.query, keep_blank_values=True) if not pair[0].startswith("utm_")]
    return split._replace(query=urlencode(pairs)).geturl()
