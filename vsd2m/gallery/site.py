"""A sticker site on loopback: search pages, sticker pages, media, robots.txt, and every misbehaviour of real sites."""

import contextlib
import hashlib
import logging
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Any, cast
from urllib.parse import parse_qs, quote, unquote, urlsplit

from vsd2m.core.errors import ConfigError
from vsd2m.gallery import pages
from vsd2m.gallery.library import Library, SiteSticker
from vsd2m.media.media_types import mime_of_name

logger = logging.getLogger(__name__)

ELSEWHERE = "http://elsewhere.invalid"
_RANGE = re.compile(r"bytes=(\d*)-(\d*)$")


@dataclass(frozen=True)
class HttpResponse:
    """One HTTP response before it is sent."""

    status: HTTPStatus
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def html(cls, text: str, status: HTTPStatus = HTTPStatus.OK) -> "HttpResponse":
        return cls(status, text.encode(), {"Content-Type": "text/html; charset=utf-8"})

    @classmethod
    def text(cls, text: str, content_type: str = "text/plain") -> "HttpResponse":
        return cls(HTTPStatus.OK, text.encode(), {"Content-Type": f"{content_type}; charset=utf-8"})

    @classmethod
    def redirect(cls, location: str) -> "HttpResponse":
        return cls(HTTPStatus.FOUND, b"", {"Location": location})


class GallerySite:
    """Serves `folder` from a thread while the context lasts; `port` 0 chooses a free one.

    `crawl_delay` (seconds) is written to robots.txt; a sticker planted as `slow` is sent after `slow_seconds`. With
    `traps`, an additional trigger word `traps` leads to copies that show every misbehaviour.
    """

    def __init__(
        self,
        folder: Path | str,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        traps: bool = False,
        crawl_delay: float = 0.005,
        slow_seconds: float = 2.0,
    ) -> None:
        self.library = Library(folder, traps=traps)
        self.crawl_delay = crawl_delay
        self.slow_seconds = slow_seconds
        self._address = (host, port)
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """The site's address without a final slash; only while it is being served."""
        if self._server is None:
            raise ConfigError("the gallery is not being served; enter its context first")
        return self._server.url

    def __enter__(self) -> "GallerySite":
        self._server = self._listen()
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="gallery", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._server is not None and self._thread is not None
        self._server.closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._server = None

    def _listen(self) -> "_Server":
        try:
            return _Server(self._address, self)
        except OSError as error:
            host, port = self._address
            raise ConfigError(
                f"cannot serve on {host}:{port}: {error.strerror or error}; choose another port"
            ) from error

    def response(self, target: str, wait: Callable[[float], Any]) -> HttpResponse:
        """The response to `GET target`; `wait` sleeps if the sticker is planted as slow."""
        split = urlsplit(target)
        arguments = {name: values[-1] for name, values in parse_qs(split.query).items()}
        folder, _, name = unquote(split.path).lstrip("/").partition("/")
        sticker = self.library.by_name.get(name)
        if folder == "sticker" and sticker:
            return HttpResponse.html(pages.sticker_page(sticker, self.url))
        if folder in ("media", "private", "go") and sticker:
            return self._media(folder, sticker, wait)
        return self._page_response(split.path, arguments) or HttpResponse.html(
            pages.not_found_page(), HTTPStatus.NOT_FOUND
        )

    def _page_response(self, path: str, arguments: dict[str, str]) -> HttpResponse | None:
        if path == "/":
            return HttpResponse.html(pages.home_page(self.library))
        if path == "/search":
            number = arguments.get("page", "1")
            page = pages.search_page(self.library, arguments.get("q", ""), int(number) if number.isdecimal() else 0)
            return HttpResponse.html(page) if page else None
        if path == "/licence":
            return HttpResponse.html(pages.licence_page(arguments.get("name", "")))
        if path == "/words.txt":
            return HttpResponse.text("".join(f"{word}\n" for word, _ in self.library.words))
        if path == "/robots.txt":
            return HttpResponse.text(f"User-agent: *\nCrawl-delay: {self.crawl_delay:g}\nDisallow: /private/\n")
        if path == "/style.css":
            return HttpResponse.text(files("vsd2m.gallery").joinpath("style.css").read_text("utf-8"), "text/css")
        return None

    def _media(self, folder: str, sticker: SiteSticker, wait: Callable[[float], Any]) -> HttpResponse:
        if folder == "go" and sticker.planted == "offsite_redirect":
            return HttpResponse.redirect(f"{ELSEWHERE}/{quote(sticker.name)}")
        if folder == "go":
            return HttpResponse.redirect(f"/media/{quote(sticker.name)}")
        data = None if sticker.planted == "dead_link" else self._bytes(sticker)
        if data is None:
            return HttpResponse.html(pages.not_found_page(), HTTPStatus.NOT_FOUND)
        if sticker.planted == "slow":
            wait(self.slow_seconds)
        content_type = mime_of_name(PurePosixPath(sticker.name).suffix) or "application/octet-stream"
        headers = {"Content-Type": content_type, "ETag": f'"{hashlib.sha256(data).hexdigest()[:32]}"'}
        if sticker.planted == "noai":
            headers["X-Robots-Tag"] = "noai, noimageai"
        return HttpResponse(HTTPStatus.OK, data, headers)

    def _bytes(self, sticker: SiteSticker) -> bytes | None:
        data = self.library.read(sticker)
        if sticker.planted == "html" and data is not None and data.lstrip()[:1] != b"<":
            return pages.not_found_page().encode()
        return data


