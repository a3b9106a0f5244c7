"""Scrapy downloader middlewares that refuse requests with our reasons. Imported in the crawling process only."""

import asyncio
import random
import time
from collections.abc import Awaitable
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urljoin, urlsplit

from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.httpcompression import HttpCompressionMiddleware
from scrapy.downloadermiddlewares.redirect import RedirectMiddleware
from scrapy.downloadermiddlewares.retry import RetryMiddleware
from scrapy.downloadermiddlewares.robotstxt import RobotsTxtMiddleware
from scrapy.exceptions import IgnoreRequest
from scrapy.extensions.throttle import AutoThrottle
from scrapy.http import Response, TextResponse
from scrapy.settings import BaseSettings
from scrapy.utils.asyncio import call_later
from scrapy.utils.response import response_status_message
from twisted.python.failure import Failure

from vsd2m.crawl.scraping.addresses import origin
from vsd2m.crawl.scraping.backoff import backoff_s, http_date, retry_after_s
from vsd2m.crawl.scraping.job import Refusal
from vsd2m.crawl.scraping.refused import NOBODY_THERE, RefusedRequest
from vsd2m.crawl.scraping.reservations import MAX_FILE_BYTES
from vsd2m.crawl.scraping.responses import page_of

MAX_ENCODINGS = 3
"""`Content-Encoding`s around one another; honest servers use one."""


class ObeyRobots(RobotsTxtMiddleware):  # type: ignore[misc]
    """robots.txt as RFC 9309 has it: 4xx means there are no rules, 5xx or no answer means that nothing is allowed.

    `Crawl-delay` is the least delay between two requests to that host, whatever AutoThrottle makes of it; a longer one
    than `max_wait_s` parks the host.
    """

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        crawler.signals.connect(self.on_robots, signal=signals.robots_parsed)
        self._crawl_delays: dict[str, float] = {}
        self._unreadable: dict[str, str] = {}
        self._absent: set[str] = set()
        self._deserted: set[str] = set()

    def process_request_2(self, rp: Any, request: Request) -> None:
        netloc = urlsplit(request.url).netloc
        if netloc in self._unreadable:
            raise RefusedRequest(Refusal("robots_unreadable", detail=self._unreadable[netloc]))
        try:
            super().process_request_2(rp, request)
        except IgnoreRequest as error:
            if not self.crawler.spider.has_api_policy(request):
                detail = f"{urlsplit(request.url).scheme}://{netloc}/robots.txt"
                raise RefusedRequest(Refusal("robots_disallowed", detail=detail)) from error
        if netloc in self._deserted:
            request.meta["dont_retry"] = True  # it was tried often enough for robots.txt
        request.meta["robots_txt"] = "absent" if netloc in self._absent else "allowed"
        self._check_delay(request)

    def _parse_robots(self, response: Response, netloc: str, *rest: Any) -> Awaitable[None]:
        if response.status >= 500 or response.status == HTTPStatus.TOO_MANY_REQUESTS:
            self._unreadable[netloc] = f"robots.txt answered {response.status}"
        self.crawler.spider.on_site_file(response.url, response.status, response.body)
        if response.status >= 400:
            self._absent.add(netloc)
            response = response.replace(body=b"")
        response = response.replace(body=response.body[:MAX_FILE_BYTES])
        parsed: Awaitable[None] = super()._parse_robots(response, netloc, *rest)
        return parsed

    def _robots_error(self, exc: Exception, netloc: str) -> None:
        # If no server responds, the request itself fails next, with a more precise reason.
        is_endless = isinstance(exc, RefusedRequest) and exc.refusal.reason == "http_error"
        if isinstance(exc, NOBODY_THERE):
            self._deserted.add(netloc)
        elif not is_endless:
            self._unreadable[netloc] = "robots.txt could not be read"
        self._absent.add(netloc)
        super()._robots_error(exc, netloc)

    def on_robots(self, robotparser: Any, request: Request) -> None:
        """Slows down for a host; one that has several ports has one delay, the longest."""
        downloader = self.crawler.engine.downloader
        key = downloader.get_slot_key(request)
        crawl_delay = robotparser.crawl_delay(self._robotstxt_useragent) or 0.0
        delay = max(crawl_delay, self._crawl_delays.get(key, 0.0), self.crawler.spider.job.delay_s)
        self._crawl_delays[key] = delay
        downloader.per_slot_settings[key] = {"delay": min(delay, self.crawler.spider.job.max_wait_s)}
        if (slot := downloader.slots.get(key)) and slot.delay < delay:
            slot.delay = downloader.per_slot_settings[key]["delay"]

    def _check_delay(self, request: Request) -> None:
        delay = self._crawl_delays.get(self.crawler.engine.downloader.get_slot_key(request), 0.0)
        limit = self.crawler.spider.job.max_wait_s
        if delay > limit:
            raise RefusedRequest(Refusal("rate_limited", delay, limit, "robots.txt asks for a longer Crawl-delay"))


