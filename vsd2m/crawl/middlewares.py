"""Scrapy downloader middlewares that say no in our words. Imported in the crawling process only."""

import asyncio
from collections.abc import Awaitable
from http import HTTPStatus
from typing import Any
from urllib.parse import urljoin, urlsplit

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.httpcompression import HttpCompressionMiddleware
from scrapy.downloadermiddlewares.redirect import RedirectMiddleware
from scrapy.downloadermiddlewares.retry import RetryMiddleware
from scrapy.downloadermiddlewares.robotstxt import RobotsTxtMiddleware
from scrapy.exceptions import CannotResolveHostError, DownloadConnectionRefusedError, IgnoreRequest
from scrapy.http import Response
from twisted.internet.error import ConnectError

from vsd2m.crawl.addresses import address_refusal
from vsd2m.crawl.job import Refusal

NOBODY_THERE = (DownloadConnectionRefusedError, CannotResolveHostError, ConnectError)

MAX_WAIT_S = 120


class RefusedRequest(IgnoreRequest):  # type: ignore[misc]
    """A request that is not sent, or not followed; `refusal` says why."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.detail or refusal.reason)
        self.refusal = refusal


class ObeyRobots(RobotsTxtMiddleware):  # type: ignore[misc]
    """robots.txt as RFC 9309 has it: 4xx means there are no rules, 5xx or no answer means that nothing is allowed.

    `Crawl-delay` is a lower bound of the delay between two requests to that host.
    """

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._unreadable: dict[str, str] = {}
        self._absent: set[str] = set()

    def process_request_2(self, rp: Any, request: Request) -> None:
        netloc = urlsplit(request.url).netloc
        if netloc in self._unreadable:
            raise RefusedRequest(Refusal("robots_unreadable", detail=self._unreadable[netloc]))
        try:
            super().process_request_2(rp, request)
        except IgnoreRequest as error:
            detail = f"{urlsplit(request.url).scheme}://{netloc}/robots.txt"
            raise RefusedRequest(Refusal("robots_disallowed", detail=detail)) from error
        request.meta["robots_txt"] = "absent" if netloc in self._absent else "allowed"
        self._slow_down(request, rp)

    def _parse_robots(self, response: Response, netloc: str, *rest: Any) -> Awaitable[None]:
        if response.status >= 500 or response.status == HTTPStatus.TOO_MANY_REQUESTS:
            self._unreadable[netloc] = f"robots.txt answered {response.status}"
        if response.status >= 400:
            self._absent.add(netloc)
            response = response.replace(body=b"")
        parsed: Awaitable[None] = super()._parse_robots(response, netloc, *rest)
        return parsed

    def _robots_error(self, exc: Exception, netloc: str) -> None:
        # Where nobody listens the request itself fails next, and says so better than a refusal.
        is_endless = isinstance(exc, RefusedRequest) and exc.refusal.reason == "http_error"
        if not (is_endless or isinstance(exc, NOBODY_THERE)):
            self._unreadable[netloc] = "robots.txt could not be read"
        self._absent.add(netloc)
        super()._robots_error(exc, netloc)

    def _slow_down(self, request: Request, rp: Any) -> None:
        delay = rp.crawl_delay(self._default_useragent) if rp is not None else None
        downloader = self.crawler.engine.downloader
        slot = downloader.slots.get(downloader.get_slot_key(request))
        if delay and slot and slot.delay < delay:
            slot.delay = float(delay)


class StayOnSite(RedirectMiddleware):  # type: ignore[misc]
    """Follows redirects within the allowed hosts, and names those it does not follow."""

    def process_response(self, request: Request, response: Response) -> Request | Response:
        if response.status in _REDIRECTS and (location := response.headers.get("Location")):
            _check(_joined(request.url, location.decode("latin-1")), None)  # Scrapy hands over what it does not follow
        try:
            result: Request | Response = super().process_response(request, response)
        except IgnoreRequest as error:
            detail = f"more than {self.max_redirect_times} redirects"
            raise RefusedRequest(Refusal("http_error", detail=detail)) from error
        asks_for_rules = request.meta.get("dont_obey_robotstxt")
        if isinstance(result, Request) and not asks_for_rules:
            _check(result.url, self.crawler.spider.allowed_hosts)
        return result


def _joined(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError:
        return location


def _check(url: str, hosts: tuple[str, ...] | None) -> None:
    if refusal := address_refusal(url, hosts):
        reason = "offsite_redirect" if refusal.reason == "offsite_link" else refusal.reason
        raise RefusedRequest(Refusal(reason, detail=f"redirected to {url}"))


_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class Decompress(HttpCompressionMiddleware):  # type: ignore[misc]
    """Undoes a `Content-Encoding`; bytes that are none are a refusal, in every encoding."""

    def process_response(self, request: Request, response: Response) -> Request | Response:
        encoding = response.headers.get("Content-Encoding", b"").decode("latin-1")
        try:
            result: Request | Response = super().process_response(request, response)
        except IgnoreRequest:
            raise
        except Exception as error:  # each library for an encoding has errors of its own
            raise RefusedRequest(Refusal("bad_encoding", detail=f"the answer is not in {encoding}")) from error
        return result


class PatientRetry(RetryMiddleware):  # type: ignore[misc]
    """Waits as long as a `Retry-After` header asks (RFC 9110, section 10.2.3), within reason, before it retries."""

    async def process_response(self, request: Request, response: Response) -> Request | Response:
        result: Request | Response = super().process_response(request, response)
        if isinstance(result, Request):
            await asyncio.sleep(seconds_to_wait(response.headers.get("Retry-After", b"")))
        return result


def seconds_to_wait(retry_after: bytes) -> int:
    """The seconds a `Retry-After` header gives, at most `MAX_WAIT_S`; 0 where it gives none (or a date)."""
    return min(int(retry_after), MAX_WAIT_S) if retry_after.isdigit() else 0
