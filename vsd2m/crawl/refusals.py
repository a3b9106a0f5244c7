"""Downloads that failed, as reasons. Details say the same for the same failure: no times, no addresses of memory."""

from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadTimeoutError,
    IgnoreRequest,
)
from twisted.internet.error import ConnectError

from vsd2m.crawl.job import Refusal
from vsd2m.crawl.middlewares import OffsiteRedirect, RobotsDisallowed

NOBODY_THERE = (DownloadConnectionRefusedError, CannotResolveHostError, ConnectError)


def refusal_of(error: BaseException, *, max_bytes: int, num_bytes: int | None, timeout_s: float) -> Refusal:
    """The reason that `error`, raised by a download within these limits, stands for.

    `num_bytes` is the size that the answer announced, if it did.
    """
    match error:
        case RobotsDisallowed():
            return Refusal("robots_disallowed", detail=str(error))
        case OffsiteRedirect():
            return Refusal("offsite_redirect", detail=str(error))
        case DownloadCancelledError():
            return Refusal("too_large", value=num_bytes, limit=max_bytes)
        case DownloadTimeoutError():
            return Refusal("timeout", limit=timeout_s)
        case CannotResolveHostError():
            return Refusal("unreachable", detail="the host's name cannot be resolved")
        case DownloadConnectionRefusedError() | ConnectError():
            return Refusal("unreachable", detail="connection refused")
        case IgnoreRequest() if "size" in str(error):  # a compressed answer that unpacks to too much
            return Refusal("too_large", value=num_bytes, limit=max_bytes)
        case IgnoreRequest():
            return Refusal("http_error", detail=str(error))
    return Refusal("unreachable", detail=f"no complete answer: {type(error).__name__}")
