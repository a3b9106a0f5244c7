"""Any site, described by selectors (CSS, XPath, JMESPath), usually in a YAML file that stands for the source."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal, Self
from urllib.parse import quote

from pydantic import Field, field_validator, model_validator

from vsd2m.core.errors import ConfigError
from vsd2m.core.stage import StageConfig
from vsd2m.crawl.sources.base import Ask, FoundSticker, Page, PageError, SearchResults, Source, SourceConfig
from vsd2m.crawl.sources.fields import as_text, stickers_of

Language = Literal["css", "xpath", "jmespath"]
Selector = str | dict[Language, str]
"""CSS as text, or steps by language: each selects in what the one before it selected."""

_FIELDS = ("picture", "page", "title", "tags", "author", "licence", "licence_url", "attribution", "id")
_ADDRESSES = frozenset({"picture", "page", "licence_url", "next"})


class StickerSelectors(StageConfig):
    """Where the fields of a sticker stand. A list holds alternatives, tried in order."""

    picture: Selector | tuple[Selector, ...] | None = Field(None, description="its picture; several are renditions")
    title: Selector | tuple[Selector, ...] | None = Field(None, description="its title")
    tags: Selector | tuple[Selector, ...] | None = Field(None, description="its tags")
    author: Selector | tuple[Selector, ...] | None = Field(None, description="its author")
    licence: Selector | tuple[Selector, ...] | None = Field(None, description="name of its licence")
    licence_url: Selector | tuple[Selector, ...] | None = Field(None, description="address of its licence")
    attribution: Selector | tuple[Selector, ...] | None = Field(None, description="sentence that names its author")
    id: Selector | tuple[Selector, ...] | None = Field(None, description="the site's own id")

    @field_validator("*", mode="before")
    @classmethod
    def _is_a_selector(cls, value: Any) -> Any:
        alternatives = value if isinstance(value, list | tuple) else [value]
        if not alternatives or not (value is None or all(map(_is_selector, alternatives))):
            raise ValueError(
                "expected a CSS selector, or a mapping with `css`, `xpath` or `jmespath`, or a list of them"
            )
        return value


class ResultsSelectors(StickerSelectors):
    """Where stickers stand on a results page; all other selectors select within one of them."""

    stickers: Selector | tuple[Selector, ...] = Field(description="each sticker on a results page")
    page: Selector | tuple[Selector, ...] | None = Field(None, description="the sticker's own page")
    next: Selector | tuple[Selector, ...] | None = Field(None, description="the next page of results, in the page")


class SelectorsConfig(SourceConfig):
    """What to ask, and where in the pages everything stands."""

    source: str = "selectors"
    search: str = Field(description="path of a search below `site`, with `{word}`, such as `/search?q={word}`")
    results: ResultsSelectors = Field(description="selectors on a results page")
    sticker: StickerSelectors | None = Field(None, description="selectors on a sticker's own page, if it is to be read")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if "{word}" not in self.search or not self.search.startswith("/"):
            raise ValueError(
                f"search: expected a path with {{word}}, such as /search?q={{word}}, found {self.search!r}"
            )
        if self.sticker is not None and (self.results.page is None or self.sticker.picture is None):
            raise ValueError("a sticker's own page needs `results.page`, which leads to it, and `sticker.picture`")
        if self.sticker is None and self.results.picture is None:
            raise ValueError("expected `results.picture`, or `results.page` and `sticker.picture`")
        return self


class SelectorsSource(Source[SelectorsConfig]):
    """An element stands for its text, or in a field that is an address for its `href` or `src`."""

    Config: ClassVar[type[SourceConfig]] = SelectorsConfig

    def __init__(self, config: SelectorsConfig) -> None:
        super().__init__(config)
        for name, selector in self._named():
            for language, expression in _steps(selector):
                _check(name, language, expression)

    def first_request(self, word: str) -> Ask:
        return Ask(self.site + self.config.search.replace("{word}", quote(word, safe="")))

    def parse_search(self, page: Page) -> SearchResults:
        root, selectors = _root(page), self.config.results
        entries = [entry for one in _alternatives(selectors.stickers) for entry in _select(root, one)]
        following = _texts(root, "next", selectors.next)
        next_ask = Ask(page.link(following[0])) if following else None
        if self.config.sticker is not None:
            return SearchResults(stickers_of(page, entries, lambda entry: self._link(page, entry)), next_ask)
        return SearchResults(stickers_of(page, entries, lambda entry: self._sticker(page, entry)), next_ask)

    def parse_sticker(self, page: Page) -> FoundSticker:
        if self.config.sticker is None:
            return super().parse_sticker(page)
        return _read_sticker(page, page.url, _root(page), self.config.sticker)

    def selectors(self) -> Mapping[str, str]:
        named: dict[str, str] = {}
        for name, selector in self._named():
            named[name] = " or ".join(part for part in (named.get(name), _in_words(selector)) if part)
        return named

    def _named(self) -> Iterator[tuple[str, Selector]]:
        """Every selector, by its place in the config."""
        for section in ("results", "sticker"):
            options = getattr(self.config, section)
            for name in type(options).model_fields if options else ():
                for selector in _alternatives(getattr(options, name)):
                    yield f"{section}.{name}", selector

    def _link(self, page: Page, entry: Any) -> str:
        links = _texts(entry, "page", self.config.results.page)
        if not links:
            raise PageError("page is missing")
        return page.link(links[0])

    def _sticker(self, page: Page, entry: Any) -> FoundSticker:
        links = _texts(entry, "page", self.config.results.page)
        page_url = page.link(links[0]) if links else page.url
        return _read_sticker(page, page_url, entry, self.config.results)


def _read_sticker(page: Page, page_url: str, root: Any, selectors: StickerSelectors) -> FoundSticker:
    stated = {name: _texts(root, name, getattr(selectors, name)) for name in StickerSelectors.model_fields}
    addresses = [page.link(address) for address in stated["picture"]]
    if not addresses:
        raise PageError("picture is missing")
    first = {name: texts[0] if texts else "" for name, texts in stated.items()}
    return FoundSticker(
        url=addresses[0],
        page_url=page_url,
        title=first["title"],
        tags=tuple(stated["tags"]),
        licence=first["licence"],
        author=first["author"],
        fallbacks=tuple(addresses[1:]),
        licence_url=page.link(first["licence_url"]) if first["licence_url"] else "",
        attribution=first["attribution"],
        source_id=first["id"],
    )


def _root(page: Page) -> Any:
    """The page as `parsel` selects in it: JSON where it is JSON, else HTML."""
    from parsel import Selector as ParselSelector

    text = page.text.lstrip("\ufeff \t\r\n")
    if text[:1] not in ("{", "["):
        return page.selector
    page.json()
    return ParselSelector(text=text, type="json")


def _texts(root: Any, name: str, selector: Any) -> list[str]:
    """What a selector gives as texts; of alternatives the first that gives any, for pictures all."""
    all_texts: list[str] = []
    for one in _alternatives(selector):
        texts = [text for node in _select(root, one) if (text := _text(node, name))]
        all_texts += [text for text in texts if text not in all_texts]
        if all_texts and name != "picture":
            break
    return all_texts


def _select(root: Any, selector: Selector) -> list[Any]:
    """The nodes that the steps of a selector lead to."""
    nodes = [root]
    for language, expression in _steps(selector):
        try:
            nodes = [match for node in nodes for match in getattr(node, language)(expression)]
        except Exception as error:  # each language has errors of its own, for values of the wrong type too
            raise PageError(f"{language} {expression!r}: {error}") from error
    return nodes


def _text(node: Any, name: str) -> str:
    if not hasattr(node.root, "tag"):
        return as_text(node.root, name)
    if name in _ADDRESSES:
        return str(node.root.get("href") or node.root.get("src") or "").strip()
    return " ".join(str(node.xpath("string()").get("")).split())


def _is_selector(value: Any) -> bool:
    if isinstance(value, Mapping):
        return bool(value) and set(value) <= {"css", "xpath", "jmespath"}
    return isinstance(value, str)


def _alternatives(selector: Any) -> tuple[Selector, ...]:
    if selector is None:
        return ()
    return tuple(selector) if isinstance(selector, tuple) else (selector,)


def _steps(selector: Selector) -> list[tuple[Language, str]]:
    return [("css", selector)] if isinstance(selector, str) else list(selector.items())


def _in_words(selector: Selector) -> str:
    return " then ".join(f"{language} {expression}" for language, expression in _steps(selector))


def _check(name: str, language: Language, expression: str) -> None:
    """`ConfigError` where the expression is none of its language."""
    import jmespath
    from parsel import Selector as ParselSelector

    try:
        if language == "jmespath":
            jmespath.compile(expression)
        else:
            getattr(ParselSelector(text="<p>"), language)(expression)
    except Exception as error:  # each language has errors of its own
        reason = " ".join(str(error).split())
        raise ConfigError(f"source selectors: {name}: expected {language}, found {expression!r}: {reason}") from error
