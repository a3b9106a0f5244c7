"""The interface of signals: each reads statements about use from some places of a site or a picture."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from vsd2m.crawl.rights.robots_groups import RobotsGroups

MAX_TEXT = 500

NUM_KNOWN_FILES = 64
"""Files of sites that are kept as they were parsed: every request is compared with them."""

NO = r"no?|\?0|0|false|disallow(?:ed)?|deny|never"
"""What a refusal is written as, in the places whose specification has one word for it."""

_LOWER = "translate(., 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz')"
META = (
    "//meta[@*[name() = 'name' or name() = 'http-equiv' or name() = 'property']"
    f"[normalize-space({_LOWER}) = $name]]/@content"
)
"""XPath of what a page's meta elements say under `$name`, in lower case, by any of the attributes that name them."""

LICENCE_LINKS = (
    f"//link[@rel[contains(concat(' ', normalize-space({_LOWER}), ' '), ' license ')]]"
    f"[@type[starts-with(normalize-space({_LOWER}), $type)]]/@href"
)
"""XPath of the licences of media type `$type`, in lower case, that a page links to."""

Headers = Mapping[str, Sequence[str]]
"""Those of `Signal.headers` that an answer has -> values, one for each header of that name."""


@dataclass(frozen=True)
class Statement:
    """A statement, verbatim (up to `MAX_TEXT` characters), and its place. `reserves`: against machine learning.

    `is_override`: it replaces what the same signal says in other places before it.
    """

    signal: str
    place: str
    text: str
    reserves: bool
    is_override: bool = False

    def __str__(self) -> str:
        return f"{self.place}: {self.text}"


@dataclass(frozen=True)
class Target:
    """What is asked for, and the name by which rules address the crawler (its product token, in lower case)."""

    url: str
    product: str

    @property
    def path(self) -> str:
        """Path and query, as patterns are compared with."""
        split = urlsplit(self.url)
        return (split.path or "/") + (f"?{split.query}" if split.query else "")


class Signal:
    """One way to reserve rights. No method raises on any input; each reads one place, by default none."""

    site_files: ClassVar[tuple[str, ...]] = ()
    """Paths of files that it reads once per origin."""

    headers: ClassVar[tuple[str, ...]] = ()
    """Names, in lower case, of the headers that it reads."""

    def __init__(self, name: str) -> None:
        self.name = name

    def in_robots(self, groups: "RobotsGroups", target: Target) -> Iterable[Statement]:
        """What robots.txt says about `target`."""
        return ()

    def in_site_file(self, path: str, text: str, target: Target) -> Iterable[Statement]:
        """What one of `site_files` says about `target`."""
        return ()

    def in_headers(self, headers: Headers, target: Target) -> Iterable[Statement]:
        """What the headers of an answer say."""
        return ()

    def in_page(self, page: Any, target: Target) -> Iterable[Statement]:
        """What an HTML page (a `parsel.Selector`) says."""
        return ()

    def in_picture(self, data: bytes) -> Iterable[Statement]:
        """Statements inside a picture."""
        return ()

    def licences_in_robots(self, groups: "RobotsGroups") -> Iterable[str]:
        """Addresses of licence files that robots.txt names."""
        return ()

    def licences_in_headers(self, headers: Headers) -> Iterable[str]:
        """Addresses of licence files that the headers of an answer name, possibly relative."""
        return ()

    def licences_in_page(self, page: Any) -> Iterable[str]:
        """Addresses of licence files that a page names, possibly relative."""
        return ()

    def in_licence(self, address: str, text: str | None, target: Target) -> Iterable[Statement]:
        """What the licence file at `address` says about `target`; None: it could not be read."""
        return ()

    def says(self, place: str, text: str, *, reserves: bool, is_override: bool = False) -> Statement:
        """A statement of this signal."""
        return Statement(self.name, place, " ".join(text.split())[:MAX_TEXT], reserves, is_override)


def reserving(statements: Iterable[Statement]) -> Statement | None:
    """The statement that reserves, or None. One that reserves is enough, unless its signal overrides it later."""
    standing: list[Statement] = []
    for statement in statements:
        if statement.is_override:
            standing = [one for one in standing if one.signal != statement.signal or one.place == statement.place]
        standing.append(statement)
    return next((statement for statement in standing if statement.reserves), None)


def product_of(user_agent: str) -> str:
    """The product token of a user agent (RFC 9309, section 2.2.1), in lower case."""
    match = re.match(r"[a-z0-9._-]*", user_agent.strip().casefold())
    return match[0] if match else ""
