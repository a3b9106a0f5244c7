"""Wikimedia Commons' search of files (www.mediawiki.org/wiki/API:Search, API:Imageinfo, Manual:Maxlag parameter)."""

from collections.abc import Mapping
from html import escape
from http import HTTPStatus
from pathlib import PurePosixPath
from typing import Any, ClassVar

from vsd2m.gallery.apis.base import ApiModel
from vsd2m.gallery.library import SiteSticker
from vsd2m.gallery.server import HttpRequest, HttpResponse
from vsd2m.media.media_types import mime_of_name

MAX_PAGE_SIZE = 50
_FILE_MIME = "filemime:"


class CommonsModel(ApiModel):
    """`/w/api.php?action=query&generator=search`, behind a robots.txt that forbids `/w/` as the real one does."""

    robots_txt: ClassVar[str | None] = "User-agent: *\nDisallow: /w/\nDisallow: /api/\n"
    address_path: ClassVar[tuple[str | int, ...]] = ("imageinfo", 0, "url")
    title_path: ClassVar[tuple[str | int, ...]] = ("imageinfo", 0, "extmetadata", "ObjectName", "value")

    def answer(self, request: HttpRequest) -> HttpResponse:
        if request.path != "/w/api.php":
            return HttpResponse(HTTPStatus.NOT_FOUND, b"")
        if not _has_contact(request.headers.get("user-agent", "")):
            return HttpResponse(HTTPStatus.FORBIDDEN, b"Please set a user-agent and respect our robot policy")
        arguments = request.arguments
        if (arguments.get("action"), arguments.get("generator")) != ("query", "search"):
            return _error("badvalue", 'Unrecognized value for parameter "action"')
        return HttpResponse.json(self._query(arguments))

    def busy(self) -> HttpResponse:
        headers = {"Retry-After": str(self.options.retry_after_s), "X-Database-Lag": "6"}
        return _error("maxlag", "Waiting for 10.64.16.1: 6 seconds lagged.", headers, host="10.64.16.1", lag=6)

    def entry(self, sticker: SiteSticker, number: int) -> dict[str, Any]:
        title = f"File:{sticker.name}"
        page_url = f"{self.url}/wiki/{title}"
        image = {
            "timestamp": "2020-05-17T10:11:12Z",
            "user": sticker.author or "Example",
            "size": 1,
            "width": 8,
            "height": 8,
            "canonicaltitle": title,
            "url": f"{self.media_url(sticker)}?utm_source=commons.wikimedia.org&utm_campaign=api",
            "descriptionurl": page_url,
            "descriptionshorturl": f"{self.url}/w/index.php?curid={number}",
            "sha1": "0" * 40,
            "mime": mime_of_name(PurePosixPath(sticker.name).suffix) or "",
            "extmetadata": _metadata(sticker),
        }
        return {"pageid": number, "ns": 6, "title": title, "imagerepository": "local", "imageinfo": [image]}

    def _query(self, arguments: dict[str, str]) -> dict[str, Any]:
        found_stickers = self._search(arguments.get("gsrsearch", ""))
        start, size = int(arguments.get("gsroffset", "0")), int(arguments.get("gsrlimit", "10"))
        page = self.page(found_stickers, start, min(size, MAX_PAGE_SIZE))
        entries = [{**entry, "index": start + place} for place, entry in enumerate(self.entries(page), start=1)]
        answer: dict[str, Any] = {"batchcomplete": True if arguments.get("formatversion") == "2" else ""}
        if start + len(page) < len(found_stickers):
            answer["continue"] = {"gsroffset": start + len(page), "continue": "gsroffset||"}
        if entries:  # absent where nothing matches
            answer["query"] = {"pages": _pages(entries, arguments.get("formatversion", "1"))}
        return answer

    def _search(self, query: str) -> list[SiteSticker]:
        words = query.split()
        kinds = {word.removeprefix(_FILE_MIME) for word in words if word.startswith(_FILE_MIME)}
        matches = self.library.search(" ".join(word for word in words if not word.startswith(_FILE_MIME)))
        suffixes = {f".{kind}" for kind in kinds}
        return [sticker for sticker in matches if not kinds or PurePosixPath(sticker.name).suffix in suffixes]


def _pages(entries: list[dict[str, Any]], format_version: str) -> Any:
    """A list, or in the older format an object by page id, whose order means nothing."""
    return entries if format_version == "2" else {str(entry["pageid"]): entry for entry in reversed(entries)}


def _metadata(sticker: SiteSticker) -> dict[str, Any]:
    author = escape(sticker.author)
    values = {
        "ObjectName": escape(sticker.title),
        "Artist": f'<a href="//commons.example/wiki/User:{author}" title="User:{author}"><bdi>{author}</bdi></a>',
        "ImageDescription": f'<div class="description" lang="en">{escape(sticker.title)}</div>',
        "LicenseShortName": sticker.licence,
        "LicenseUrl": "https://creativecommons.org/licenses/by-sa/4.0" if sticker.licence else "",
        "AttributionRequired": "true",
        "Copyrighted": "True",
        "Restrictions": "",
        "Categories": "|".join(sticker.tags),
    }
    return {name: {"value": value, "source": "commons-desc-page", "hidden": ""} for name, value in values.items()}


def _error(code: str, info: str, headers: Mapping[str, str] | None = None, **more: Any) -> HttpResponse:
    """Errors have status 200."""
    body = {"error": {"code": code, "info": info, **more}, "servedby": "mw1"}
    return HttpResponse.json(body, headers=headers)


def _has_contact(user_agent: str) -> bool:
    """The policy asks for an address of the operator."""
    return "@" in user_agent or "http" in user_agent
