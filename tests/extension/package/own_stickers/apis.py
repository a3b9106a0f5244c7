"""The API that `own_stickers.sources` reads, as a model over any folder."""

import base64
import json
from http import HTTPStatus
from typing import Any, ClassVar

from vsd2m.gallery.apis.base import ApiModel
from vsd2m.gallery.library import SiteSticker
from vsd2m.gallery.server import HttpRequest, HttpResponse

PAGE_SIZE = 2


class AnonymousModel(ApiModel):
    """`POST /find` with a word or a cursor, and `GET /words`."""

    address_path: ClassVar[tuple[str | int, ...]] = ("address",)
    title_path: ClassVar[tuple[str | int, ...]] = ("title",)

    def answer(self, request: HttpRequest) -> HttpResponse:
        if request.headers.get("x-api-key") != self.options.key:
            return HttpResponse.json({"problem": "wrong key"}, HTTPStatus.UNAUTHORIZED)
        if (request.method, request.path) == ("GET", "/words"):
            return HttpResponse.json({"words": [word for word, _ in self.library.words]})
        if (request.method, request.path) == ("POST", "/find"):
            return HttpResponse.json(self._find(json.loads(request.body)))
        return HttpResponse.json({"problem": "no such path"}, HTTPStatus.NOT_FOUND)

    def busy(self) -> HttpResponse:
        return self.throttled({"problem": "busy"})

    def entry(self, sticker: SiteSticker, number: int) -> dict[str, Any]:
        return {"address": self.media_url(sticker), "title": sticker.title}

    def _find(self, question: dict[str, str]) -> dict[str, Any]:
        state = base64.b64decode(question["cursor"]).decode() if "cursor" in question else f"0 {question['word']}"
        start, _, word = state.partition(" ")
        matches = self.library.search(word)
        end = int(start) + PAGE_SIZE
        answer: dict[str, Any] = {"stickers": self.entries(matches[int(start) : end])}
        if end < len(matches):
            answer["cursor"] = base64.b64encode(f"{end} {word}".encode()).decode()
        return answer
