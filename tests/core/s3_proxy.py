"""A loopback proxy before an S3 server that notes each request, and answers some of them with a fault."""

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

FAULTS = {
    "busy": (503, "SlowDown"),
    "internal": (500, "InternalError"),
    "gateway": (502, "BadGateway"),
    "expired": (403, "ExpiredToken"),
    "denied": (403, "AccessDenied"),
}


class Proxy(ThreadingHTTPServer):
    """`faults` are answered first, one per request; `reset` closes the connection without an answer."""

    daemon_threads = True

    def __init__(self, target: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.target = target.removeprefix("http://")
        self.requests: list[tuple[str, str]] = []
        self.authorizations: list[str] = []
        self.faults: list[str] = []
        self.chance: Callable[[], str | None] = lambda: None  # a fault for a request, or none
        self.on_fault: Callable[[str], object] = lambda fault: None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def s3_proxy(target: str) -> Iterator[Proxy]:
    """A running proxy before the server at `target`."""
    with Proxy(target) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield proxy
        finally:
            proxy.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Proxy

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.requests.append((self.command, self.path))
        self.server.authorizations.append(self.headers.get("Authorization", ""))
        fault = self.server.faults.pop(0) if self.server.faults else self.server.chance()
        if fault is not None:
            self._fail(fault)
        else:
            self._forward(body)

    do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = _answer  # noqa: N815

    def _fail(self, fault: str) -> None:
        self.server.on_fault(fault)
        if fault == "reset":
            self.close_connection = True
            return
        status, code = FAULTS[fault]
        self._send(status, {}, f"<Error><Code>{code}</Code><Message>a fault</Message></Error>".encode())

    def _forward(self, body: bytes) -> None:
        connection = http.client.HTTPConnection(self.server.target, timeout=30)
        connection.request(self.command, self.path, body, dict(self.headers))
        answer = connection.getresponse()
        headers = {
            name: value for name, value in answer.getheaders() if name not in ("Transfer-Encoding", "Connection")
        }
        self._send(answer.status, headers, answer.read())
        connection.close()

    def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            if name.lower() != "content-length":
                self.send_header(name, value)
        length = headers.get("Content-Length", str(len(body))) if self.command == "HEAD" else str(len(body))
        self.send_header("Content-Length", length)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *arguments: object) -> None: ...
