"""Shares turns at hosts and the answers of addresses with other crawling processes."""

import asyncio
import itertools
import random
import time
from collections import defaultdict
from typing import Any
from urllib.parse import urlsplit

from scrapy import Request
from scrapy.core.downloader.handlers.http11 import HTTP11DownloadHandler
from scrapy.crawler import Crawler
from scrapy.exceptions import IgnoreRequest, StopDownload
from scrapy.http import Response

from vsd2m.crawl.records.hosts import HostCounts
from vsd2m.crawl.records.outcomes import OURS, Fact, reason_of
from vsd2m.crawl.scraping.addresses import origin
from vsd2m.crawl.scraping.backoff import backoff_s
from vsd2m.crawl.scraping.refused import NOBODY_THERE

MAX_OUTAGE_WAIT_S = 30.0  # between two attempts to reach a site that is down


class Outage:
    """Since when the site's own origin cannot be reached, and whether that is worth waiting for.

    A site that has never answered, in this run or before, is waited for no longer than any other address.
    """

    def __init__(self, site: str, *, max_s: float, is_known: bool) -> None:
        self._origin = origin(site)
        self._max_s = max_s
        self._is_known = is_known
        self._began: float | None = None

    def has_answered(self, url: str) -> None:
        """An answer of any status ends an outage."""
        if origin(url) == self._origin:
            self._is_known, self._began = True, None

    def is_worth_waiting(self, url: str, *, now: float) -> bool:
        """Whether to try `url`, which nobody answered, again."""
        if origin(url) != self._origin or not self._is_known:
            return False
        self._began = now if self._began is None else self._began
        return not self.is_over_limit(now=now)

    def is_over_limit(self, *, now: float) -> bool:
        """Whether the site has been down for `max_outage_s`; at once, if it has never answered."""
        return not self._is_known or (self._began is not None and now - self._began >= self._max_s)


class KnownAnswer(IgnoreRequest):  # type: ignore[misc]
    """A request that another worker has sent already; `fact` is what it noted."""

    def __init__(self, fact: dict[str, Any]) -> None:
        super().__init__("answered to another worker")
        self.fact = fact


class ShareAnswers:
    """Claims an address before it is requested; where another worker has requested it, waits for the answer."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> "ShareAnswers":
        return cls(crawler)

    async def process_request(self, request: Request) -> None:
        coordination, name = self._crawler.spider.coordination, request.meta.get("shared_name")
        if coordination is None or name is None or "is_claimed" in request.meta:
            return
        fact = await coordination.claim(name)
        if fact is not None:
            raise KnownAnswer(fact)
        request.meta["is_claimed"] = True  # redirects and further attempts are copies of this request
        self._crawler.spider.claimed.add(name)


class TakeTurns(HTTP11DownloadHandler):  # type: ignore[misc]
    """Sends a request when it is this process's turn at the host, and counts how the host answered."""

    lazy = True

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._spider = crawler.spider
        self._downloader = crawler.engine.downloader
        self._rng = random.Random(str(crawler.spider.job.spool))
        self._hosts: dict[str, HostCounts] = crawler.spider.hosts

    async def download_request(self, request: Request) -> Response:
        """The answer. Where the site itself cannot be reached, it is waited for, up to `max_outage_s`."""
        for attempt in itertools.count(1):
            try:
                response = await self._sent(request)
            except NOBODY_THERE:
                if not self._spider.outage.is_worth_waiting(request.url, now=time.monotonic()):
                    raise
                job = self._spider.job
                await asyncio.sleep(
                    backoff_s(attempt, first_s=job.first_wait_s, max_s=MAX_OUTAGE_WAIT_S, rng=self._rng)
                )
                continue
            self._spider.outage.has_answered(request.url)
            return response
        raise AssertionError("counting does not end")

    async def _sent(self, request: Request) -> Response:
        host = urlsplit(request.url).hostname or ""
        if self._spider.coordination is not None:
            slot = self._downloader.slots[self._downloader.get_slot_key(request)]
            await self._spider.coordination.turn(host, slot.delay)
        began, is_retry = time.monotonic(), request.meta.get("retry_times", 0) > 0
        try:
            response: Response = await super().download_request(request)
        except StopDownload as stop:
            status = str(stop.response.status) if stop.response else "StopDownload"
            self._hosts[host].add(status, seconds=time.monotonic() - began, num_bytes=0, is_retry=is_retry)
            raise
        except Exception as error:
            self._hosts[host].add(type(error).__name__, seconds=None, num_bytes=0, is_retry=is_retry)
            raise
        seconds = time.monotonic() - began
        self._hosts[host].add(str(response.status), seconds=seconds, num_bytes=len(response.body), is_retry=is_retry)
        return response


def no_hosts() -> defaultdict[str, HostCounts]:
    """A table of hosts to which nothing was sent yet."""
    return defaultdict(HostCounts)


def is_shareable(fact: Fact) -> bool:
    """Whether an answer holds for every worker: a failure of this program does not."""
    return reason_of(fact) not in OURS
