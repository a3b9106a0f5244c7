"""Crawls of the models of APIs by the sources made for them."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from crawl_sites import Crawl, make_crawl, make_picture, write_gallery

from vsd2m.crawl.config import CrawlConfig
from vsd2m.crawl.sources import open_source
from vsd2m.crawl.sources.base import Ask, Page, Source
from vsd2m.gallery.apis.base import MODEL_KEY, ApiModel, ApiOptions
from vsd2m.gallery.apis.site import ApiSite
from vsd2m.gallery.server import HttpRequest, HttpResponse

SITE = "http://api.example"

USER_AGENT = "vsd2m (crawler@stickers.example)"
KEYS = {"telegram": "token", "giphy": "key", "klipy": "key", "openverse": "token"}
CONTRACTS = frozenset({"telegram", "giphy", "klipy"})
LISTS = frozenset({"mastodon", "misskey"})
NUM_STICKERS = 9
HTML_NAME = "Ann <b>&</b> Co"


def folder_of_stickers(folder: Path) -> Path:
    """Nine GIFs under the word `wave`, with authors, licences and tags, and one of another word."""
    files = {f"wave_{number}.gif": make_picture(number) for number in range(NUM_STICKERS)}
    stated = {"trigger_words": ["wave"], "licence": "CC BY-SA 4.0", "author": HTML_NAME, "tags": ["hello", "cat"]}
    entries: list[dict[str, Any]] = [{"file": name, "title": f"Wave <{name}>", **stated} for name in files]
    files["other.gif"] = make_picture(99)
    entries.append({"file": "other.gif", "trigger_words": ["other"]})
    return write_gallery(folder, entries, files)


def api_source(api: str, site: str, **options: Any) -> dict[str, Any]:
    """The config of the source for that API, with the model's key and a contract where it needs them."""
    source: dict[str, Any] = {"source": api, "site": site, **options}
    if api in KEYS:
        source.setdefault(KEYS[api], MODEL_KEY)
    if api in CONTRACTS:
        source.setdefault("contract", "no. 1 of 2026-01-01")
    return source


def api_crawl(folder: Path, site: ApiSite, api: str, *words: str, source: Any = None, **crawl: Any) -> Crawl:
    """A crawl that waits for nothing longer than it must."""
    config = {"first_wait_s": 0.01, "user_agent": USER_AGENT, "retries": 5, **crawl}
    words = words or (("*",) if api in LISTS else ("wave",))
    return make_crawl(folder, source=api_source(api, site.url, **(source or {})), words=words, **config)


def model(folder: Path, api: str, **options: Any) -> ApiSite:
    """The model, which asks for no pause that a test would have to wait for."""
    return ApiSite(folder, api, options=ApiOptions(**{"retry_after_s": 0, "page_size": 4, **options}))


def ask_model(api: ApiModel, source: Source[Any], ask: Ask) -> Page:
    """The model's answer to what the source asks, with its keys, as the crawl would hand it to the source."""
    sent = source.authorise(ask)
    split = urlsplit(sent.url)
    headers = {"user-agent": USER_AGENT, **{name.lower(): value for name, value in sent.headers.items()}}
    return as_page(ask.url, api.answer(HttpRequest(f"{split.path}?{split.query}", sent.method, headers)))


def as_page(url: str, response: HttpResponse) -> Page:
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Page(url, response.body.decode(), response.status, headers)


def source_for(api: str, **options: Any) -> Source[Any]:
    source: Source[Any] = source_of(api_source(api, SITE, **options))
    return source


def source_of(value: Any) -> Source[Any]:
    return open_source(CrawlConfig.model_validate({"source": value, "words": ["a"], "user_agent": USER_AGENT}).source)


def read_all(api: ApiModel, source: Source[Any], word: str) -> tuple[list[Any], list[Page]]:
    """The stickers of all pages of results, and the pages."""
    stickers: list[Any] = []
    pages: list[Page] = []
    ask: Ask | None = source.first_request(word)
    while ask is not None:
        pages.append(ask_model(api, source, ask))
        results = source.parse_search(pages[-1])
        stickers += results.stickers
        ask = results.next_ask
    return stickers, pages
