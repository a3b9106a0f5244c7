"""The custom emoji of a Mastodon server (docs.joinmastodon.org/methods/custom_emojis)."""

import re
from http import HTTPStatus
from pathlib import PurePosixPath
from typing import Any, ClassVar

from vsd2m.gallery.apis.base import ApiModel
from vsd2m.gallery.library import SiteSticker
from vsd2m.gallery.server import HttpRequest, HttpResponse


class MastodonModel(ApiModel):
    """`/api/v1/custom_emojis`: all stickers as one list, by their file's name."""

    address_path: ClassVar[tuple[str | int, ...]] = ("url",)
    title_path: ClassVar[tuple[str | int, ...]] = ("shortcode",)

    def answer(self, request: HttpRequest) -> HttpResponse:
        if request.path != "/api/v1/custom_emojis":
            return HttpResponse.json({"error": "Record not found"}, HTTPStatus.NOT_FOUND)
        return HttpResponse.json(self.entries(self.library.stickers))

    def busy(self) -> HttpResponse:
        return self.throttled(
            {"error": "Too many requests"}, {"X-RateLimit-Limit": "300", "X-RateLimit-Remaining": "0"}
        )

    def entry(self, sticker: SiteSticker, number: int) -> dict[str, Any]:
        return {
            "shortcode": shortcode(sticker),
            "url": self.media_url(sticker),
            "static_url": self.media_url(sticker),
            "visible_in_picker": True,
            "category": sticker.tags[0] if sticker.tags else None,
        }


def shortcode(sticker: SiteSticker) -> str:
    """The name of the emoji: letters, digits and underscores."""
    return re.sub(r"\W+", "_", PurePosixPath(sticker.name).with_suffix("").as_posix())
