"""Telegram's sticker sets by name, through the Bot API (core.telegram.org/bots/api), whose key stands in the path."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal
from urllib.parse import parse_qsl, urlencode, urlsplit

from pydantic import Field, SecretStr

from vsd2m.core.stage import neutral
from vsd2m.crawl.sources.base import Ask, FoundSticker, Page, PageError, SearchResults, Source, SourceConfig, Terms
from vsd2m.crawl.sources.fields import as_list, field, needed_text, objects, stickers_of, text, whole_number

Kind = Literal["animated", "video", "static"]
_MAX_FILE_BYTES = 20 << 20  # the Bot API gives no larger ones


class TelegramConfig(SourceConfig):
    """The bot's token, and which stickers of a set are taken."""

    source: str = "telegram"
    site: str = Field("https://api.telegram.org", description="address of the Bot API")
    token: SecretStr = neutral(..., description="the bot's token, such as `${TELEGRAM_TOKEN}`")
    kinds: tuple[Kind, ...] = Field(
        ("animated", "video"), min_length=1, description="stickers taken: animated (TGS), video (WebM), static (WebP)"
    )


class TelegramSource(Source[TelegramConfig]):
    """There is no search: a word names a set, as in t.me/addstickers/NAME, and each sticker stands for its emoji.

    A sticker's address is asked for by `getFile`. What the set said of it stands in that request's fragment, which
    is not sent.
    """

    Config: ClassVar[type[SourceConfig]] = TelegramConfig
    min_delay_s: ClassVar[float] = 0.05
    max_workers: ClassVar[int | None] = 1
    readable_statuses: ClassVar[frozenset[int]] = frozenset({200, 400})
    terms: ClassVar[Terms | None] = Terms(
        url="https://telegram.org/tos/bot-developers#4-3-data-scraping",
        allows_storing=False,
        allows_training=False,
        attribution="",
        read_on="2026-11-28",
    )

    def first_request(self, word: str) -> Ask:
        name = word.strip().rstrip("/").rpartition("/")[2]
        return Ask(f"{self.site}/getStickerSet?{urlencode({'name': name})}")

    def parse_search(self, page: Page) -> SearchResults:
        sticker_set = _result(page)
        named = {"set": text(sticker_set, "name"), "title": text(sticker_set, "title")}
        entries = as_list(field(sticker_set, "stickers"), "stickers")
        chosen_entries = [entry for entry in entries if _kind(entry) in (None, *self.config.kinds)]
        return SearchResults(stickers_of(page, chosen_entries, lambda entry: self._link(entry, named)))

    def parse_sticker(self, page: Page) -> FoundSticker:
        stated = dict(parse_qsl(urlsplit(page.url).fragment))
        answer = _result(page)
        if (size := field(answer, "file_size")) is not None and whole_number(size, "file_size") > _MAX_FILE_BYTES:
            raise PageError(f"the Bot API gives no file of {size} bytes")
        return FoundSticker(
            url=f"{self.site}/file/{needed_text(answer, 'file_path')}",
            page_url=f"https://t.me/addstickers/{stated.get('set', '')}",
            title=stated.get("title", ""),
            source_id=stated.get("id", ""),
            trigger_word=stated.get("emoji", ""),
        )

    def authorise(self, ask: Ask) -> Ask:
        return ask.with_path(f"/bot{self.config.token.get_secret_value()}{urlsplit(ask.url).path}")

    def authorise_picture(self, ask: Ask) -> Ask:
        path = urlsplit(ask.url).path.removeprefix("/file")
        return ask.with_path(f"/file/bot{self.config.token.get_secret_value()}{path}")

    def busy_for_s(self, page: Page) -> float | None:
        seconds = field(page.json(), "parameters", "retry_after")
        return None if seconds is None else float(whole_number(seconds, "parameters.retry_after"))

    def _link(self, entry: Any, named: Mapping[str, str]) -> str:
        stated = {**named, "emoji": text(entry, "emoji"), "id": text(entry, "file_unique_id")}
        question = urlencode({"file_id": needed_text(entry, "file_id")}, errors="replace")
        return f"{self.site}/getFile?{question}#{urlencode(stated, errors='replace')}"


def _result(page: Page) -> Mapping[str, Any]:
    """What the API answers; its own words where that is an error."""
    answer = objects(page.json())
    if answer.get("ok") is not True:
        raise PageError(f"the API says: {text(answer, 'description') or 'nothing'}")
    return objects(answer.get("result"))


def _kind(entry: Any) -> Kind | None:
    """None where the entry is no sticker."""
    if not isinstance(entry, Mapping):
        return None
    return "animated" if entry.get("is_animated") else "video" if entry.get("is_video") else "static"
