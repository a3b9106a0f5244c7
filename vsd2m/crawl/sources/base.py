"""What a source is: what to ask a site for, and how to read what comes back. No network, no Scrapy."""

import json
import os
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Generic, Self, TypeVar, get_args
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

from pydantic import ConfigDict, Field, SecretStr, field_validator, model_validator

from vsd2m.core.stage import StageConfig, neutral

MIN_SECRET_LENGTH = 8


class PageError(ValueError):
    """A page is not what its address promises; the message says what is missing."""


@dataclass(frozen=True)
class Ask:
    """One request. It holds no keys (`Source.authorise` adds them), since it is stored as the place to resume from."""

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""

    def with_headers(self, **headers: str) -> "Ask":
        """The same with further headers; `_` in a name stands for `-`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return Ask(self.url, self.method, {**self.headers, **named}, self.body)

    def with_query(self, **arguments: str) -> "Ask":
        """The same with further arguments in the address, each instead of one of its name."""
        split = urlsplit(self.url)
        others = [pair for pair in parse_qsl(split.query, keep_blank_values=True) if pair[0] not in arguments]
        query = urlencode([*others, *arguments.items()], errors="replace")  # JSON can name half a character
        return Ask(split._replace(query=query).geturl(), self.method, self.headers, self.body)

    def with_path(self, path: str) -> "Ask":
        """The same at another path of its host, for APIs that take the key there."""
        return Ask(urlsplit(self.url)._replace(path=path).geturl(), self.method, self.headers, self.body)


@dataclass(frozen=True)
class Page:
    """An answer as it was downloaded: its final address, its text (HTML, JSON or plain), status and headers.

    The names of headers are in lower case; a header that came several times is joined by ", ".
    """

    url: str
    text: str
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def selector(self) -> Any:
        """A `parsel.Selector` over the page, with `.css(...)` and `.xpath(...)`."""
        from parsel import Selector

        return Selector(text=self.text, type="html")

    def json(self) -> Any:
        """The page's JSON; `PageError` where it is none."""
        try:
            return json.loads(self.text)
        except (ValueError, RecursionError) as error:
            raise PageError(f"the answer is not JSON: {error}") from error

    def link(self, href: str) -> str:
        """`href` as an absolute address; as it stands where it cannot be one, and is then refused by itself."""
        try:
            return urljoin(self.url, href.strip())
        except ValueError:
            return href.strip()


@dataclass(frozen=True)
class FoundSticker:
    """A picture a page leads to, with what the page states of it; empty texts where it states nothing.

    `fallbacks` are addresses of the same sticker in other renditions, best first, for when `url` cannot be downloaded.
    `words` are words that the page gives the sticker besides the one searched for.
    `trigger_word` is the word the sticker stands for where the word searched for names a collection (a sticker set).
    """

    url: str
    page_url: str
    title: str = ""
    tags: tuple[str, ...] = ()
    licence: str = ""
    author: str = ""
    fallbacks: tuple[str, ...] = ()
    licence_url: str = ""
    attribution: str = ""
    source_id: str = ""
    words: tuple[str, ...] = ()
    caption: str = ""
    trigger_word: str = ""


@dataclass(frozen=True)
class UnreadSticker:
    """A sticker of a page that cannot be read; it becomes one reject, `sticker_not_understood`, that says why.

    `url` is where it was found, another for each.
    """

    url: str
    problem: str


@dataclass(frozen=True)
class SearchResults:
    """One page of results, in the site's order: addresses of sticker pages, or stickers where all is said already.

    `next_ask` asks for the page after it; None where it is the last.
    """

    stickers: Sequence[str | FoundSticker | UnreadSticker]
    next_ask: Ask | None = None


@dataclass(frozen=True)
class Terms:
    """What the site's terms of use (`url`, as read on the ISO date `read_on`) say about a data set of its stickers.

    `attribution` is the sentence that they require with every sticker, empty if none.
    """

    url: str
    allows_storing: bool
    allows_training: bool
    attribution: str
    read_on: str

    @property
    def forbidden(self) -> str:
        """What they forbid, in words; empty if nothing."""
        forbidden = {"storing": self.allows_storing, "training": self.allows_training}
        return " and ".join(name for name, is_allowed in forbidden.items() if not is_allowed)


@dataclass(frozen=True)
class ApiPolicy:
    """The published policy (`url`, as read on the ISO date `read_on`) by which programs may ask `paths` of the site.

    robots.txt speaks to crawlers of pages, and often forbids the paths of an API that is documented for programs.
    For these paths, and their prefixes, the policy holds instead of its `Disallow` lines; all else that robots.txt
    says (delays, reservations) holds as ever, and pictures are downloaded by its rules alone.
    """

    url: str
    paths: tuple[str, ...]
    read_on: str

    def covers(self, url: str) -> bool:
        """Whether the policy speaks of the path of `url`."""
        return urlsplit(url).path.startswith(self.paths)


_VARIABLE = re.compile(r"\$\{(\w+)\}")


def _is_secret(annotation: Any) -> bool:
    return annotation is SecretStr or SecretStr in get_args(annotation)


def _from_environment(field: str, value: Any) -> Any:
    """The variable's value where `value` names one: `${NAME}` or `{env: NAME}`."""
    if isinstance(value, Mapping) and set(value) == {"env"}:
        name = str(value["env"])
    elif isinstance(value, str) and (match := _VARIABLE.fullmatch(value.strip())):
        name = match[1]
    elif isinstance(value, str) and "${" in value:
        raise ValueError(f"{field}: expected `${{NAME}}` and nothing around it, to take the key from the environment")
    else:
        return value
    if not os.environ.get(name):
        raise ValueError(f"{field}: the environment variable {name} is not set; set it to the key")
    return os.environ[name]