def serve_forever(
    folder: Path | str,
    host: str = "127.0.0.1",
    port: int = 8000,
    *,
    traps: bool = False,
    on_ready: Callable[[str], None] | None = None,
) -> None:
    """Serves `folder` until interrupted; calls `on_ready` with the address once it listens."""
    with GallerySite(folder, host, port, traps=traps) as site, contextlib.suppress(KeyboardInterrupt):
        if on_ready:
            on_ready(site.url)
        while True:
            time.sleep(3600)  # not a lock: polars makes Ctrl-C resume waiting for one


class _Server(ThreadingHTTPServer):
    daemon_threads = True  # a client that keeps its connection open must not delay the shutdown
    request_queue_size = 128  # the default of 5 makes a crawler's connections wait a second for their second try

    def __init__(self, address: tuple[str, int], site: GallerySite) -> None:
        self.site = site
        self.closing = threading.Event()
        super().__init__(address, _Handler)
        self.url = f"http://{address[0]}:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        logger.debug("%s went away", client_address, exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30

    def do_GET(self) -> None:
        self._send(with_body=True)

    def do_HEAD(self) -> None:
        self._send(with_body=False)

    def _send(self, *, with_body: bool) -> None:
        server = cast(_Server, self.server)
        response = self._conditional(server.site.response(self.path, server.closing.wait))
        self.send_response(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        if response.status != HTTPStatus.NOT_MODIFIED:
            self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        if with_body:
            self.wfile.write(response.body)

    def _conditional(self, response: HttpResponse) -> HttpResponse:
        """Not modified, or the requested range (RFC 9110, sections 13 and 14), or the unchanged response."""
        tag = response.headers.get("ETag")
        if response.status != HTTPStatus.OK or tag is None:
            return response
        if tag in self.headers.get("If-None-Match", ""):
            return HttpResponse(HTTPStatus.NOT_MODIFIED, b"", response.headers)
        byte_range = _RANGE.match(self.headers.get("Range", ""))
        return _ranged(response, *byte_range.groups()) if byte_range and any(byte_range.groups()) else response

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (named by the standard library)
        logger.debug("%s %s", self.address_string(), format % args)


def _ranged(response: HttpResponse, first: str, last: str) -> HttpResponse:
    size = len(response.body)
    start = int(first) if first else max(0, size - int(last))
    end = min(size - 1, int(last)) if first and last else size - 1
    if start > end:
        status, body, content_range = HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, b"", f"bytes */{size}"
    else:
        status, body, content_range = (
            HTTPStatus.PARTIAL_CONTENT,
            response.body[start : end + 1],
            f"bytes {start}-{end}/{size}",
        )
    return HttpResponse(status, body, {**response.headers, "Content-Range": content_range})
