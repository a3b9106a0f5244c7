"""The spider: words -> results pages -> sticker pages -> original bytes. It only notes facts; the parent joins them."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

import scrapy
from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import CloseSpider, StopDownload
from scrapy.http import Headers, Response
from scrapy.selector import Selector
from twisted.python.failure import Failure

from vsd2m.core.keys import sticker_key
from vsd2m.crawl.job import PICTURES, FactLog, Job, Refusal
from vsd2m.crawl.middlewares import is_allowed_host
from vsd2m.crawl.refusals import NOBODY_THERE, refusal_of
from vsd2m.crawl.rights import reservation, robots_facts
from vsd2m.crawl.sources.base import FoundSticker, Page, PageError
from vsd2m.media.sniff import sniff

MAX_PAGE_BYTES = 16 << 20


class StickerSpider(scrapy.Spider):  # type: ignore[misc]
    """Visits every page and every picture once, however many words lead there."""

    name = "stickers"

    def __init__(self, job: Job, facts: FactLog) -> None:
        super().__init__()
        self.job = job
        self.facts = facts
        self.source = job.open_source()
        self.allowed_hosts = (urlsplit(job.site).hostname or "", *self.source.media_hosts, *job.media_hosts)
        self._asked: set[str] = set()
        self._found: dict[int, set[str]] = {}

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> "StickerSpider":
        spider: StickerSpider = super().from_crawler(crawler, *args, **kwargs)
        crawler.signals.connect(spider.on_headers, signal=signals.headers_received)
        return spider

    async def start(self) -> AsyncIterator[Request]:
        if self.job.words is None:
            url = self.source.words_request()
            assert url is not None
            yield self._request(url, self.on_words)
            return
        for number, word in enumerate(self.job.words):
            yield self._search(number, word, page=1)

    # -- words and results pages -----------------------------------------------------------------

    def on_words(self, response: Response) -> None:
        if response.status != 200:
            self._refuse_words(_http_error(response))
            return
        try:
            self.facts.add("words", words=list(self.source.parse_words(_page(response))))
        except PageError as error:
            self._refuse_words(Refusal("page_not_understood", detail=str(error)))

    def _refuse_words(self, refusal: Refusal) -> None:
        self.facts.add("words_refused", **refusal.to_json())

    def _search(self, number: int, word: str, *, page: int) -> Request:
        url = self.source.search_request(word, page)
        return self._request(url, self.on_search, number=number, word=word, page=page)

    def on_search(self, response: Response, number: int, word: str, page: int) -> Iterator[Request]:
        try:
            if response.status != 200:
                raise _RefusedError(_http_error(response))
            results = self.source.parse_search(_page(response))
        except (_RefusedError, PageError) as error:
            self.facts.add("search_refused", word=number, page=page, url=response.url, **_refusal(error).to_json())
            return
        is_full, num_new = False, 0
        seen = self._found.setdefault(number, set())
        for target in results.stickers:
            link = target if isinstance(target, str) else target.url
            if link in seen:
                continue
            if is_full := len(seen) >= self.job.max_stickers_per_word:
                break
            seen.add(link)
            num_new += 1
            yield from self._follow(number, len(seen) - 1, target)
        if results.has_next and num_new and not is_full and page < self.job.max_pages_per_word:
            yield self._search(number, word, page=page + 1)

    def _follow(self, number: int, rank: int, target: str | FoundSticker) -> Iterator[Request]:
        """Notes a find, and asks for what it leads to unless that was asked for before."""
        if isinstance(target, FoundSticker):
            self.facts.add("find", word=number, rank=rank, link=None, sticker=asdict(target))
            yield from self._picture(target.url)
            return
        self.facts.add("find", word=number, rank=rank, link=target, sticker=None)
        if not is_allowed_host(target, self.allowed_hosts):
            self.facts.add("page", link=target, sticker=None, refusal=_offsite_link(target).to_json())
        elif self._is_new(target):
            yield self._request(target, self.on_page, link=target)

    # -- sticker pages ---------------------------------------------------------------------------

    def on_page(self, response: Response, link: str) -> Iterator[Request]:
        sticker = None
        try:
            if response.status != 200:
                raise _RefusedError(_http_error(response))
            sticker = self.source.parse_sticker(_page(response))
            if reserved := self._reservation(response.headers, response):
                raise _RefusedError(Refusal("noai", detail=f"page says {reserved}"))
        except (_RefusedError, PageError) as error:
            told = asdict(sticker) if sticker else None
            self.facts.add("page", link=link, sticker=told, refusal=_refusal(error).to_json())
            return
        self.facts.add("page", link=link, sticker=asdict(sticker), refusal=None)
        yield from self._picture(sticker.url)

    # -- pictures --------------------------------------------------------------------------------

    def _picture(self, url: str) -> Iterator[Request]:
        if not self._is_new(url):
            return
        if is_allowed_host(url, self.allowed_hosts):
            yield self._request(url, self.on_picture, picture=url)
        else:
            self._refuse_picture(url, _offsite_link(url))

    def on_headers(self, headers: Headers, body_length: int, request: Request) -> None:
        """Ends a download before its body comes where the headers reserve it."""
        if request.cb_kwargs.get("picture") and self._reservation(headers):
            raise StopDownload
        request.meta["body_length"] = body_length

    def on_picture(self, response: Response, picture: str) -> None:
        if response.status != 200:
            self._refuse_picture(picture, _http_error(response))
            return
        key = sticker_key(response.body)
        media_format = sniff(response.body)
        if media_format is None:
            stated = response.headers.get("Content-Type", b"nothing").decode("latin-1")
            refusal = Refusal("not_an_image", detail=f"Content-Type says {stated}")
            self._refuse_picture(picture, refusal, key=key)
            return
        (self.job.spool / PICTURES / key).write_bytes(response.body)
        self.facts.add(
            "picture",
            picture=picture,
            url=response.url,
            key=key,
            media_format=media_format,
            num_bytes=len(response.body),
            robots=robots_facts(
                robots_txt=response.meta.get("robots_txt", "absent"),
                robots_tags=_texts(response.headers, "X-Robots-Tag"),
                tdm_reservation=_text(response.headers, "TDM-Reservation"),
            ),
            refusal=None,
        )

    def _refuse_picture(self, picture: str, refusal: Refusal, *, key: str | None = None) -> None:
        self.facts.add("picture", picture=picture, key=key, refusal=refusal.to_json())

    # -- what went wrong -------------------------------------------------------------------------

    def on_error(self, failure: Failure) -> None:
        request: Request = failure.request
        asked = request.cb_kwargs
        refusal = self._refusal_of(failure.value, request)
        if isinstance(failure.value, NOBODY_THERE) and is_allowed_host(request.url, self.allowed_hosts[:1]):
            self.facts.add("site_down", detail=refusal.detail)
            raise CloseSpider("site_down")
        if "picture" in asked:
            self._refuse_picture(asked["picture"], refusal)
        elif "link" in asked:
            self.facts.add("page", link=asked["link"], sticker=None, refusal=refusal.to_json())
        elif "number" in asked:
            self.facts.add(
                "search_refused", word=asked["number"], page=asked["page"], url=request.url, **refusal.to_json()
            )
        else:
            self._refuse_words(refusal)

    def _refusal_of(self, error: BaseException, request: Request) -> Refusal:
        max_bytes = request.meta["download_maxsize"]
        refusal = refusal_of(error, max_bytes=max_bytes, timeout_s=self.job.timeout_s)
        if isinstance(error, StopDownload) and error.response is not None:
            return Refusal("noai", detail=self._reservation(error.response.headers))
        size = request.meta.get("body_length")
        if refusal.reason == "too_large" and isinstance(size, int):
            return Refusal("too_large", value=size, limit=refusal.limit)
        return refusal

    def _reservation(self, headers: Headers, page: Response | None = None) -> str | None:
        """What the headers, and the meta elements of `page`, reserve."""
        tags, tdm = _texts(headers, "X-Robots-Tag"), _text(headers, "TDM-Reservation")
        if page is not None:
            metas = Selector(text=page.text)
            tags += metas.css('meta[name="robots" i]::attr(content)').getall()
            tdm = tdm or metas.css('meta[name="tdm-reservation" i]::attr(content)').get()
        return reservation(robots_tags=tags, tdm_reservation=tdm, user_agent=self.job.user_agent)

    # -- requests --------------------------------------------------------------------------------

    def _request(self, url: str, callback: Any, **asked: Any) -> Request:
        max_bytes = self.job.max_file_bytes if "picture" in asked else MAX_PAGE_BYTES
        # dont_filter: Scrapy's own filter would lose, without a word, a redirect to an address already visited
        return Request(
            url,
            callback,
            errback=self.on_error,
            cb_kwargs=asked,
            meta={"download_maxsize": max_bytes},
            dont_filter=True,
        )

    def _is_new(self, url: str) -> bool:
        is_new = url not in self._asked
        self._asked.add(url)
        return is_new


class _RefusedError(Exception):
    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.reason)
        self.refusal = refusal


def _refusal(error: _RefusedError | PageError) -> Refusal:
    return error.refusal if isinstance(error, _RefusedError) else Refusal("page_not_understood", detail=str(error))


def _http_error(response: Response) -> Refusal:
    return Refusal("http_error", value=response.status, detail=f"HTTP status {response.status}")


def _offsite_link(url: str) -> Refusal:
    return Refusal("offsite_link", detail=f"{urlsplit(url).hostname} is not a host of the site; see `media_hosts`")


def _page(response: Response) -> Page:
    if not hasattr(response, "text"):
        raise PageError("the answer is not text")
    try:
        return Page(response.url, response.text)
    except AttributeError as error:
        raise PageError("the answer is not text") from error


def _texts(headers: Headers, name: str) -> list[str]:
    return [value.decode("latin-1") for value in headers.getlist(name)]


def _text(headers: Headers, name: str) -> str | None:
    values = _texts(headers, name)
    return values[0] if values else None