def _offer_environment(schema: dict[str, Any]) -> None:
    """Lets a JSON schema accept `{env: NAME}` for every key."""
    variable = {"type": "object", "properties": {"env": {"type": "string"}}, "required": ["env"]}
    for name, property_schema in schema.get("properties", {}).items():
        if '"format": "password"' in json.dumps(property_schema):
            schema["properties"][name] = {"anyOf": [property_schema, {**variable, "additionalProperties": False}]}


class SourceConfig(StageConfig):
    """Base of every source's options. A key is a `SecretStr`: sent to the site's own origin, and written nowhere.

    It need not stand in a file: `${NAME}` or `{env: NAME}` takes it from the environment.
    """

    model_config = ConfigDict(json_schema_extra=_offer_environment)

    source: str = Field(description="the source's registry name, or `module:Class` of your own")
    site: str = Field(description="address of the site, such as http://127.0.0.1:8640")
    contract: str | None = neutral(
        None,
        min_length=1,
        description="the contract with the site's owner that allows what its terms forbid, such as its number and date",
    )

    @field_validator("site")
    @classmethod
    def _is_an_address(cls, site: str) -> str:
        split = urlsplit(site)
        if split.scheme not in ("http", "https") or not split.hostname:
            raise ValueError(f"expected http://HOST or https://HOST, found {site!r}")
        return site.rstrip("/")

    @model_validator(mode="before")
    @classmethod
    def _keys_from_the_environment(cls, values: Any) -> Any:
        if not isinstance(values, Mapping):
            return values
        keys = {name for name, field in cls.model_fields.items() if _is_secret(field.annotation)}
        return {name: _from_environment(name, value) if name in keys else value for name, value in values.items()}

    @model_validator(mode="after")
    def _can_be_hidden(self) -> Self:
        for name in type(self).model_fields:
            value = getattr(self, name)
            if isinstance(value, SecretStr) and len(value.get_secret_value()) < MIN_SECRET_LENGTH:
                raise ValueError(f"{name}: expected a key of at least {MIN_SECRET_LENGTH} characters")
        return self

    def secrets(self) -> tuple[str, ...]:
        """The values of all keys."""
        values = [getattr(self, name) for name in type(self).model_fields]
        return tuple(value.get_secret_value() for value in values if isinstance(value, SecretStr))


C = TypeVar("C", bound=SourceConfig)


class Source(ABC, Generic[C]):
    """A kind of sticker site, with the options in `config`. `site` is its address, without a final slash.

    A subclass is one file: it says what to ask for a word and reads two kinds of pages. Methods that read
    a page raise `PageError` where it is not what they expect.
    """

    Config: ClassVar[type[SourceConfig]] = SourceConfig

    version: ClassVar[int] = 1
    """Raised whenever the same pages would give other stickers."""

    media_hosts: ClassVar[tuple[str, ...]] = ()
    """Further hosts (and their subdomains) that this kind of site keeps its pictures on."""

    min_delay_s: ClassVar[float] = 0.0
    """The least time between two requests to a host that the site's rules ask for; not held on loopback."""

    max_connections: ClassVar[int | None] = None
    """The largest number of requests under way at once that the site's rules allow; None: as the config has it."""

    needs_contact: ClassVar[bool] = False
    """Whether the site answers only to a user agent that says how to reach whoever runs the crawl."""

    max_workers: ClassVar[int | None] = None
    """The largest number of workers that may crawl the site at once; None: as many as the run has."""

    api_policy: ClassVar[ApiPolicy | None] = None
    """The policy by which programs may ask the site's API; None: robots.txt alone decides."""

    readable_statuses: ClassVar[frozenset[int]] = frozenset({200})
    """Answers that are handed to `parse_search` and `parse_sticker`; all others are rejects."""

    lists_stickers: ClassVar[bool] = False
    """Whether it has a list of stickers on any host, so that no words are searched for."""

    terms: ClassVar[Terms | None] = None
    """What the site's terms allow; None where that depends on the site, and is for its user to know."""

    def __init__(self, config: C) -> None:
        self.config = config
        self.site = config.site

    def missing(self) -> list[str]:
        """What its options name and this machine lacks, in sentences."""
        return []

    def listed_stickers(self) -> Iterator[FoundSticker]:
        """Its list, in a stream; called where `lists_stickers`."""
        raise NotImplementedError

    @abstractmethod
    def first_request(self, word: str) -> Ask:
        """What to ask for the first page of results for `word`."""

    @abstractmethod
    def parse_search(self, page: Page) -> SearchResults:
        """What a results page leads to."""

    def parse_sticker(self, page: Page) -> FoundSticker:
        """The picture on a sticker page; not called where results are stickers already."""
        raise PageError("this source has no sticker pages")

    def authorise(self, ask: Ask) -> Ask:
        """A request for a page with the keys it needs, just before it is sent, to the site's own origin alone.

        Nothing of what is added here is stored or logged.
        """
        return ask

    def authorise_picture(self, ask: Ask) -> Ask:
        """The same for the download of a picture, which most sites give to anyone."""
        return ask

    def busy_for_s(self, page: Page) -> float | None:
        """The seconds to wait where the page says that the site is busy in another way than by status 429 or 503."""
        return None

    def selectors(self) -> Mapping[str, str]:
        """What each field is selected by, for `vsd2m crawl check`; none where code reads the pages."""
        return {}

    def words_request(self) -> Ask | None:
        """What to ask for the site's own list of words; None where it has none."""
        return None

    def parse_words(self, page: Page) -> Sequence[str]:
        """The words on that page."""
        raise PageError(f"{page.url} lists no words")
