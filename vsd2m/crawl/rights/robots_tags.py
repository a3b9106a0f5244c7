"""`noai` and its family, in `X-Robots-Tag` headers and `<meta name="robots">`."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from vsd2m.crawl.rights.signal import META, Headers, Signal, Statement, Target

RESERVING = frozenset({"noai", "noimageai", "noml"})
_WITH_VALUE = frozenset({"unavailable_after", "max-snippet", "max-image-preview", "max-video-preview"})
_DIRECTIVE = re.compile(r"[a-z0-9_-]+")
_BOT = re.compile(r"[a-z_-]+|\*")


class RobotsTags(Signal):
    """`noai`, `noimageai` and `noml` reserve, unless they are clearly addressed to another crawler (`bot: noai`)."""

    headers = ("x-robots-tag",)

    def in_headers(self, headers: Headers, target: Target) -> Iterable[Statement]:
        for value in headers.get("x-robots-tag", ()):
            yield self.says("header", f"X-Robots-Tag: {value}", reserves=_reserves(value, target.product))

    def in_page(self, page: Any, target: Target) -> Iterable[Statement]:
        for name in dict.fromkeys(("robots", "x-robots-tag", target.product)):
            for value in page.xpath(META, name=name).getall():
                yield self.says("page", f"meta {name}: {value}", reserves=_reserves(value, target.product))


def _reserves(value: str, product: str) -> bool:
    return any(directive in RESERVING for directive in _directives(value, product))


def _directives(value: str, product: str) -> Iterator[str]:
    """The directives that hold for `product`. Text before a colon counts as a crawler only if it is a plain name."""
    holds = True
    for part in re.split(r"[,;]", value.casefold()):
        name, colon, rest = part.partition(":")
        name = name.strip()
        if colon and name in RESERVING:
            yield name if holds else ""
        if colon and name not in _WITH_VALUE and name not in RESERVING and _BOT.fullmatch(name):
            holds = name in (product, "*")
        elif colon and name not in _WITH_VALUE:
            holds = True
        if holds:
            yield from _DIRECTIVE.findall(rest if colon else part)
