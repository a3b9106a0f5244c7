"""Really Simple Licensing 1.0 (rslstandard.org): licence files that robots.txt, a header or a link element names."""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from vsd2m.crawl.rights.patterns import path_matches, without_origin
from vsd2m.crawl.rights.robots_groups import RobotsGroups
from vsd2m.crawl.rights.signal import LICENCE_LINKS, NUM_KNOWN_FILES, Headers, Signal, Statement, Target

_TRAINING = frozenset({"all", "ai-all", "ai-train"})
_FREE = frozenset({"free", "attribution"})
_TYPE = "application/rsl+xml"
_LINK = re.compile(r"<([^<>]*)>([^<>]*)")
_DECLARATION = re.compile(r"\s*<\?xml\b[^>]*\?>")


class ReallySimpleLicensing(Signal):
    """A licence reserves if it prohibits training, permits only other usages, or asks for a payment first.

    A file that cannot be read is recorded, and reserves nothing.
    """

    headers = ("link",)

    def licences_in_robots(self, groups: RobotsGroups) -> Iterable[str]:
        return groups.all_values("license")

    def licences_in_headers(self, headers: Headers) -> Iterable[str]:
        for value in headers.get("link", ()):
            for address, parameters in _LINK.findall(value):
                if (
                    re.search(r"rel\s*=\s*\"?[^\";]*\blicense\b", parameters, re.IGNORECASE)
                    and _TYPE in parameters.casefold()
                ):
                    yield address

    def licences_in_page(self, page: Any) -> Iterable[str]:
        addresses: list[str] = page.xpath(LICENCE_LINKS, type=_TYPE).getall()
        return addresses

    def in_licence(self, address: str, text: str | None, target: Target) -> Iterable[Statement]:
        root = None if text is None else _parsed(text)
        if root is None or _name(root) != "rsl":
            yield self.says(address, "the licence cannot be read", reserves=False)
            return
        for licence in (element for element in root.iter() if _name(element) == "license"):
            content = next((element for element in licence.iterancestors() if _name(element) == "content"), None)
            if content is None or _covers(content.get("url", "/"), target):
                yield self.says(address, _source(licence), reserves=_reserves(licence))


@lru_cache(NUM_KNOWN_FILES)
def _parsed(text: str) -> Any:
    """The root element, without entities and without reading anything else; None where it is no XML."""
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, recover=True)
    try:
        return etree.fromstring(_DECLARATION.sub("", text, count=1).encode("utf-8", "replace"), parser)
    except (etree.XMLSyntaxError, ValueError):
        return None


def _covers(url: str, target: Target) -> bool:
    """A content's address is a path, or absolute; in doubt it covers everything."""
    path = without_origin(url)
    return not path.startswith("/") or path_matches(path, target.path)


def _reserves(licence: Any) -> bool:
    usages = {"permits": set[str](), "prohibits": set[str]()}
    for element in licence.iter():
        if _name(element) in usages and element.get("type", "usage").strip().casefold() == "usage":
            usages[_name(element)].update(re.split(r"[\s,;]+", "".join(element.itertext()).casefold().strip()))
    payments = {element.get("type", "").strip().casefold() for element in licence.iter() if _name(element) == "payment"}
    is_other_only = bool(usages["permits"]) and not usages["permits"] & _TRAINING
    return bool(usages["prohibits"] & _TRAINING) or is_other_only or bool(payments - _FREE)


def _name(element: Any) -> str:
    """A tag without its namespace; empty for comments."""
    return element.tag.rpartition("}")[2].casefold() if isinstance(element.tag, str) else ""


def _source(element: Any) -> str:
    from lxml import etree

    text: str = etree.tostring(element, encoding="unicode", with_tail=False)
    return re.sub(r"\s*xmlns(:\w+)?=\"[^\"]*\"", "", text)
