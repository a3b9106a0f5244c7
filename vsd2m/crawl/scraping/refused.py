"""Exceptions for requests without a result: refused by a middleware, or sent to an unreachable host."""

from scrapy.exceptions import CannotResolveHostError, DownloadConnectionRefusedError, IgnoreRequest
from twisted.internet.error import ConnectError

from vsd2m.crawl.scraping.job import Refusal

NOBODY_THERE = (DownloadConnectionRefusedError, CannotResolveHostError, ConnectError)


class RefusedRequest(IgnoreRequest):  # type: ignore[misc]
    """A request that is not sent, or not followed, or an answer that is not used; `refusal` says why."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.detail or refusal.reason)
        self.refusal = refusal
