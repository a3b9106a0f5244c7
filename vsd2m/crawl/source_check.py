"""A source tried on pages that are saved on disk: what each field matched, and what is missing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vsd2m.core.errors import StorageError
from vsd2m.crawl.sources.base import FoundSticker, Page, PageError, SearchResults, Source, UnreadSticker

_FIELDS = {
    "picture": "url",
    "renditions": "fallbacks",
    "page": "page_url",
    "title": "title",
    "tags": "tags",
    "author": "author",
    "licence": "licence",
    "licence_url": "licence_url",
    "attribution": "attribution",
    "id": "source_id",
    "trigger_word": "trigger_word",
}
"""A field's name in a config of selectors, and in what a source gives."""


@dataclass(frozen=True)
class FieldReport:
    """What one field matched: in how many of the page's stickers, and the first value."""

    name: str
    selector: str
    num_matches: int
    num_stickers: int
    example: str

    @property
    def verdict(self) -> str:
        """ "missing" where it was looked for and never found."""
        return "missing" if self.num_matches == 0 else f"{self.num_matches} of {self.num_stickers}"


@dataclass(frozen=True)
class PageReport:
    """What a source read in one page; `kind` is empty if the source does not understand it.

    `num_stickers` counts those that it could read.
    """

    name: str
    kind: str
    fields: Sequence[FieldReport]
    problems: Sequence[str]
    num_stickers: int = 0
    next_address: str = ""

    @property
    def is_read(self) -> bool:
        """Whether the page gave at least one sticker."""
        return self.num_stickers > 0


def read_page(path: Path, site: str) -> Page:
    """A saved page, as if the site had sent it."""
    try:
        return Page(f"{site}/", path.read_text(encoding="utf-8", errors="replace"))
    except OSError as error:
        raise StorageError(f"cannot read the page {path}: {error.strerror or error}") from error


def check_page(source: Source[Any], page: Page, name: str) -> PageReport:
    """What the source makes of a page: a results page if there are stickers on it, else a sticker's own page."""
    results, problem = _results(source, page)
    if results is not None and results.stickers:
        return _results_report(source, page, results, name)
    try:
        sticker = source.parse_sticker(page)
    except PageError as error:
        if results is not None:
            return _results_report(source, page, results, name)
        return PageReport(name, "", (), tuple(dict.fromkeys((f"as results: {problem}", f"as a sticker: {error}"))))
    except Exception as error:  # foreign code
        return PageReport(name, "", (), (_crash(error),))
    return PageReport(name, "sticker page", _fields(source, page, [sticker], "sticker"), (), 1)


def _results(source: Source[Any], page: Page) -> tuple[SearchResults | None, str]:
    try:
        return source.parse_search(page), ""
    except PageError as error:
        return None, str(error)
    except Exception as error:  # foreign code
        return None, _crash(error)


def _crash(error: Exception) -> str:
    return f"the source raised {type(error).__name__}: {error}"


def _results_report(source: Source[Any], page: Page, results: SearchResults, name: str) -> PageReport:
    targets = results.stickers
    links = [target for target in targets if isinstance(target, str)]
    stickers = [target for target in targets if isinstance(target, FoundSticker)]
    problems = [target.problem for target in targets if isinstance(target, UnreadSticker)]
    selector = _selector(source.selectors(), "results", "stickers")
    counted = FieldReport("stickers", selector, len(targets), len(targets), "")
    fields = [counted, *_fields(source, page, stickers, "results")] if stickers else [counted]
    if links:
        pages = _selector(source.selectors(), "results", "page")
        fields.append(FieldReport("page", pages, len(links), len(targets), links[0]))
    next_address = results.next_ask.url if results.next_ask else ""
    num_stickers = len(links) + len(stickers)
    return PageReport(name, "results page", fields, _counted(problems, len(targets)), num_stickers, next_address)


def _fields(source: Source[Any], page: Page, stickers: Sequence[FoundSticker], section: str) -> list[FieldReport]:
    """All fields with a value, and those without one that were looked for."""
    selectors = source.selectors()
    reports = []
    for name, attribute in _FIELDS.items():
        values = [_text(getattr(sticker, attribute)) for sticker in stickers]
        matches = [value for value in values if value and not (name == "page" and value == page.url)]
        selector = _selector(selectors, section, name)
        if matches or selector or (not selectors and name in ("picture", "title", "licence", "author")):
            reports.append(FieldReport(name, selector, len(matches), len(stickers), matches[0] if matches else ""))
    return reports


def _selector(selectors: Mapping[str, str], section: str, name: str) -> str:
    return selectors.get(f"{section}.{name}") or selectors.get(name) or ""


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ", ".join(value)


def _counted(problems: Sequence[str], num_stickers: int) -> tuple[str, ...]:
    """Each problem once, with how many stickers have it."""
    return tuple(f"{problem} ({problems.count(problem)} of {num_stickers})" for problem in dict.fromkeys(problems))
