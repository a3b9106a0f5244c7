"""Which requests the application answers: those to its own addresses, from its own page."""

from collections.abc import Awaitable, Callable, Collection
from urllib.parse import urlsplit

from fastapi import Request, Response
from fastapi.responses import JSONResponse

LOOPBACK = frozenset(("localhost", "127.0.0.1", "::1"))
_EVERY_ADDRESS = frozenset(("0.0.0.0", "::"))
Next = Callable[[Request], Awaitable[Response]]


def served_hosts(host: str) -> frozenset[str] | None:
    """The host names that requests may use when the application listens on `host`; None: any.

    With DNS rebinding, another site's name resolves to 127.0.0.1; requests of its pages carry that name.
    """
    if host in _EVERY_ADDRESS:
        return None
    return LOOPBACK if host in LOOPBACK else frozenset((host,))


def only_own_requests(hosts: Collection[str] | None) -> Callable[[Request, Next], Awaitable[Response]]:
    """Middleware that refuses requests to other host names, and requests that pages of other sites make."""

    async def middleware(request: Request, call_next: Next) -> Response:
        host = request.headers.get("host", "")
        if hosts is not None and _name(host) not in hosts:
            return _refusal(f"this page is not served as {host!r}; open the address that `serve` printed")
        origin = request.headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != host:
            return _refusal(f"requests from pages of {origin} are refused; open the address that `serve` printed")
        return await call_next(request)

    return middleware


def _name(host: str) -> str | None:
    """The name in a Host header, without port and brackets; None if it is malformed."""
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None


def _refusal(message: str) -> Response:
    return JSONResponse({"error": message}, status_code=403)
