"""robots.txt by groups, with the fields that parsers for crawling rules drop."""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_FIELD = re.compile(r"\s*([A-Za-z][A-Za-z _-]*?)\s*:\s*(.*)")
_WITHOUT_COLON = re.compile(r"\s*(user-agent|content-signal|content-usage|license)\s+(.*)", re.IGNORECASE)
_AGENT = "user-agent"
_INVISIBLE = re.compile("[\0-\x08\ufeff\u200b]")


def decoded(body: bytes) -> str:
    """The text of a file about rights: in UTF-8, or in UTF-16 where it says so; without what no one sees."""
    is_utf_16 = body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return _INVISIBLE.sub("", body.decode("utf-16" if is_utf_16 else "utf-8", "replace"))


@dataclass
class _Group:
    agents: set[str]
    fields: list[tuple[str, str]] = field(default_factory=list)


class RobotsGroups:
    """The fields of a robots.txt by the crawlers they address. Nothing in it is an error."""

    def __init__(self, body: bytes) -> None:
        self._groups = [_Group({"*"})]  # what stands before the first user agent holds for all
        self._is_preamble_only = True
        self._known_values: dict[tuple[str, str], list[str]] = {}
        for name, value in _fields(decoded(body)):
            self._add(name, value)

    def _add(self, name: str, value: str) -> None:
        if name != _AGENT:
            self._groups[-1].fields.append((name, value))
            return
        agents = {re.split(r"[/\s;]", agent.strip(" '\""), maxsplit=1)[0] for agent in value.casefold().split(",")}
        if self._is_preamble_only or self._groups[-1].fields:
            self._groups.append(_Group(agents))
            self._is_preamble_only = False
        else:
            self._groups[-1].agents.update(agents)

    def values(self, name: str, product: str) -> list[str]:
        """Of a field, in the groups that hold for `product`: its own, else those for `*`; and before all groups."""
        if (name, product) not in self._known_values:
            self._known_values[name, product] = self._values(name, product)
        return self._known_values[name, product]

    def _values(self, name: str, product: str) -> list[str]:
        preamble, *groups = self._groups
        holding = [group for group in groups if product in group.agents]
        holding = holding or [group for group in groups if "*" in group.agents]
        return [value for group in (preamble, *holding) for field, value in group.fields if field == name]

    def all_values(self, name: str) -> list[str]:
        """Of a field that stands for the whole site, wherever it stands."""
        return [value for group in self._groups for field, value in group.fields if field == name]


def _fields(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        content = line.partition("#")[0]
        match = _FIELD.match(content) or _WITHOUT_COLON.match(content)
        if match:
            yield re.sub(r"[\s_]+", "-", match[1].casefold()), match[2].strip()
