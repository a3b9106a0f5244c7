"""Any JSON API, described by options: addresses, JMESPath selectors, a key, and how its pages go on."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self
from urllib.parse import parse_qs, quote, urlsplit

from pydantic import Field, SecretStr, model_validator

from vsd2m.core.errors import ConfigError
from vsd2m.core.stage import neutral
from vsd2m.crawl.sources.base import Ask, FoundSticker, Page, PageError, SearchResults, Source, SourceConfig
from vsd2m.crawl.sources.fields import as_text, as_texts, stickers_of

_SELECTOR = "JMESPath in a sticker: "


class JsonApiConfig(SourceConfig):
    """What to ask, and where in the answer everything stands. Selectors are JMESPath (jmespath.org)."""

    source: str = "json_api"
    search: str = Field(description="path of a search below `site`, with `{word}`, such as `/v1/search?q={word}`")
    stickers: str = Field(description="JMESPath in an answer: the list of stickers")
    picture: str = Field(description=_SELECTOR + "address of its picture, or a list of addresses, best first")
    page: str | None = Field(None, description=_SELECTOR + "address of its page; null: the address of the answer")
    title: str | None = Field(None, description=_SELECTOR + "title")
    tags: str | None = Field(None, description=_SELECTOR + "list of tags")
    author: str | None = Field(None, description=_SELECTOR + "author")
    licence: str | None = Field(None, description=_SELECTOR + "licence")
    licence_url: str | None = Field(None, description=_SELECTOR + "address of the licence")
    attribution: str | None = Field(None, description=_SELECTOR + "sentence that names the author")
    id: str | None = Field(None, description=_SELECTOR + "the API's own id")
    error: str | None = Field(None, description="JMESPath in an answer: the message where it is an error after all")
    next: str | None = Field(
        None,
        description="JMESPath in an answer: the address of the next page, or the cursor for `cursor_argument`, or, "
        "with `page_argument`, whether there is a next page; null: one page is all",
    )
    cursor_argument: str | None = Field(None, description="argument of the address that the cursor is sent in")
    page_argument: str | None = Field(None, description="argument of the address that counts pages or stickers")
    first_page: int = Field(1, ge=0, description="what `page_argument` stands for where a search does not say it")
    page_step: int = Field(1, ge=1, description="what `page_argument` grows by")
    key: SecretStr | None = neutral(None, description="the key that the API gave you")
    key_header: str | None = neutral(None, description="header that the key is sent in, such as `Authorization`")
    key_argument: str | None = neutral(None, description="argument of the address that the key is sent in")
    key_prefix: str = neutral("", description="what stands before the key in its header, such as `Bearer `")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if "{word}" not in self.search or not self.search.startswith("/"):
            raise ValueError(
                f"search: expected a path with {{word}}, such as /search?q={{word}}, found {self.search!r}"
            )
        if self.key is not None and (self.key_header is None) == (self.key_argument is None):
            raise ValueError("expected exactly one of `key_header` and `key_argument` beside `key`")
        if self.cursor_argument is not None and self.page_argument is not None:
            raise ValueError("expected at most one of `cursor_argument` and `page_argument`")
        if self.next is None and (self.cursor_argument or self.page_argument):
            raise ValueError("`next` is missing: JMESPath that says whether there is a next page")
        return self


_TEXT_FIELDS = ("page", "title", "author", "licence", "licence_url", "attribution", "id")
_SELECTORS = ("stickers", "picture", "tags", *_TEXT_FIELDS, "error", "next")


class JsonApiSource(Source[JsonApiConfig]):
    """Asks by GET. A field that is absent or null is empty, and numbers become text; another type costs the sticker."""

    Config: ClassVar[type[SourceConfig]] = JsonApiConfig
    version: ClassVar[int] = 2

    def __init__(self, config: JsonApiConfig) -> None:
        super().__init__(config)
        for name in _SELECTORS:
            _check_selector(name, getattr(config, name))

    def first_request(self, word: str) -> Ask:
        return Ask(self.site + self.config.search.replace("{word}", quote(word, safe="")))

    def parse_search(self, page: Page) -> SearchResults:
        answer = page.json()
        if self.config.error is not None and (message := _select(self.config.error, answer)):
            raise PageError(f"the API says: {message}")
        entries = _select(self.config.stickers, answer)
        if entries is not None and not isinstance(entries, list):
            raise PageError(f"stickers: expected a list at {self.config.stickers}, found {type(entries).__name__}")
        stickers = stickers_of(page, entries or [], lambda entry: self._sticker(page, entry))
        return SearchResults(stickers, self._next(page, answer))

    def selectors(self) -> Mapping[str, str]:
        named = {name: getattr(self.config, name) for name in _SELECTORS}
        return {name: f"jmespath {expression}" for name, expression in named.items() if expression is not None}

    def authorise(self, ask: Ask) -> Ask:
        if self.config.key is None:
            return ask
        key = self.config.key.get_secret_value()
        if self.config.key_argument is not None:
            return ask.with_query(**{self.config.key_argument: key})
        return Ask(ask.url, ask.method, {**ask.headers, str(self.config.key_header): self.config.key_prefix + key})

    def _sticker(self, page: Page, entry: Any) -> FoundSticker:
        addresses = [page.link(address) for address in _texts("picture", self.config.picture, entry)]
        if not addresses:
            raise PageError("picture is missing")
        stated = {name: _text(name, getattr(self.config, name), entry) for name in _TEXT_FIELDS}
        return FoundSticker(
            url=addresses[0],
            page_url=page.link(stated["page"]) if stated["page"] else page.url,
            title=stated["title"],
            tags=_texts("tags", self.config.tags, entry),
            licence=stated["licence"],
            author=stated["author"],
            fallbacks=tuple(addresses[1:]),
            licence_url=stated["licence_url"],
            attribution=stated["attribution"],
            source_id=stated["id"],
        )

    def _next(self, page: Page, answer: Any) -> Ask | None:
        cursor = _select(self.config.next, answer) if self.config.next else None
        if not cursor:
            return None
        ask, argument = Ask(page.url), self.config.page_argument
        if argument is not None:
            current = parse_qs(urlsplit(page.url).query).get(argument, [str(self.config.first_page)])[-1]
            return ask.with_query(**{argument: str(int(current) + self.config.page_step)})
        if self.config.cursor_argument is not None:
            return ask.with_query(**{self.config.cursor_argument: str(cursor)})
        return Ask(page.link(str(cursor)))


def _check_selector(name: str, expression: str | None) -> None:
    import jmespath  # parsel, which Scrapy needs, brings it

    try:
        if expression is not None:
            jmespath.compile(expression)
    except jmespath.exceptions.JMESPathError as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(f"source json_api: {name}: expected JMESPath, found {expression!r}: {reason}") from error


def _select(expression: str, value: Any) -> Any:
    """What the expression selects; `PageError` where a function in it is given a value of another type."""
    import jmespath

    try:
        return jmespath.search(expression, value)
    except jmespath.exceptions.JMESPathError as error:
        raise PageError(f"{expression}: {' '.join(str(error).split())}") from error


def _text(name: str, expression: str | None, entry: Any) -> str:
    return "" if expression is None else as_text(_select(expression, entry), name)


def _texts(name: str, expression: str | None, entry: Any) -> tuple[str, ...]:
    """The texts of a list, or of one text."""
    value = None if expression is None else _select(expression, entry)
    return as_texts(value if isinstance(value, list) else [value], name)
