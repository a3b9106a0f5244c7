"""Telegram's Bot API as far as stickers go (core.telegram.org/bots/api); the token stands in the path."""

import re
from http import HTTPStatus
from pathlib import PurePosixPath
from typing import Any, ClassVar

from vsd2m.gallery.apis.base import ApiModel
from vsd2m.gallery.library import SiteSticker
from vsd2m.gallery.server import HttpRequest, HttpResponse

EMOJI = ("😀", "👋", "🐱", "❤️")


class TelegramModel(ApiModel):
    """`getStickerSet` and `getFile`; every trigger word is a set, with underscores for what is no letter or digit."""

    address_path: ClassVar[tuple[str | int, ...]] = ("file_id",)
    title_path: ClassVar[tuple[str | int, ...]] = ("emoji",)

    def answer(self, request: HttpRequest) -> HttpResponse:
        method = request.path.removeprefix(f"/bot{self.options.key}/")
        if method == request.path:
            return _error(HTTPStatus.UNAUTHORIZED, "Unauthorized")
        if method == "getStickerSet":
            return self._sticker_set(request.arguments.get("name", ""))
        if method == "getFile":
            return self._file(request.arguments.get("file_id", ""))
        return _error(HTTPStatus.NOT_FOUND, "Not Found")

    def busy(self) -> HttpResponse:
        seconds = self.options.retry_after_s
        parameters = {"parameters": {"retry_after": seconds}}
        return _error(HTTPStatus.TOO_MANY_REQUESTS, f"Too Many Requests: retry after {seconds}", **parameters)

    def media_path(self, request: HttpRequest) -> str | None:
        path = request.path.removeprefix(f"/file/bot{self.options.key}/stickers/")
        return None if path == request.path else path

    def entry(self, sticker: SiteSticker, number: int) -> dict[str, Any]:
        is_animated = PurePosixPath(sticker.name).suffix == ".tgs"
        return {
            "file_id": _file_id(sticker),
            "file_unique_id": f"unique{number}",
            "type": "regular",
            "width": 512,
            "height": 512,
            "is_animated": is_animated,
            "is_video": not is_animated,
            "emoji": EMOJI[number % len(EMOJI)],
            "file_size": 1,
        }

    def _sticker_set(self, name: str) -> HttpResponse:
        for word, _ in self.library.words:
            if set_name(word) == name:
                stickers = self.entries(self.library.search(word))
                result = {"name": name, "title": word, "sticker_type": "regular", "stickers": stickers}
                return HttpResponse.json({"ok": True, "result": result})
        return _error(HTTPStatus.BAD_REQUEST, "Bad Request: STICKERSET_INVALID")

    def _file(self, file_id: str) -> HttpResponse:
        for sticker in self.library.stickers:
            if _file_id(sticker) == file_id:
                result = {"file_id": file_id, "file_size": 1, "file_path": f"stickers/{sticker.name}"}
                return HttpResponse.json({"ok": True, "result": result})
        return _error(HTTPStatus.BAD_REQUEST, "Bad Request: invalid file_id")


def set_name(word: str) -> str:
    """The name of the set of a trigger word."""
    return re.sub(r"\W+", "_", word)


def _file_id(sticker: SiteSticker) -> str:
    return f"CAAC{sticker.name.encode().hex()}"


def _error(status: HTTPStatus, description: str, **more: Any) -> HttpResponse:
    return HttpResponse.json({"ok": False, "error_code": status, "description": description, **more}, status)
