"""Serves a labelling task on an address of this machine."""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any

from vsd2m.core.errors import ConfigError
from vsd2m.core.registry import import_extra
from vsd2m.labelling.application.task import LabellingTask


class LabellingSite:
    """Serves the task from a thread while the context lasts; `port` 0 chooses a free one."""

    def __init__(self, task: LabellingTask, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self._task = task
        self._host = host
        self._port = port

    def __enter__(self) -> "LabellingSite":
        self._socket, self.url = _listen(self._host, self._port)
        self._server = _make_server(self._task, self._host)
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), name="labelling", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()


def serve_forever(task: LabellingTask, *, host: str, port: int, on_ready: Callable[[str], None]) -> None:
    """Serves the task until interrupted; calls `on_ready` with the address once it listens."""
    server = _make_server(task, host)
    listening, url = _listen(host, port)
    with listening, suppress(KeyboardInterrupt):
        on_ready(url)
        server.run([listening])


def _make_server(task: LabellingTask, host: str) -> Any:
    uvicorn = import_extra("uvicorn", extra="web")
    import_extra("fastapi", extra="web")
    from vsd2m.labelling.application.access import served_hosts
    from vsd2m.labelling.application.web import make_app

    # log_config None: uvicorn's default would close all other log handlers of the process.
    settings = {
        "log_config": None,
        "log_level": "warning",
        "access_log": False,
        "lifespan": "off",
        "ws": "none",
        "http": "h11",
    }
    app = make_app(task, hosts=served_hosts(host))
    return uvicorn.Server(uvicorn.Config(app, loop="asyncio", timeout_graceful_shutdown=2, **settings))


def _listen(host: str, port: int) -> tuple[socket.socket, str]:
    """A listening socket and its address; connections wait in its queue until the server takes them."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.create_server(address[:2], family=family, backlog=128)
    except OSError as error:
        raise ConfigError(f"cannot serve on {host}:{port}: {error.strerror or error}; choose another port") from error
    url_host = f"[{host}]" if ":" in host else host
    return listening, f"http://{url_host}:{listening.getsockname()[1]}"
