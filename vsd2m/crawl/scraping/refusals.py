"""Downloads that failed, as reasons. Details say the same for the same failure: no times, no addresses of memory."""

from scrapy.core.downloader.handlers.http11 import TunnelError
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    IgnoreRequest,
    NotSupported,
    ResponseDataLossError,
    UnsupportedURLSchemeError,
)
from twisted.internet.error import ConnectError, ConnectionClosed

from vsd2m.crawl.scraping.addresses import private_refusal
from vsd2m.crawl.scraping.job import Refusal
from vsd2m.crawl.scraping.refused import RefusedRequest
from vsd2m.crawl.scraping.resolver import refused_hosts

_NO_COMPLETE_ANSWER = (DownloadFailedError, ResponseDataLossError, ConnectionClosed, TunnelError, OSError)


def refusal_of(error: BaseException, *, host: str, max_bytes: int, num_bytes: int | None, timeout_s: float) -> Refusal:
    """The reason that `error`, raised by a download from `host` within these limits, stands for.

    `num_bytes` is the size that the answer announced: how much of another one came depends on the network. What no
    network gives is an error of this program.
    """
    match error:
        case RefusedRequest():
            return error.refusal
        case DownloadCancelledError():
            return Refusal("too_large", value=num_bytes, limit=max_bytes)
        case DownloadTimeoutError():
            return Refusal("timeout", limit=timeout_s)
        case CannotResolveHostError() if host in refused_hosts:
            return private_refusal(host, refused_hosts[host])
        case CannotResolveHostError():
            return Refusal("unreachable", detail="the host's name cannot be resolved")
        case DownloadConnectionRefusedError() | ConnectError():
            return Refusal("unreachable", detail="connection refused")
        case IgnoreRequest():
            return Refusal("http_error", detail=str(error))
        case NotSupported() | UnsupportedURLSchemeError():
            return Refusal("unsupported_scheme", detail="only http and https are asked for")
        case UnicodeError():  # a host that is no name in IDNA
            return Refusal("bad_address", detail=f"not a valid address: {type(error).__name__}")
    if isinstance(error, _NO_COMPLETE_ANSWER):
        return Refusal("unreachable", detail=f"no complete answer: {type(error).__name__}")
    return crawler_error(error)


def crawler_error(error: BaseException) -> Refusal:
    """An unexpected exception: recorded at its address as a failure of this program."""
    if isinstance(error, MemoryError):
        return Refusal("out_of_memory", detail="`max_memory_bytes` is the limit of the crawling process")
    return Refusal("crawler_error", detail=f"{type(error).__name__}: {error}")


def source_error(error: BaseException) -> Refusal:
    """An exception in the code of a source, recorded as a failure of its page."""
    return Refusal("source_error", detail=f"{type(error).__name__}: {error}")
