"""A sticker site on loopback: search pages, sticker pages, media, robots.txt, and every way a site misbehaves."""

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
from vsd2m.gallery.library import Library, Picture
from vsd2m.media.media_types import mime_of_name

logger = logging.getLogger(__name__)

ELSEWHERE = "http://elsewhere.invalid"
_RANGE = re.compile(r"bytes=(\d*)-(\d*)$")


@dataclass(frozen=True)
class Answer:
    """One HTTP answer before it is sent."""

    status: HTTPStatus
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def html(cls, text: str, status: HTTPStatus = HTTPStatus.OK) -> "Answer":
        return cls(status, text.encode(), {"Content-Type": "text/html; charset=utf-8"})

    @classmethod
    def text(cls, text: str, content_type: str = "text/plain") -> "Answer":
        return cls(HTTPStatus.OK, text.encode(), {"Content-Type": f"{content_type}; charset=utf-8"})

    @classmethod
    def redirect(cls, location: str) -> "Answer":
        return cls(HTTPStatus.FOUND, b"", {"Location": location})


class GallerySite:
    """Serves `folder` from a thread while the context lasts; `port` 0 takes a free one.

    `crawl_delay` (seconds) stands in robots.txt; a picture planted as `slow` answers after `slow_seconds`. With
    `traps`, a further word `traps` leads to copies that show every misbehaviour.
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

    def answer(self, target: str, wait: Callable[[float], Any]) -> Answer:
        """What the site says to `GET target`; `wait` sleeps where the answer is planted to be slow."""
        split = urlsplit(target)
        arguments = {name: values[-1] for name, values in parse_qs(split.query).items()}
        folder, _, name = unquote(split.path).lstrip("/").partition("/")
        picture = self.library.by_name.get(name)
        if folder == "sticker" and picture:
            return Answer.html(pages.sticker_page(picture, self.url))
        if folder in ("media", "private", "go") and picture:
            return self._media(folder, picture, wait)
        return self._other(split.path, arguments) or Answer.html(pages.not_found_page(), HTTPStatus.NOT_FOUND)

    def _other(self, path: str, arguments: dict[str, str]) -> Answer | None:
        if path == "/":
            return Answer.html(pages.home_page(self.library))
        if path == "/search":
            number = arguments.get("page", "1")
            page = pages.search_page(self.library, arguments.get("q", ""), int(number) if number.isdecimal() else 0)
            return Answer.html(page) if page else None
        if path == "/licence":
            return Answer.html(pages.licence_page(arguments.get("name", "")))
        if path == "/words.txt":
            return Answer.text("".join(f"{word}\n" for word, _ in self.library.words))
        if path == "/robots.txt":
            return Answer.text(f"User-agent: *\nCrawl-delay: {self.crawl_delay:g}\nDisallow: /private/\n")
        if path == "/style.css":
            return Answer.text(files("vsd2m.gallery").joinpath("style.css").read_text("utf-8"), "text/css")
        return None

    def _media(self, folder: str, picture: Picture, wait: Callable[[float], Any]) -> Answer:
        if folder == "go" and picture.planted == "offsite_redirect":
            return Answer.redirect(f"{ELSEWHERE}/{quote(picture.name)}")
        if folder == "go":
            return Answer.redirect(f"/media/{quote(picture.name)}")
        data = None if picture.planted == "dead_link" else self._bytes(picture)
        if data is None:
            return Answer.html(pages.not_found_page(), HTTPStatus.NOT_FOUND)
        if picture.planted == "slow":
            wait(self.slow_seconds)
        content_type = mime_of_name(PurePosixPath(picture.name).suffix) or "application/octet-stream"
        headers = {"Content-Type": content_type, "ETag": f'"{hashlib.sha256(data).hexdigest()[:32]}"'}
        if picture.planted == "noai":
            headers["X-Robots-Tag"] = "noai, noimageai"
        return Answer(HTTPStatus.OK, data, headers)

    def _bytes(self, picture: Picture) -> bytes | None:
        data = self.library.read(picture)
        if picture.planted == "html" and data is not None and data.lstrip()[:1] != b"<":
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
    daemon_threads = True  # a client that keeps its connection open must not hold up the end
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
        answer = self._conditional(server.site.answer(self.path, server.closing.wait))
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.status != HTTPStatus.NOT_MODIFIED:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if with_body:
            self.wfile.write(answer.body)

    def _conditional(self, answer: Answer) -> Answer:
        """Not modified, or the range asked for (RFC 9110, sections 13 and 14), or the answer as it is."""
        tag = answer.headers.get("ETag")
        if answer.status != HTTPStatus.OK or tag is None:
            return answer
        if tag in self.headers.get("If-None-Match", ""):
            return Answer(HTTPStatus.NOT_MODIFIED, b"", answer.headers)
        found = _RANGE.match(self.headers.get("Range", ""))
        return _ranged(answer, *found.groups()) if found and any(found.groups()) else answer

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (named by the standard library)
        logger.debug("%s %s", self.address_string(), format % args)


def _ranged(answer: Answer, first: str, last: str) -> Answer:
    size = len(answer.body)
    start = int(first) if first else max(0, size - int(last))
    end = min(size - 1, int(last)) if first and last else size - 1
    if start > end:
        status, body, told = HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, b"", f"bytes */{size}"
    else:
        status, body, told = HTTPStatus.PARTIAL_CONTENT, answer.body[start : end + 1], f"bytes {start}-{end}/{size}"
    return Answer(status, body, {**answer.headers, "Content-Range": told})
