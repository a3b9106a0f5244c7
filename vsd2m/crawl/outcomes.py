"""Facts joined to outcomes: every sticker found ends as a picture or as a refusal, in the order of words and ranks."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Fact = Mapping[str, Any]

_LOST = {"reason": "not_answered", "value": None, "limit": None, "detail": "the crawl's log says why"}


@dataclass(frozen=True)
class Find:
    """One sticker found for a word: its page's statements and its picture, or why there is none."""

    word: str
    url: str
    sticker: Mapping[str, Any] | None
    picture: Mapping[str, Any] | None
    refusal: Mapping[str, Any] | None
    key: str | None = None
    outcome: str = "dropped"


def join(facts: Iterable[Fact], words: Sequence[str]) -> list[Find]:
    """One `Find` per find and per results page that was refused, by word and rank, whatever the order of arrival."""
    finds: list[tuple[tuple[int, int, int], Fact]] = []
    pages: dict[str, Fact] = {}
    pictures: dict[str, Fact] = {}
    for fact in facts:
        match fact["fact"]:
            case "find":
                finds.append(((fact["word"], 0, fact["rank"]), fact))
            case "search_refused":
                finds.append(((fact["word"], 1, fact["page"]), fact))
            case "page":
                pages[fact["link"]] = fact
            case "picture":
                pictures[fact["picture"]] = fact
    finds.sort(key=lambda entry: entry[0])
    return [_outcome(fact, words[place[0]], pages, pictures) for place, fact in finds]


def _outcome(fact: Fact, word: str, pages: Mapping[str, Fact], pictures: Mapping[str, Fact]) -> Find:
    if fact["fact"] == "search_refused":
        detail = f"results page {fact['page']} for {word!r}: {fact['detail'] or fact['reason']}"
        return Find(word, fact["url"], None, None, {**fact, "detail": detail})
    sticker = fact["sticker"]
    if sticker is None:
        page = pages.get(fact["link"])
        if page is None:
            return Find(word, fact["link"], None, None, _LOST, outcome="failed")
        sticker = page["sticker"]
        if page["refusal"]:
            return Find(word, sticker["url"] if sticker else fact["link"], sticker, None, page["refusal"])
    picture = pictures.get(sticker["url"])
    if picture is None:
        return Find(word, sticker["url"], sticker, None, _LOST, outcome="failed")
    if picture["refusal"]:
        return Find(word, sticker["url"], sticker, None, picture["refusal"], key=picture["key"])
    return Find(word, picture["url"], sticker, picture, None, key=picture["key"])
