"""The answers of an earlier crawl, and what is left to request."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from vsd2m.crawl.records.outcomes import Fact
from vsd2m.crawl.sources.base import Ask


@dataclass
class EarlierAnswers:
    """Facts of an earlier crawl, by what they are about."""

    finds: dict[int, list[Fact]] = field(default_factory=lambda: defaultdict(list))
    searches: dict[int, list[Fact]] = field(default_factory=lambda: defaultdict(list))
    refused: set[tuple[int, int]] = field(default_factory=set)
    pages: dict[str, Fact] = field(default_factory=dict)
    pictures: set[str] = field(default_factory=set)
    refused_pictures: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, facts: Iterable[Fact]) -> "EarlierAnswers":
        answers = cls()
        for fact in facts:
            match fact["fact"]:
                case "find":
                    answers.finds[fact["word"]].append(fact)
                case "search":
                    answers.searches[fact["word"]].append(fact)
                case "search_refused":
                    answers.refused.add((fact["word"], fact["page"]))
                case "page":
                    answers.pages[fact["link"]] = fact
                case "picture":
                    (answers.pictures if fact["refusal"] is None else answers.refused_pictures).add(fact["picture"])
        return answers

    def links(self, word: int) -> Iterator[str]:
        """The addresses in the results for a word, by rank."""
        for find in sorted(self.finds[word], key=lambda find: int(find["rank"])):
            yield find["link"] if find["sticker"] is None else find["sticker"]["url"]

    def next_request(self, word: int) -> tuple[int, Ask | None] | None:
        """The number of the next results page, and its request; None for the first request of a word.

        None where the word has been searched to its end.
        """
        last = max(self.searches[word], key=lambda search: int(search["page"]), default=None)
        if last is not None and last["next_ask"] is None:
            return None
        page, ask = (1, None) if last is None else (last["page"] + 1, Ask(**last["next_ask"]))
        return None if (word, page) in self.refused else (page, ask)

    def lacking(self, word: int) -> Iterator[str | Fact]:
        """Results for a word that may have no answer yet: addresses of pages, or stickers."""
        for find in sorted(self.finds[word], key=lambda find: int(find["rank"])):
            page = self.pages.get(find["link"]) if find["sticker"] is None else find
            if find["refusal"] is not None or (page is not None and page["refusal"] is not None):
                continue
            yield find["link"] if page is None else page["sticker"]