class Throttle(AutoThrottle):  # type: ignore[misc]
    """AutoThrottle for which the delay of a slot (`DOWNLOAD_SLOTS`, here from `Crawl-delay`) is a floor."""

    def _response_downloaded(self, response: Response, request: Request, spider: Any) -> None:
        super()._response_downloaded(response, request, spider)
        key, slot = self._get_slot(request, spider)
        floor = self.crawler.engine.downloader.per_slot_settings.get(key, {}).get("delay", 0.0)
        if slot is not None and slot.delay < floor:
            slot.delay = floor


class StayOnSite(RedirectMiddleware):  # type: ignore[misc]
    """Follows redirects within the allowed hosts, and names those it does not follow."""

    def process_response(self, request: Request, response: Response) -> Request | Response:
        if response.status in _REDIRECTS and (location := response.headers.get("Location")):
            self._check(_joined(request.url, location.decode("latin-1")), any_host=True)  # Scrapy does not follow all
        try:
            result: Request | Response = super().process_response(request, response)
        except IgnoreRequest as error:
            detail = f"more than {self.max_redirect_times} redirects"
            raise RefusedRequest(Refusal("http_error", detail=detail)) from error
        asks_for_rules = request.meta.get("dont_obey_robotstxt")
        if isinstance(result, Request) and not asks_for_rules:
            self._check(result.url)
            if entry := self.crawler.spider.takedown.entry_for_address(result.url):
                raise RefusedRequest(Refusal("taken_down", detail=entry))
            _without_keys(request, result)
        return result

    def _check(self, url: str, *, any_host: bool = False) -> None:
        if refusal := self.crawler.spider.places.refusal(url, any_host=any_host):
            reason = "offsite_redirect" if refusal.reason == "offsite_link" else refusal.reason
            raise RefusedRequest(Refusal(reason, refusal.value, refusal.limit, f"redirected to {url}"))


def _without_keys(request: Request, redirected: Request) -> None:
    """Another origin is sent no header of the request, since a key may stand there, and no body at all."""
    if origin(request.url) == origin(redirected.url):
        return
    if redirected.body:
        raise RefusedRequest(Refusal("offsite_redirect", detail="a request with a body was redirected elsewhere"))
    for name in request.meta["sent_headers"]:
        redirected.headers.pop(name, None)


