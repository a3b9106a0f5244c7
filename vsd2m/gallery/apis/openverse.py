"""Openverse's search of images (api.openverse.org/v1/)."""

import hashlib
import uuid
from http import HTTPStatus
from pathlib import PurePosixPath
from typing import Any, ClassVar

from vsd2m.gallery.apis.base import ApiModel
from vsd2m.gallery.library import SiteSticker
from vsd2m.gallery.pages import sticker_link
from vsd2m.gallery.server import HttpRequest, HttpResponse

MAX_PAGE_SIZE = 20
MAX_PAGES = 20


class OpenverseModel(ApiModel):
    """`/v1/images/`; larger pages than an anonymous client may ask for are 401, deeper ones 400."""

    address_path: ClassVar[tuple[str | int, ...]] = ("url",)
    title_path: ClassVar[tuple[str | int, ...]] = ("title",)

    def answer(self, request: HttpRequest) -> HttpResponse:
        if request.path != "/v1/images/":
            return HttpResponse.json({"detail": "Not found."}, HTTPStatus.NOT_FOUND)
        arguments = request.arguments
        token = request.headers.get("authorization")
        if token is not None and token != f"Bearer {self.options.key}":
            return HttpResponse.json(
                {"detail": "Authentication credentials were not provided."}, HTTPStatus.UNAUTHORIZED
            )
        size, number = int(arguments.get("page_size", "20")), int(arguments.get("page", "1"))
        if size > MAX_PAGE_SIZE and token is None:
            detail = f"Ensure this value is less than or equal to {MAX_PAGE_SIZE}."
            return HttpResponse.json({"detail": detail}, HTTPStatus.UNAUTHORIZED)
        if not 1 <= number <= MAX_PAGES:
            detail = f"Ensure this value is less than or equal to {MAX_PAGES}."
            return HttpResponse.json({"page": [detail]}, HTTPStatus.BAD_REQUEST)
        return HttpResponse.json(self._page(arguments, number, self.page_size(size)))

    def busy(self) -> HttpResponse:
        detail = f"Request was throttled. Expected available in {self.options.retry_after_s} seconds."
        limits = {"X-RateLimit-Limit-anon_burst": "5/hour", "X-RateLimit-Available-anon_burst": "0"}
        return self.throttled({"detail": detail}, limits)

    def entry(self, sticker: SiteSticker, number: int) -> dict[str, Any]:
        identifier = str(uuid.UUID(hashlib.sha256(sticker.name.encode()).hexdigest()[:32]))
        landing_url = self.url + sticker_link(sticker)
        return {
            "id": identifier,
            "title": sticker.title,
            "indexed_on": "2024-05-01T00:00:00Z",
            "foreign_landing_url": landing_url,
            "url": self.media_url(sticker),
            "creator": sticker.author or None,
            "creator_url": None,
            "license": "by-sa",
            "license_version": "4.0",
            "license_url": "https://creativecommons.org/licenses/by-sa/4.0/",
            "provider": "wikimedia",
            "source": "wikimedia",
            "category": None,
            "filesize": None,
            "filetype": PurePosixPath(sticker.name).suffix.removeprefix("."),
            "tags": [{"name": tag, "accuracy": None, "unstable__provider": "wikimedia"} for tag in sticker.tags],
            "attribution": f'"{sticker.title}" by {sticker.author or "someone"} is licensed under CC BY-SA 4.0.',
            "fields_matched": [],
            "mature": False,
            "height": 8,
            "width": 8,
            "thumbnail": f"{self.url}/v1/images/{identifier}/thumb/",
            "detail_url": f"{self.url}/v1/images/{identifier}/",
            "related_url": f"{self.url}/v1/images/{identifier}/related/",
            "unstable__sensitivity": [],
        }

    def _page(self, arguments: dict[str, str], number: int, size: int) -> dict[str, Any]:
        matches = self.library.search(arguments.get("q", ""))
        return {
            "result_count": len(matches),
            "page_count": min(-(-len(matches) // size), MAX_PAGES),
            "page_size": size,
            "page": number,
            "results": self.entries(matches[(number - 1) * size : number * size]),
        }
