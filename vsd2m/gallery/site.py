"""A sticker site on loopback: search pages, sticker pages, media, robots.txt, and every misbehaviour of real sites."""

import hashlib
from collections.abc import Callable
from http import HTTPStatus
from importlib.resources import files
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

from vsd2m.gallery import pages
from vsd2m.gallery.library import Library, SiteSticker
from vsd2m.gallery.server import HttpRequest, HttpResponse, Site
from vsd2m.media.media_types import mime_of_name

ELSEWHERE = "http://elsewhere.invalid"


class GallerySite(Site):
    """Serves `folder` from a thread while the context lasts; `port` 0 chooses a free one.

    `crawl_delay` (seconds) is written to robots.txt; a sticker planted as `slow` is sent after `slow_seconds`. With
    `traps`, an additional trigger word `traps` leads to copies that show every misbehaviour.
    """

    def __init__(
        self,
        folder: Path | str,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        traps: bool = False,
        crawl_delay: float = 0.005,
        slow_seconds: float = 2.0,
    ) -> None:
        self.library = Library(folder, traps=traps)
        self.crawl_delay = crawl_delay
        self.slow_seconds = slow_seconds
        super().__init__(host, port)

    def response(self, request: HttpRequest, wait: Callable[[float], Any]) -> HttpResponse:
        """The page, or the file; `wait` sleeps if the sticker is planted as slow."""
        split = urlsplit(request.target)
        arguments = {name: values[-1] for name, values in parse_qs(split.query).items()}
        folder, _, name = unquote(split.path).lstrip("/").partition("/")
        sticker = self.library.by_name.get(name)
        if folder == "sticker" and sticker:
            return HttpResponse.html(pages.sticker_page(sticker, self.url))
        if folder in ("media", "private", "go") and sticker:
            return self._media(folder, sticker, wait)
        return self._page_response(split.path, arguments) or HttpResponse.html(
            pages.not_found_page(), HTTPStatus.NOT_FOUND
        )

    def _page_response(self, path: str, arguments: dict[str, str]) -> HttpResponse | None:
        if path == "/":
            return HttpResponse.html(pages.home_page(self.library))
        if path == "/search":
            number = arguments.get("page", "1")
            page = pages.search_page(self.library, arguments.get("q", ""), int(number) if number.isdecimal() else 0)
            return HttpResponse.html(page) if page else None
        if path == "/licence":
            return HttpResponse.html(pages.licence_page(arguments.get("name", "")))
        if path == "/words.txt":
            return HttpResponse.text("".join(f"{word}\n" for word, _ in self.library.words))
        if path == "/robots.txt":
            return HttpResponse.text(f"User-agent: *\nCrawl-delay: {self.crawl_delay:g}\nDisallow: /private/\n")
        if path == "/style.css":
            return HttpResponse.text(files("vsd2m.gallery").joinpath("style.css").read_text("utf-8"), "text/css")
        return None

    def _media(self, folder: str, sticker: SiteSticker, wait: Callable[[float], Any]) -> HttpResponse:
        if folder == "go" and sticker.planted == "offsite_redirect":
            return HttpResponse.redirect(f"{ELSEWHERE}/{quote(sticker.name)}")
        if folder == "go":
            return HttpResponse.redirect(f"/media/{quote(sticker.name)}")
        data = None if sticker.planted == "dead_link" else self._bytes(sticker)
        if data is None:
            return HttpResponse.html(pages.not_found_page(), HTTPStatus.NOT_FOUND)
        if sticker.planted == "slow":
            wait(self.slow_seconds)
        content_type = mime_of_name(PurePosixPath(sticker.name).suffix) or "application/octet-stream"
        headers = {"Content-Type": content_type, "ETag": f'"{hashlib.sha256(data).hexdigest()[:32]}"'}
        if sticker.planted == "noai":
            headers["X-Robots-Tag"] = "noai, noimageai"
        return HttpResponse(HTTPStatus.OK, data, headers)

    def _bytes(self, sticker: SiteSticker) -> bytes | None:
        data = self.library.read(sticker)
        if sticker.planted == "html" and data is not None and data.lstrip()[:1] != b"<":
            return pages.not_found_page().encode()
        return data
