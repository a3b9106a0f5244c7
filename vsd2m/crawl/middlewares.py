"""Scrapy downloader middlewares that say no in our words. Imported in the crawling process only."""

import asyncio
from collections.abc import Awaitable
from typing import Any
from urllib.parse import urlsplit

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.redirect import RedirectMiddleware
from scrapy.downloadermiddlewares.retry import RetryMiddleware
from scrapy.downloadermiddlewares.robotstxt import RobotsTxtMiddleware
from scrapy.exceptions import CannotResolveHostError, DownloadConnectionRefusedError, IgnoreRequest
from scrapy.http import Response

MAX_WAIT_S = 120


class RobotsDisallowed(IgnoreRequest):  # type: ignore[misc]
    """robots.txt forbids the address, or could not be read."""


class OffsiteRedirect(IgnoreRequest):  # type: ignore[misc]
    """The site sends us to a host that is not its own."""


class TooManyRedirects(IgnoreRequest):  # type: ignore[misc]
    """A chain of redirects that does not end."""


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
            raise RobotsDisallowed(self._unreadable[netloc])
        try:
            super().process_request_2(rp, request)
        except IgnoreRequest as error:
            raise RobotsDisallowed(f"{urlsplit(request.url).scheme}://{netloc}/robots.txt") from error
        request.meta["robots_txt"] = "absent" if netloc in self._absent else "allowed"
        self._slow_down(request, rp)

    def _parse_robots(self, response: Response, netloc: str, *rest: Any) -> Awaitable[None]:
        if response.status >= 500:
            self._unreadable[netloc] = f"robots.txt answered {response.status}"
        if response.status >= 400:
            self._absent.add(netloc)
            response = response.replace(body=b"")
        parsed: Awaitable[None] = super()._parse_robots(response, netloc, *rest)
        return parsed

    def _robots_error(self, exc: Exception, netloc: str) -> None:
        # Where nobody listens the request itself fails next, and says so better than a refusal.
        if not isinstance(exc, (DownloadConnectionRefusedError, CannotResolveHostError, TooManyRedirects)):
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
        try:
            result: Request | Response = super().process_response(request, response)
        except IgnoreRequest as error:
            raise TooManyRedirects(f"more than {self.max_redirect_times} redirects") from error
        hosts = self.crawler.spider.allowed_hosts
        asks_for_rules = request.meta.get("dont_obey_robotstxt")
        if isinstance(result, Request) and not asks_for_rules and not is_allowed_host(result.url, hosts):
            raise OffsiteRedirect(f"redirected to {result.url}")
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


def is_allowed_host(url: str, hosts: tuple[str, ...]) -> bool:
    """Whether `url` is on one of `hosts` or below it."""
    host = urlsplit(url).hostname or ""
    return any(host == allowed or host.endswith(f".{allowed}") for allowed in hosts)
