"""An HTTP server on a thread that serves one site: a request in, a response out."""

import contextlib
import json
import logging
import re
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self, cast
from urllib.parse import parse_qsl, unquote, urlsplit

from vsd2m.core.errors import ConfigError

logger = logging.getLogger(__name__)

_RANGE = re.compile(r"bytes=(\d*)-(\d*)$")


@dataclass(frozen=True)
class HttpRequest:
    """One HTTP request as it was received; names of headers are in lower case."""

    target: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def path(self) -> str:
        """The path of the target, decoded."""
        return unquote(urlsplit(self.target).path)

    @property
    def arguments(self) -> dict[str, str]:
        """The arguments of the target; of those that are repeated the last."""
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))


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
    def json(
        cls, value: Any, status: HTTPStatus = HTTPStatus.OK, headers: Mapping[str, str] | None = None
    ) -> "HttpResponse":
        content_type = {"Content-Type": "application/json; charset=utf-8"}
        return cls(status, json.dumps(value).encode(), {**content_type, **(headers or {})})

    @classmethod
    def redirect(cls, location: str) -> "HttpResponse":
        return cls(HTTPStatus.FOUND, b"", {"Location": location})


class Site(ABC):
    """Served from a thread while its context lasts; `port` 0 chooses a free one."""

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    @abstractmethod
    def response(self, request: HttpRequest, wait: Callable[[float], Any]) -> HttpResponse:
        """The response to a request; `wait` sleeps for that many seconds, or until the site closes."""

    @property
    def url(self) -> str:
        """The site's address without a final slash; only while it is being served."""
        if self._server is None:
            raise ConfigError("the gallery is not being served; enter its context first")
        return self._server.url

    def __enter__(self) -> Self:
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


def serve_forever(site: Site, on_ready: Callable[[str], None] | None = None) -> None:
    """Serves until interrupted; calls `on_ready` with the address once it listens."""
    with site, contextlib.suppress(KeyboardInterrupt):
        if on_ready:
            on_ready(site.url)
        while True:
            time.sleep(3600)  # not a lock: polars makes Ctrl-C resume waiting for one


class _Server(ThreadingHTTPServer):
    daemon_threads = True  # a client that keeps its connection open must not delay the shutdown
    request_queue_size = 128  # the default of 5 makes a crawler's connections wait a second for their second try

    def __init__(self, address: tuple[str, int], site: Site) -> None:
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

    def do_POST(self) -> None:
        self._send(with_body=True)

    def do_HEAD(self) -> None:
        self._send(with_body=False)

    def _send(self, *, with_body: bool) -> None:
        server = cast(_Server, self.server)
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length") or 0))
        request = HttpRequest(self.path, self.command, headers, body)
        response = self._conditional(server.site.response(request, server.closing.wait))
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
