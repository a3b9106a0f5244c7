"""GIPHY's search (developers.giphy.com/docs/api), in which numbers are texts."""

import hashlib
from http import HTTPStatus
from typing import Any, ClassVar

from vsd2m.gallery.apis.base import ApiModel
from vsd2m.gallery.library import SiteSticker
from vsd2m.gallery.pages import sticker_link
from vsd2m.gallery.server import HttpRequest, HttpResponse

MAX_PAGE_SIZE = 50
MAX_QUERY_LENGTH = 50


class GiphyModel(ApiModel):
    """`/v1/stickers/search` and `/v1/gifs/search`, for whoever sends the key."""

    address_path: ClassVar[tuple[str | int, ...]] = ("images", "original", "url")
    title_path: ClassVar[tuple[str | int, ...]] = ("title",)

    def answer(self, request: HttpRequest) -> HttpResponse:
        if request.path not in ("/v1/stickers/search", "/v1/gifs/search"):
            return HttpResponse.json({"message": "no Route matched with those values"}, HTTPStatus.NOT_FOUND)
        arguments = request.arguments
        if arguments.get("api_key") != self.options.key:
            return _refusal(HTTPStatus.UNAUTHORIZED, "No API key found in request.")
        if len(arguments.get("q", "")) > MAX_QUERY_LENGTH:
            return _refusal(HTTPStatus.REQUEST_URI_TOO_LONG, "The length of the search query exceeds 50 characters.")
        start, size = int(arguments.get("offset", "0")), int(arguments.get("limit", "25"))
        matches = self.library.search(arguments.get("q", ""))
        entries = self.entries(self.page(matches, start, min(size, MAX_PAGE_SIZE)))
        pagination = {"total_count": len(matches), "count": len(entries), "offset": start}
        return HttpResponse.json({"data": entries, "pagination": pagination, "meta": _meta(HTTPStatus.OK, "OK")})

    def busy(self) -> HttpResponse:
        return self.throttled({"meta": _meta(HTTPStatus.TOO_MANY_REQUESTS, "API rate limit exceeded")})

    def entry(self, sticker: SiteSticker, number: int) -> dict[str, Any]:
        identifier = hashlib.sha256(sticker.name.encode()).hexdigest()[:18]
        address = f"{self.media_url(sticker)}?cid=1a2b3c&ep=v1_stickers_search&rid=giphy.gif&ct=s"
        original = {"url": address, "width": "480", "height": "480", "size": "52345", "frames": "12", "hash": "0" * 32}
        return {
            "type": "sticker",
            "id": identifier,
            "slug": identifier,
            "url": self.url + sticker_link(sticker),
            "username": sticker.author,
            "title": sticker.title,
            "rating": "g",
            "is_sticker": 1,
            "tags": list(sticker.tags),
            "import_datetime": "2019-08-01 12:00:00",
            "trending_datetime": "0000-00-00 00:00:00",
            "images": {"original": original},
        }


def _refusal(status: HTTPStatus, message: str) -> HttpResponse:
    return HttpResponse.json({"data": [], "meta": _meta(status, message)}, status)


def _meta(status: HTTPStatus, message: str) -> dict[str, Any]:
    return {"status": status, "msg": message, "response_id": "0f1e2d3c4b5a"}
