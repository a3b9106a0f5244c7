"""The spider: words -> results pages -> sticker pages -> original bytes. It only notes facts; the parent joins them."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import asdict
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import scrapy
from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import CloseSpider, StopDownload
from scrapy.http import Headers, Response
from twisted.python.failure import Failure

from vsd2m.core.keys import sticker_key
from vsd2m.crawl.addresses import address_refusal, origin
from vsd2m.crawl.job import Job, Refusal
from vsd2m.crawl.known import Known
from vsd2m.crawl.middlewares import NOBODY_THERE
from vsd2m.crawl.refusals import crawler_error, refusal_of
from vsd2m.crawl.responses import (
    RefusedError,
    check_status,
    checked_sticker,
    content_type,
    read,
    reserved_by_headers,
    reserved_by_page,
    robots_column,
    targets_of,
)
from vsd2m.crawl.sources.base import FoundSticker, SearchResults
from vsd2m.crawl.spool import Spool, SpoolError
from vsd2m.media.media_types import sniff

MAX_PAGE_BYTES = 16 << 20


class StickerSpider(scrapy.Spider):  # type: ignore[misc]
    """Visits every page and every picture once, however many words lead there."""

    name = "stickers"

    def __init__(self, job: Job, spool: Spool, known: Known) -> None:
        super().__init__()
        self.job = job
        self.source = job.open_source()
        self.allowed_hosts = (urlsplit(job.site).hostname or "", *self.source.media_hosts, *job.media_hosts)
        self._spool = spool
        self._asked: set[str] = set()
        self._known = known
        self._found = {number: set(known.links(number)) for number in list(known.finds)}
        self._has_answered = False

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> "StickerSpider":
        spider: StickerSpider = super().from_crawler(crawler, *args, **kwargs)
        crawler.signals.connect(spider.on_headers, signal=signals.headers_received)
        crawler.signals.connect(spider.on_answer, signal=signals.response_downloaded)
        return spider

    async def start(self) -> AsyncIterator[Request]:
        if self.job.words is None:
            for request in self._ask_source(self.source.words_request, self.on_words):
                yield request
            return
        for number, word in enumerate(self.job.words):
            for request in self._search_on(number, word):
                yield request

    # -- words and results pages -----------------------------------------------------------------

    def on_words(self, response: Response) -> None:
        self._note("words", words=list(read(response, self.source.parse_words)))

    def _search_on(self, number: int, word: str) -> Iterator[Request]:
        """Asks for what is not known of a word: all of it, or what an earlier crawl did not get."""
        for url, is_picture in self._known.lacking(number):
            yield from self._picture(url) if is_picture else self._page(url)
        if page := self._known.next_page(number):
            yield from self._search(number, word, page=page)

    def _search(self, number: int, word: str, *, page: int) -> Iterator[Request]:
        make_url = partial(self.source.search_request, word, page)
        return self._ask_source(make_url, self.on_search, number=number, word=word, page=page)

    def _ask_source(self, make_url: Callable[[], str | None], callback: Any, **asked: Any) -> Iterator[Request]:
        """The request for an address that the source makes up; like all its code that may fail."""
        try:
            url = make_url()
            if not isinstance(url, str):
                raise TypeError(f"expected an address, found {url!r}")
        except Exception as error:
            self._refuse(asked, Refusal("source_error", detail=f"{type(error).__name__}: {error}"), url="")
            return
        yield from self._request(url, None, callback, **asked)

    def on_search(self, response: Response, number: int, word: str, page: int) -> Iterator[Request]:
        results, targets = read(response, lambda told: _results(self.source.parse_search(told)))
        seen = self._found.setdefault(number, set())
        new = [link for link in targets if link not in seen][: self.job.max_stickers_per_word - len(seen)]
        num_found = len(seen) + len(new)
        wants_more = num_found < self.job.max_stickers_per_word and page < self.job.max_pages_per_word
        has_next = bool(results.has_next and new and wants_more)
        self._note("search", word=number, page=page, num_links=len(new), has_next=has_next)
        for link in new:
            rank = len(seen)
            seen.add(link)
            yield from self._follow(number, rank, link, targets[link])
        if has_next:
            yield from self._search(number, word, page=page + 1)

    def _follow(self, number: int, rank: int, link: str, target: Any) -> Iterator[Request]:
        """Notes a find, and asks for what it leads to unless that was asked for before."""
        if isinstance(target, str):
            self._note("find", word=number, rank=rank, link=link, sticker=None, refusal=None)
            yield from self._page(link)
            return
        try:
            sticker = checked_sticker(target)
        except RefusedError as error:
            self._note("find", word=number, rank=rank, link=link, sticker=None, refusal=asdict(error.refusal))
            return
        self._note("find", word=number, rank=rank, link=None, sticker=asdict(sticker), refusal=None)
        yield from self._picture(sticker.url)

    # -- sticker pages ---------------------------------------------------------------------------

    def _page(self, link: str) -> Iterator[Request]:
        if link not in self._known.pages and self._is_new(link):
            yield from self._request(link, self.allowed_hosts, self.on_page, link=link)

    def on_page(self, response: Response, link: str) -> Iterator[Request]:
        sticker = checked_sticker(read(response, self.source.parse_sticker))
        if reserved := reserved_by_page(response, self.job.user_agent):
            self._refuse_page(link, Refusal("noai", detail=f"the page says {reserved}"), sticker)
            return
        self._note("page", link=link, sticker=asdict(sticker), refusal=None)
        yield from self._picture(sticker.url)

    def _refuse_page(self, link: str, refusal: Refusal, sticker: FoundSticker | None = None) -> None:
        self._note("page", link=link, sticker=asdict(sticker) if sticker else None, refusal=asdict(refusal))

    # -- pictures --------------------------------------------------------------------------------

    def _picture(self, url: str) -> Iterator[Request]:
        if url not in self._known.pictures and self._is_new(f"picture {url}"):
            yield from self._request(url, self.allowed_hosts, self.on_picture, picture=url)

    def on_headers(self, headers: Headers, body_length: int, request: Request) -> None:
        """Ends a download before its body comes where the headers reserve it."""
        if "picture" in request.cb_kwargs and reserved_by_headers(headers, self.job.user_agent):
            raise StopDownload
        request.meta["body_length"] = body_length

    def on_picture(self, response: Response, picture: str) -> None:
        check_status(response)
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

    def on_answer(self, request: Request) -> None:
        """Remembers that the site is up: an answer of any status, to anything that was asked of its origin."""
        self._has_answered = self._has_answered or origin(request.url) == origin(self.job.site)

    def on_error(self, failure: Failure) -> None:
        request: Request = failure.request
        refusal = self._refusal_of(failure.value, request)
        is_site = origin(request.url) == origin(self.job.site)
        if isinstance(failure.value, NOBODY_THERE) and is_site and not self._has_answered:
            self._note("site_down", detail=refusal.detail)
            raise CloseSpider("site_down")
        self._refuse(request.cb_kwargs, refusal, url=request.url)

    def _refuse(self, asked: Mapping[str, Any], refusal: Refusal, *, url: str) -> None:
        """Notes why what was asked for is not to be had."""
        if "picture" in asked:
            self._refuse_picture(asked["picture"], refusal)
        elif "link" in asked:
            self._refuse_page(asked["link"], refusal)
        elif "number" in asked:
            self._note("search_refused", word=asked["number"], page=asked["page"], url=url, **asdict(refusal))
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

    def _request(self, url: str, hosts: tuple[str, ...] | None, callback: Any, **asked: Any) -> Iterator[Request]:
        """The one way to ask for an address, or the fact that says why it is not asked for."""
        if refusal := address_refusal(url, hosts):
            self._refuse(asked, refusal, url=url)
            return
        max_bytes = self.job.max_file_bytes if "picture" in asked else MAX_PAGE_BYTES
        # dont_filter: Scrapy's own filter would lose, without a word, a redirect to an address already visited
        yield Request(
            url,
            partial(self._answered, callback),
            errback=self.on_error,
            cb_kwargs=asked,
            meta={"download_maxsize": max_bytes},
            dont_filter=True,
        )

    def _answered(self, callback: Any, response: Response, **asked: Any) -> Iterator[Request]:
        """What `callback` makes of an answer. Whatever it raises becomes the fact of what was asked for."""
        try:
            yield from callback(response, **asked) or ()
        except CloseSpider:
            raise
        except RefusedError as error:
            self._refuse(asked, error.refusal, url=response.url)
        except Exception as error:
            self.logger.exception("an error in the crawler at %s", response.url)
            self._refuse(asked, crawler_error(error), url=response.url)

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


def _results(results: SearchResults) -> tuple[SearchResults, Mapping[str, Any]]:
    return results, targets_of(results)
