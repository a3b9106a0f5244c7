"""What an earlier crawl found out already, and what is left to ask."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from vsd2m.crawl.outcomes import Fact


@dataclass
class Known:
    """Facts of an earlier crawl, by what they are about."""

    finds: dict[int, list[Fact]] = field(default_factory=lambda: defaultdict(list))
    searches: dict[int, list[Fact]] = field(default_factory=lambda: defaultdict(list))
    refused: set[tuple[int, int]] = field(default_factory=set)
    pages: dict[str, Fact] = field(default_factory=dict)
    pictures: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, facts: Iterable[Fact]) -> "Known":
        known = cls()
        for fact in facts:
            match fact["fact"]:
                case "find":
                    known.finds[fact["word"]].append(fact)
                case "search":
                    known.searches[fact["word"]].append(fact)
                case "search_refused":
                    known.refused.add((fact["word"], fact["page"]))
                case "page":
                    known.pages[fact["link"]] = fact
                case "picture":
                    known.pictures.add(fact["picture"])
        return known

    def links(self, word: int) -> Iterator[str]:
        """The addresses found for a word, by rank."""
        for find in sorted(self.finds[word], key=lambda find: int(find["rank"])):
            yield find["link"] if find["sticker"] is None else find["sticker"]["url"]

    def next_page(self, word: int) -> int | None:
        """The results page to ask for next; None where the word has been searched to its end."""
        last = max(self.searches[word], key=lambda search: int(search["page"]), default=None)
        page = 1 if last is None else last["page"] + 1 if last["has_next"] else None
        return None if (word, page) in self.refused else page

    def lacking(self, word: int) -> Iterator[tuple[str, bool]]:
        """Addresses found for a word and not answered yet; whether each is a picture's."""
        for find in sorted(self.finds[word], key=lambda find: int(find["rank"])):
            page = self.pages.get(find["link"]) if find["sticker"] is None else find
            if find["refusal"] is not None or (page is not None and page["refusal"] is not None):
                continue
            if page is None:
                yield find["link"], False
            elif page["sticker"]["url"] not in self.pictures:
                yield page["sticker"]["url"], True
