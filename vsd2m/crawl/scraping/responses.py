"""Answers read: a page as a source sees it, and the refusals that it can end in."""

import json
from collections.abc import Callable, Container, Mapping
from dataclasses import fields, replace
from http import HTTPStatus
from typing import Any, TypeVar

from scrapy import Request
from scrapy.http import Headers, Response, TextResponse

from vsd2m.crawl.scraping.job import Refusal
from vsd2m.crawl.scraping.redaction import Redaction
from vsd2m.crawl.sources.base import FoundSticker, Page, PageError, SearchResults, UnreadSticker

T = TypeVar("T")


class RefusedError(Exception):
    """What was asked for is unavailable; `refusal` says why."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.reason)
        self.refusal = refusal


def keyless_url(request: Request, url: str, redacted: Redaction) -> str:
    """`url`, which `request` was sent to or redirected to, without keys."""
    asked_url: str = request.meta["keyless_url"]
    return redacted(url) if "redirect_urls" in request.meta else asked_url


def page_of(request: Request, response: TextResponse, redacted: Redaction) -> Page:
    """An answer as sources see it: keys that the site repeats are not in it."""
    headers = {name.decode("latin-1").lower(): ", ".join(_texts(response.headers, name)) for name in response.headers}
    url = keyless_url(request, response.url, redacted)
    values = {name: redacted(value) for name, value in headers.items()}
    return Page(url, redacted(response.text), response.status, values)


def read(response: Response, parse: Callable[[Page], T], *, redacted: Redaction, readable: Container[int]) -> T:
    """What a source's `parse` makes of the page; `RefusedError` where the answer is no such page.

    A source is foreign code: whatever it raises is a refusal of this page, with the error's name, not of the crawl.
    """
    if response.status not in readable:
        check_status(response)
    if not isinstance(response, TextResponse):
        raise RefusedError(Refusal("page_not_understood", detail="the answer is not text"))
    try:
        return parse(page_of(response.request, response, redacted))
    except PageError as error:
        raise RefusedError(Refusal("page_not_understood", detail=str(error))) from error
    except MemoryError:
        raise
    except Exception as error:
        raise RefusedError(Refusal("source_error", detail=f"{type(error).__name__}: {error}")) from error


def targets_of(results: SearchResults) -> Mapping[str, Any]:
    """What a results page leads to, by address and each once, in the page's order; nothing is looked into yet."""
    return {_address(target): target for target in results.stickers}


def _address(target: Any) -> str:
    url = target.url if isinstance(target, FoundSticker | UnreadSticker) else target
    return url if isinstance(url, str) else repr(url)


def checked_sticker(sticker: Any) -> FoundSticker:
    """`sticker` with its lists as tuples; `RefusedError` where a field is not of its type."""
    if isinstance(sticker, UnreadSticker):
        raise RefusedError(Refusal("sticker_not_understood", detail=sticker.problem))
    if not isinstance(sticker, FoundSticker):
        raise _wrong_type("the sticker", "a FoundSticker", sticker)
    for name in _TEXT_FIELDS:
        if not isinstance(getattr(sticker, name), str):
            raise _wrong_type(name, "text", getattr(sticker, name))
    for name in _LIST_FIELDS:
        values = getattr(sticker, name)
        if not isinstance(values, tuple | list) or not all(isinstance(value, str) for value in values):
            raise _wrong_type(name, "texts", values)
    lists: dict[str, Any] = {name: tuple(getattr(sticker, name)) for name in _LIST_FIELDS}
    return replace(sticker, **lists)


_LIST_FIELDS = ("tags", "fallbacks", "words")
_TEXT_FIELDS = tuple(field.name for field in fields(FoundSticker) if field.name not in _LIST_FIELDS)


def _wrong_type(field: str, expected: str, value: Any) -> RefusedError:
    detail = f"{field}: expected {expected}, found {type(value).__name__} {value!r}"
    return RefusedError(Refusal("source_error", detail=detail))


def check_status(response: Response) -> None:
    """`RefusedError` for everything but 200: `server_error` for what the site may get over, else `http_error`."""
    if response.status != HTTPStatus.OK:
        is_passing = response.status >= 500 or response.status in _PASSING
        reason = "server_error" if is_passing else "http_error"
        raise RefusedError(Refusal(reason, value=response.status, detail=f"HTTP status {response.status}"))


_PASSING = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})


def robots_column(response: Response) -> str:
    """The `robots` column of a downloaded picture: all that was said of its use, as one line of JSON."""
    statements = [
        {"signal": statement.signal, "place": statement.place, "text": statement.text}
        for statement in response.meta["statements"]
    ]
    return json.dumps({"robots_txt": response.meta["robots_txt"], "statements": statements}, ensure_ascii=False)


def content_type(response: Response) -> str:
    """The type that the answer claims to have."""
    return next(iter(_texts(response.headers, "Content-Type")), "nothing")


def _texts(headers: Headers, name: str | bytes) -> list[str]:
    return [value.decode("latin-1") for value in headers.getlist(name)]
