"""The exception by which a downloader middleware refuses a request."""

from scrapy.exceptions import IgnoreRequest

from vsd2m.crawl.scraping.job import Refusal


class RefusedRequest(IgnoreRequest):  # type: ignore[misc]
    """A request that is not sent, or not followed, or an answer that is not used; `refusal` says why."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.detail or refusal.reason)
        self.refusal = refusal
