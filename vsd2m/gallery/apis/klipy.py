"""KLIPY's search (docs.klipy.com), whose key stands in the path."""

from http import HTTPStatus
from typing import Any, ClassVar

from vsd2m.gallery.apis.base import ApiModel
from vsd2m.gallery.library import SiteSticker
from vsd2m.gallery.server import HttpRequest, HttpResponse

MIN_PAGE_SIZE, MAX_PAGE_SIZE = 8, 50


class KlipyModel(ApiModel):
    """`/api/v1/KEY/KIND/search`, with an advertisement on every page."""

    address_path: ClassVar[tuple[str | int, ...]] = ("file", "hd", "gif", "url")
    title_path: ClassVar[tuple[str | int, ...]] = ("title",)

    def answer(self, request: HttpRequest) -> HttpResponse:
        match request.path.removeprefix("/api/v1/").split("/"):
            case [self.options.key, "stickers" | "gifs" | "memes" | "ai-emojis", "search"]:
                return HttpResponse.json({"result": True, "data": self._page(request.arguments)})
            case [_, _, "search"]:
                return HttpResponse.json({"result": False, "message": "Invalid API key"}, HTTPStatus.UNAUTHORIZED)
        return HttpResponse.json({"result": False, "message": "Not found"}, HTTPStatus.NOT_FOUND)

    def busy(self) -> HttpResponse:
        return self.throttled({"result": False, "message": "Too many requests"})

    def entry(self, sticker: SiteSticker, number: int) -> dict[str, Any]:
        rendition = {"url": self.media_url(sticker), "width": 498, "height": 498, "size": 12345}
        return {
            "slug": f"sticker-{number}",
            "title": sticker.title,
            "type": "sticker",
            "tags": list(sticker.tags),
            "file": {"hd": {"gif": rendition}},
        }

    def _page(self, arguments: dict[str, str]) -> dict[str, Any]:
        matches = self.library.search(arguments.get("q", ""))
        number, asked_size = int(arguments.get("page", "1")), int(arguments.get("per_page", "24"))
        size = self.page_size(min(max(asked_size, MIN_PAGE_SIZE), MAX_PAGE_SIZE))
        entries = self.entries(matches[(number - 1) * size : number * size])
        advertisement = {"type": "ad", "content": "<iframe></iframe>", "width": 300, "height": 250}
        return {
            "data": [*entries, advertisement],
            "current_page": number,
            "per_page": size,
            "has_next": number * size < len(matches),
        }
