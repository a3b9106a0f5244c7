"""A folder served as one of the models of APIs."""

import threading
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path, PurePosixPath
from typing import Any

from vsd2m.gallery.apis import api_class
from vsd2m.gallery.apis.base import ApiOptions
from vsd2m.gallery.library import Library
from vsd2m.gallery.server import HttpRequest, HttpResponse, Site
from vsd2m.media.media_types import mime_of_name


class ApiSite(Site):
    """Serves `folder` as the API `api`, with the stickers' files below `/media/`.

    `on_request` is called with every request, before it is answered.
    """

    def __init__(
        self,
        folder: Path | str,
        api: str,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        options: ApiOptions | None = None,
        on_request: Callable[[HttpRequest], None] | None = None,
    ) -> None:
        super().__init__(host, port)
        self._model_class = api_class(api)
        self._library = Library(folder)
        self._options = options or ApiOptions()
        self._on_request = on_request
        self._num_answers = 0
        self._lock = threading.Lock()

    def response(self, request: HttpRequest, wait: Callable[[float], Any]) -> HttpResponse:
        if self._on_request is not None:
            self._on_request(request)
        model = self._model_class(self._library, self._options, self.url)
        if request.path == "/robots.txt" and model.robots_txt is not None:
            return HttpResponse.text(model.robots_txt)
        if request.path in ("/robots.txt", "/ai.txt") or request.path.startswith("/.well-known/"):
            return HttpResponse(HTTPStatus.NOT_FOUND, b"")  # files about the host, which are no answers of the API
        name = model.media_path(request)
        if name is not None:
            return self._media(name)
        return model.busy() if self._is_busy() else model.answer(request)

    def _is_busy(self) -> bool:
        with self._lock:
            self._num_answers += 1
            return bool(self._options.busy_every) and self._num_answers % (self._options.busy_every or 1) == 0

    def _media(self, name: str) -> HttpResponse:
        sticker = self._library.by_name.get(name)
        data = None if sticker is None else self._library.read(sticker)
        if data is None:
            return HttpResponse(HTTPStatus.NOT_FOUND, b"")
        content_type = mime_of_name(PurePosixPath(name).suffix) or "application/octet-stream"
        return HttpResponse(HTTPStatus.OK, data, {"Content-Type": content_type})
