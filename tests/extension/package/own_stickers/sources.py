"""Reads an API that asks for a key, is asked by POST and pages by a cursor that only it understands."""

import json
from typing import Any, ClassVar

from pydantic import SecretStr

from vsd2m import Ask, FoundSticker, Page, PageError, SearchResults, Source, SourceConfig, neutral


class AnonymousConfig(SourceConfig):
    """The API's key."""

    source: str = "own_stickers.sources:Anonymous"
    key: SecretStr = neutral(..., description="the key that the API gave you")


class Anonymous(Source[AnonymousConfig]):
    """Sends its key with every request, hands each cursor back as it came, and says of no sticker who drew it."""

    Config: ClassVar[type[SourceConfig]] = AnonymousConfig

    def first_request(self, word: str) -> Ask:
        return self._ask({"word": word})

    def parse_search(self, page: Page) -> SearchResults:
        answer = page.json()
        if "stickers" not in answer:
            raise PageError(f"no stickers in the answer: {answer.get('problem')}")
        stickers = [self._sticker(page, entry) for entry in answer["stickers"]]
        cursor = answer.get("cursor")
        return SearchResults(stickers, None if cursor is None else self._ask({"cursor": cursor}))

    def authorise(self, ask: Ask) -> Ask:
        return ask.with_headers(X_Api_Key=self.config.key.get_secret_value())

    def words_request(self) -> Ask:
        return Ask(f"{self.site}/words")

    def parse_words(self, page: Page) -> list[str]:
        return list(page.json()["words"])

    def _ask(self, question: dict[str, str]) -> Ask:
        return Ask(f"{self.site}/find", "POST", {"Content-Type": "application/json"}, json.dumps(question))

    def _sticker(self, page: Page, entry: dict[str, Any]) -> FoundSticker:
        address = page.link(entry["address"])
        return FoundSticker(url=address, page_url=address, title=entry["title"], author="somebody")
