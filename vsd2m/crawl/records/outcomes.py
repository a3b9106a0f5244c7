"""Facts joined to outcomes: every sticker found ends as a picture or as a refusal, in the order of words and ranks."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from vsd2m.core.errors import CrawlError

Fact = Mapping[str, Any]

OURS = frozenset({"source_error", "crawler_error", "not_answered", "out_of_memory"})
"""Refusals that are a failure of this program, not a verdict on the picture."""

TRANSIENT = frozenset({"timeout", "unreachable", "server_error", "rate_limited", "robots_unreadable"})
"""Refusals that a later request of the same address may not repeat."""

_NOT_ANSWERED = {
    "reason": "not_answered",
    "value": None,
    "limit": None,
    "detail": "requested, and never answered",
}


def reason_of(fact: Fact) -> str | None:
    """The reason of a refusal, None of everything else."""
    refusal = fact if fact["fact"] == "search_refused" else fact.get("refusal")
    return None if refusal is None else str(refusal["reason"])


def shared_name(about: Fact) -> str | None:
    """The name under which workers share the answer of a page or picture; None of anything else."""
    if "picture" in about:
        return f"picture {about['picture']}"
    return f"page {about['link']}" if "link" in about else None


@dataclass(frozen=True)
class Find:
    """One sticker found for a word, with its page's statements and its picture, or why there is none.

    `is_search`: no sticker but a results page that is unavailable, or where a limit of the config ended the search.
    """

    word: str
    url: str
    sticker: Fact | None = None
    picture: Fact | None = None
    refusal: Fact | None = None
    is_search: bool = False

    @property
    def key(self) -> str | None:
        """None where nothing was downloaded."""
        return self.picture["key"] if self.picture else None

    @property
    def is_kept(self) -> bool:
        return self.refusal is None

    @property
    def outcome(self) -> str:
        return "failed" if self.refusal and self.refusal["reason"] in OURS else "dropped"


@dataclass
class _Facts:
    """Facts by what they are about; the finds and refused searches with their place in the order."""

    placed: list[tuple[tuple[int, int, int], Fact]] = field(default_factory=list)
    searched: set[int] = field(default_factory=set)
    num_links: int = 0
    pages: dict[str, Fact] = field(default_factory=dict)
    pictures: dict[str, Fact] = field(default_factory=dict)

    def add(self, fact: Fact) -> None:
        match fact["fact"]:
            case "find":
                self.placed.append(((fact["word"], 0, fact["rank"]), fact))
            case "search":
                self.searched.add(fact["word"])
                self.num_links += fact["num_links"]
                if fact["cut"] is not None:
                    self.placed.append(((fact["word"], 1, fact["page"]), fact))
            case "search_refused":
                self.searched.add(fact["word"])
                self.placed.append(((fact["word"], 1, fact["page"]), fact))
            case "page":
                self.pages[fact["link"]] = fact
            case "picture":
                self.pictures[fact["picture"]] = fact


def join(facts: Iterable[Fact], words: Sequence[str]) -> list[Find]:
    """One `Find` per sticker found, per results page refused and per search cut short, by word and rank.

    The order of arrival does not matter.

    `CrawlError` where the results pages had more or fewer links than are accounted for.
    """
    index = _Facts()
    for fact in facts:
        index.add(fact)
    for number in set(range(len(words))) - index.searched:
        lost = {"fact": "search_refused", "page": 1, "url": "", **_NOT_ANSWERED}
        index.placed.append(((number, 1, 1), lost))
    index.placed.sort(key=lambda entry: entry[0])
    places = [place for place, fact in index.placed if fact["fact"] == "find"]
    if not len(places) == len(set(places)) == index.num_links:
        raise CrawlError(
            f"the results pages had {index.num_links} links, and {len(set(places))} are accounted for; "
            "a sticker was lost or counted twice, please report this"
        )
    return [_find(fact, words[place[0]], index) for place, fact in index.placed]


def _find(fact: Fact, word: str, index: _Facts) -> Find:
    if fact["fact"] == "search":
        return Find(word, fact["cut"]["url"], refusal=fact["cut"], is_search=True)
    if fact["fact"] == "search_refused":
        detail = f"results page {fact['page']} for {word!r}: {fact['detail'] or fact['reason']}"
        return Find(word, fact["url"], refusal={**fact, "detail": detail}, is_search=True)
    if fact["refusal"] is not None:
        return Find(word, fact["link"], refusal=fact["refusal"])
    if fact["sticker"] is not None:
        return _pictured(word, fact["sticker"], index)
    page = index.pages.get(fact["link"])
    if page is None:
        return Find(word, fact["link"], refusal=_NOT_ANSWERED)
    if page["refusal"] is None:
        return _pictured(word, page["sticker"], index)
    url = page["sticker"]["url"] if page["sticker"] else fact["link"]
    return Find(word, url, page["sticker"], refusal=page["refusal"])


def _pictured(word: str, sticker: Fact, index: _Facts) -> Find:
    """The first rendition that was downloaded; where none was, the best one's refusal."""
    pictures = [index.pictures.get(address) for address in addresses_of(sticker)]
    for picture in pictures:
        if picture is None:
            return Find(word, sticker["url"], sticker, refusal=_NOT_ANSWERED)
        if picture["refusal"] is None:
            return Find(word, picture["url"], sticker, picture)
    best = pictures[0]
    assert best is not None
    return Find(word, sticker["url"], sticker, best, best["refusal"])


def addresses_of(sticker: Fact) -> list[str]:
    """The addresses of a sticker's renditions, best first."""
    return [sticker["url"], *sticker["fallbacks"]]
