"""The custom emoji of a Misskey server (misskey-hub.net/docs/for-developers/api)."""

from http import HTTPStatus
from typing import Any, ClassVar

from vsd2m.gallery.apis.base import ApiModel
from vsd2m.gallery.apis.mastodon import shortcode
from vsd2m.gallery.library import SiteSticker
from vsd2m.gallery.server import HttpRequest, HttpResponse


class MisskeyModel(ApiModel):
    """`/api/emojis`: all stickers as one list, by their file's name, with their licence."""

    address_path: ClassVar[tuple[str | int, ...]] = ("url",)
    title_path: ClassVar[tuple[str | int, ...]] = ("name",)

    def answer(self, request: HttpRequest) -> HttpResponse:
        if request.path != "/api/emojis":
            error = {"message": "No such endpoint.", "code": "NO_SUCH_ENDPOINT"}
            return HttpResponse.json({"error": error}, HTTPStatus.NOT_FOUND)
        return HttpResponse.json({"emojis": self.entries(self.library.stickers)})

    def busy(self) -> HttpResponse:
        error = {"message": "Rate limit exceeded. Please try again later.", "code": "RATE_LIMIT_EXCEEDED"}
        return self.throttled({"error": {**error, "id": "d5826d14-3982-4d2e-8011-b9e9f02499ef"}})

    def entry(self, sticker: SiteSticker, number: int) -> dict[str, Any]:
        return {
            "aliases": list(sticker.trigger_words),
            "name": shortcode(sticker),
            "category": sticker.tags[0] if sticker.tags else None,
            "url": self.media_url(sticker),
            **({"license": sticker.licence} if sticker.licence else {}),
        }
