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
from twisted.python.failure import Failure

from vsd2m.core.keys import sticker_key
from vsd2m.crawl.job import Job, Refusal
from vsd2m.crawl.middlewares import is_allowed_host
from vsd2m.crawl.refusals import NOBODY_THERE, refusal_of
from vsd2m.crawl.responses import (
    RefusedError,
    check_status,
    content_type,
    read,
    reserved_by_headers,
    reserved_by_page,
    robots_column,
)
from vsd2m.crawl.sources.base import FoundSticker
from vsd2m.crawl.spool import Spool, SpoolError
from vsd2m.media.media_types import sniff

MAX_PAGE_BYTES = 16 << 20


class StickerSpider(scrapy.Spider):  # type: ignore[misc]
    """Visits every page and every picture once, however many words lead there."""

    name = "stickers"

    def __init__(self, job: Job, spool: Spool) -> None:
        super().__init__()
        self.job = job
        self.source = job.open_source()
        self.allowed_hosts = (urlsplit(job.site).hostname or "", *self.source.media_hosts, *job.media_hosts)
        self._spool = spool
        self._asked: set[str] = set()
        self._found: dict[int, set[str]] = {}

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> "StickerSpider":
        spider: StickerSpider = super().from_crawler(crawler, *args, **kwargs)
        crawler.signals.connect(spider.on_headers, signal=signals.headers_received)
        return spider

    async def start(self) -> AsyncIterator[Request]:
        if self.job.words is None:
            yield self._request(self.source.words_request() or self.job.site, self.on_words)
            return
        for number, word in enumerate(self.job.words):
            yield self._search(number, word, page=1)

    # -- words and results pages -----------------------------------------------------------------

    def on_words(self, response: Response) -> None:
        try:
            self._note("words", words=list(read(response, self.source.parse_words)))
        except RefusedError as error:
            self._note("words_refused", **asdict(error.refusal))

    def _search(self, number: int, word: str, *, page: int) -> Request:
        url = self.source.search_request(word, page)
        return self._request(url, self.on_search, number=number, word=word, page=page)

    def on_search(self, response: Response, number: int, word: str, page: int) -> Iterator[Request]:
        try:
            results = read(response, self.source.parse_search)
        except RefusedError as error:
            self._note("search_refused", word=number, page=page, url=response.url, **asdict(error.refusal))
            return
        self._note("search", word=number, page=page)
        seen = self._found.setdefault(number, set())
        links = {target if isinstance(target, str) else target.url: target for target in results.stickers}
        new = [link for link in links if link not in seen][: self.job.max_stickers_per_word - len(seen)]
        for link in new:
            yield from self._follow(number, len(seen), links[link])
            seen.add(link)
        wants_more = len(seen) < self.job.max_stickers_per_word and page < self.job.max_pages_per_word
        if results.has_next and new and wants_more:
            yield self._search(number, word, page=page + 1)

    def _follow(self, number: int, rank: int, target: str | FoundSticker) -> Iterator[Request]:
        """Notes a find, and asks for what it leads to unless that was asked for before."""
        if isinstance(target, FoundSticker):
            self._note("find", word=number, rank=rank, link=None, sticker=asdict(target))
            yield from self._picture(target.url)
            return
        self._note("find", word=number, rank=rank, link=target, sticker=None)
        if not self._is_new(target):
            return
        if is_allowed_host(target, self.allowed_hosts):
            yield self._request(target, self.on_page, link=target)
        else:
            self._refuse_page(target, _offsite_link(target))

    # -- sticker pages ---------------------------------------------------------------------------

    def on_page(self, response: Response, link: str) -> Iterator[Request]:
        try:
            sticker = read(response, self.source.parse_sticker)
        except RefusedError as error:
            self._refuse_page(link, error.refusal)
            return
        if reserved := reserved_by_page(response, self.job.user_agent):
            self._refuse_page(link, Refusal("noai", detail=f"the page says {reserved}"), sticker)
            return
        self._note("page", link=link, sticker=asdict(sticker), refusal=None)
        yield from self._picture(sticker.url)

    def _refuse_page(self, link: str, refusal: Refusal, sticker: FoundSticker | None = None) -> None:
        self._note("page", link=link, sticker=asdict(sticker) if sticker else None, refusal=asdict(refusal))

    # -- pictures --------------------------------------------------------------------------------

    def _picture(self, url: str) -> Iterator[Request]:
        if not self._is_new(f"picture {url}"):
            return
        if is_allowed_host(url, self.allowed_hosts):
            yield self._request(url, self.on_picture, picture=url)
        else:
            self._refuse_picture(url, _offsite_link(url))

    def on_headers(self, headers: Headers, body_length: int, request: Request) -> None:
        """Ends a download before its body comes where the headers reserve it."""
        if "picture" in request.cb_kwargs and reserved_by_headers(headers, self.job.user_agent):
            raise StopDownload
        request.meta["body_length"] = body_length

    def on_picture(self, response: Response, picture: str) -> None:
        try:
            check_status(response)
        except RefusedError as error:
            self._refuse_picture(picture, error.refusal)
            return
        key, media_format = sticker_key(response.body), sniff(response.body)
        if media_format is None:
            refusal = Refusal("not_an_image", detail=f"Content-Type says {content_type(response)}")
            self._refuse_picture(picture, refusal, key=key)
            return
        self._keep(key, response.body)
        self._note(
            "picture",
            picture=picture,
            url=response.url,
            key=key,
            media_format=media_format,
            num_bytes=len(response.body),
            robots=robots_column(response),
            refusal=None,
        )

    def _refuse_picture(self, picture: str, refusal: Refusal, *, key: str | None = None) -> None:
        self._note("picture", picture=picture, key=key, refusal=asdict(refusal))

    # -- what went wrong -------------------------------------------------------------------------

    def on_error(self, failure: Failure) -> None:
        request: Request = failure.request
        asked, refusal = request.cb_kwargs, self._refusal_of(failure.value, request)
        if isinstance(failure.value, NOBODY_THERE) and is_allowed_host(request.url, self.allowed_hosts[:1]):
            self._note("site_down", detail=refusal.detail)
            raise CloseSpider("site_down")
        if "picture" in asked:
            self._refuse_picture(asked["picture"], refusal)
        elif "link" in asked:
            self._refuse_page(asked["link"], refusal)
        elif "number" in asked:
            place = {"word": asked["number"], "page": asked["page"], "url": request.url}
            self._note("search_refused", **place, **asdict(refusal))
        else:
            self._note("words_refused", **asdict(refusal))

    def _refusal_of(self, error: BaseException, request: Request) -> Refusal:
        if isinstance(error, StopDownload) and error.response is not None:
            return Refusal("noai", detail=reserved_by_headers(error.response.headers, self.job.user_agent))
        size = request.meta.get("body_length")
        return refusal_of(
            error,
            max_bytes=request.meta["download_maxsize"],
            num_bytes=size if isinstance(size, int) else None,
            timeout_s=self.job.timeout_s,
        )

    # -- requests and facts ----------------------------------------------------------------------

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

    def _is_new(self, name: str) -> bool:
        is_new = name not in self._asked
        self._asked.add(name)
        return is_new

    def _note(self, fact: str, **values: Any) -> None:
        try:
            self._spool.note(fact, **values)
        except SpoolError as error:
            raise CloseSpider("spool") from error

    def _keep(self, key: str, data: bytes) -> None:
        try:
            self._spool.keep(key, data)
        except SpoolError as error:
            raise CloseSpider("spool") from error


def _offsite_link(url: str) -> Refusal:
    return Refusal("offsite_link", detail=f"{urlsplit(url).hostname} is not a host of the site; see `media_hosts`")