def _joined(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError:
        return location


_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class Decompress(HttpCompressionMiddleware):  # type: ignore[misc]
    """Decodes a `Content-Encoding`; damaged or too large content is refused, in every encoding."""

    def process_response(self, request: Request, response: Response) -> Request | Response:
        encoding = ", ".join(value.decode("latin-1") for value in response.headers.getlist("Content-Encoding"))
        num_encodings = encoding.count(",") + 1
        if num_encodings > MAX_ENCODINGS:
            detail = "packed in too many encodings"
            raise RefusedRequest(Refusal("bad_encoding", num_encodings, MAX_ENCODINGS, detail))
        try:
            result: Request | Response = super().process_response(request, response)
        except IgnoreRequest as error:
            size = getattr(error.__cause__, "decompressed_size", None)
            limit = request.meta.get("download_maxsize", self._max_size)
            raise RefusedRequest(Refusal("too_large", size, limit, f"unpacked from {encoding}")) from error
        except MemoryError:
            raise
        except Exception as error:  # each library for an encoding has errors of its own
            raise RefusedRequest(Refusal("bad_encoding", detail=f"the answer is not in {encoding}")) from error
        return result


class PatientRetry(RetryMiddleware):  # type: ignore[misc]
    """Retries after a wait that doubles; a busy host (429, 503) gets no other requests meanwhile.

    `Retry-After` sets the least wait. Where it is longer than `max_wait_s`, the host gets no more requests:
    its requests end as `rate_limited`, and the crawl goes on with other hosts.
    """

    def __init__(self, settings: BaseSettings) -> None:
        super().__init__(settings)
        self._closed_until: dict[str, tuple[float, Refusal]] = {}
        self._paused_until: dict[str, float] = {}

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> "PatientRetry":
        middleware: PatientRetry = super().from_crawler(crawler)
        middleware._job = crawler.spider.job
        middleware._rng = random.Random(
            str(middleware._job.spool)
        )  # a different jitter per partition, but a reproducible one
        return middleware

    def process_request(self, request: Request) -> None:
        until, refusal = self._closed_until.get(_host(request), (0.0, None))
        if refusal is not None and time.monotonic() < until:
            raise RefusedRequest(refusal)

    async def process_response(self, request: Request, response: Response) -> Request | Response:
        busy_s = self._busy_s(request, response)
        if request.meta.get("dont_retry") or (busy_s is None and response.status not in self.retry_http_codes):
            return response
        wait = self._wait_after(request)
        if busy_s is not None:
            if busy_s > self._job.max_wait_s:
                raise RefusedRequest(self._close(request, busy_s))
            self._pause(request, max(busy_s, wait))
            wait = 0.0
        again: Request | None = self._retry(request, response_status_message(response.status))
        if again is None and response.status not in self.retry_http_codes:
            raise RefusedRequest(Refusal("rate_limited", detail="the page says that the site is busy"))
        if again is None:
            return response
        await asyncio.sleep(wait)
        return again

    def _busy_s(self, request: Request, response: Response) -> float | None:
        """The seconds that a busy host asks to wait, by status and header or on its page; None: it is not busy."""
        by_page = self._busy_by_page(request, response)
        if response.status not in _BUSY:
            return by_page
        return max(by_page or 0.0, retry_after_s(_header(response, "Retry-After"), now=_now_at(response)))

    def _busy_by_page(self, request: Request, response: Response) -> float | None:
        is_page = "keyless_url" in request.meta and "picture" not in request.cb_kwargs
        if not is_page or not isinstance(response, TextResponse):
            return None
        spider = self.crawler.spider
        try:
            seconds: float | None = spider.source.busy_for_s(page_of(request, response, spider.redacted))
        except Exception:  # a source that fails here fails on the page too, and is reported there
            return None
        return seconds

    async def process_exception(self, request: Request, exception: Exception) -> Request | None:
        again: Request | None = super().process_exception(request, exception)
        if again is not None:
            await asyncio.sleep(self._wait_after(request))
        return again

    def _wait_after(self, request: Request) -> float:
        attempt = request.meta.get("retry_times", 0) + 1
        return backoff_s(attempt, first_s=self._job.first_wait_s, max_s=self._job.max_wait_s, rng=self._rng)

    def _close(self, request: Request, seconds: float) -> Refusal:
        """Refuses all further requests to this host, queued ones too."""
        limit = self._job.max_wait_s
        refusal = Refusal("rate_limited", value=round(seconds), limit=limit, detail="the host asks for a longer pause")
        self._closed_until[_host(request)] = (time.monotonic() + seconds, refusal)
        slot = self._slot(request)
        while slot is not None and slot.queue:
            _, waiting = slot.queue.popleft()
            waiting.errback(Failure(RefusedRequest(refusal)))
        return refusal

    def _pause(self, request: Request, seconds: float) -> None:
        """Pauses requests to this host; a longer current pause stays."""
        if (coordination := self.crawler.spider.coordination) is not None:
            coordination.pause(_host(request), seconds)
        slot, end = self._slot(request), time.monotonic() + seconds
        if slot is None or end <= self._paused_until.get(_host(request), 0.0):
            return
        self._paused_until[_host(request)] = end
        slot.close()
        slot.latercall = call_later(seconds, self.crawler.engine.downloader._latercall, slot)

    def _slot(self, request: Request) -> Any:
        downloader = self.crawler.engine.downloader
        return downloader.slots.get(downloader.get_slot_key(request))


_BUSY = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})


def _host(request: Request) -> str:
    return urlsplit(request.url).hostname or ""


def _header(response: Response, name: str) -> str:
    value: bytes = response.headers.get(name, b"")
    return value.decode("latin-1")


def _now_at(response: Response) -> datetime:
    """The time by the server's own clock, which its dates are relative to."""
    return http_date(_header(response, "Date")) or datetime.now(UTC)
