"""What every source may rely on: keys from the environment, policies of APIs, stickers that cannot be read, YAML files."""

import json
from typing import Any
from urllib.parse import unquote

import jsonschema
import pytest
from api_crawls import KEYS, USER_AGENT, api_source
from crawl_sites import ListSource, Script, ScriptedSite, make_crawl, make_picture, results
from pydantic import ValidationError
from scrapy import Request

from vsd2m.crawl.config import CrawlConfig
from vsd2m.crawl.scraping.redaction import Redaction
from vsd2m.crawl.sources import SOURCES, open_source, source_class
from vsd2m.crawl.sources.base import ApiPolicy, Ask, Page, SearchResults, UnreadSticker

GIF = {"Content-Type": "image/gif"}
KEY = "a key from the environment"


def _config(source: Any) -> CrawlConfig:
    words = {} if "table" in source else {"words": ["a"]}
    return CrawlConfig.model_validate({"source": source, "user_agent": USER_AGENT, **words})


@pytest.mark.parametrize("value", ["${STICKER_KEY}", {"env": "STICKER_KEY"}])
def test_a_key_comes_from_the_environment_and_shows_nowhere(monkeypatch, value) -> None:
    monkeypatch.setenv("STICKER_KEY", KEY)
    config = _config(api_source("giphy", "http://x", key=value))
    assert (
        open_source(config.source).authorise(Ask("http://x/a")).url == "http://x/a?api_key=a+key+from+the+environment"
    )
    assert KEY not in repr(config) + json.dumps(config.model_dump(mode="json"))


@pytest.mark.parametrize("value", ["${STICKER_KEY}", {"env": "STICKER_KEY"}])
def test_a_variable_that_is_not_set_is_named(monkeypatch, value) -> None:
    monkeypatch.delenv("STICKER_KEY", raising=False)
    with pytest.raises(ValidationError, match="key: the environment variable STICKER_KEY is not set"):
        _config(api_source("giphy", "http://x", key=value))


def test_the_schema_of_configs_accepts_variables_and_files() -> None:
    validator = jsonschema.Draft202012Validator(CrawlConfig.model_json_schema())
    for source in (
        api_source("klipy", "http://x", key={"env": "A"}),
        "mysite.yaml",
        {"source": "mysite.yml", "key": "k"},
    ):
        validator.validate({"source": source, "words": ["a"]})
    assert not validator.is_valid({"source": api_source("klipy", "http://x", key={"en": "A"}), "words": ["a"]})


class Documented(ListSource):
    """Whose API is documented for programs."""

    api_policy = ApiPolicy("https://stickers.example/api", ("/find/",), "2026-01-31")


def test_the_policy_of_an_api_opens_its_paths_and_no_picture_and_no_other_page(tmp_path) -> None:
    pictures = {f"{folder}/1.gif": Script(make_picture(1), headers=GIF) for folder in ("/find", "/media")}
    answers = {
        "/robots.txt": Script(b"User-agent: *\nDisallow: /find/\nDisallow: /page/\n"),
        "/find/a/1": results({"url": "/find/1.gif"}, {"url": "/media/1.gif"}, "/page/1", "/find/page"),
        "/find/page": Script(json.dumps({"url": "/media/1.gif"}).encode()),
        **pictures,
    }
    with ScriptedSite(answers) as site:
        result = make_crawl(tmp_path, source="test_crawl_sources_seam:Documented", site=site.url, words=("a",)).write()
    assert [row["url"] for row in result.kept] == [f"{site.url}/media/1.gif"] * 2
    assert [(reject["url"], reject["reason"]) for reject in result.rejects] == [
        (f"{site.url}/find/1.gif", "robots_disallowed"),
        (f"{site.url}/page/1", "robots_disallowed"),
    ]


class HalfRead(ListSource):
    """Whose second sticker cannot be read."""

    def parse_search(self, page: Page) -> SearchResults:
        stickers = list(super().parse_search(page).stickers)
        return SearchResults([stickers[0], UnreadSticker(f"{page.url}#2", "title: a number")])


def test_a_sticker_that_cannot_be_read_is_one_reject_with_its_reason(tmp_path) -> None:
    answers = {
        "/find/a/1": results({"url": "/1.gif"}, {"url": "/2.gif"}),
        "/1.gif": Script(make_picture(1), headers=GIF),
    }
    with ScriptedSite(answers) as site:
        result = make_crawl(tmp_path, source="test_crawl_sources_seam:HalfRead", site=site.url, words=("a",)).write()
    assert (result.num_read, len(result.kept)) == (2, 1)
    [reject] = result.rejects
    assert (reject["outcome"], reject["reason"], reject["detail"]) == (
        "dropped",
        "sticker_not_understood",
        "title: a number",
    )
    assert reject["url"] == f"{site.url}/find/a/1#2"


@pytest.mark.parametrize("api", ["telegram", "giphy", "klipy"])
def test_a_source_whose_terms_forbid_a_data_set_refuses_without_a_contract(api) -> None:
    source = api_source(api, "http://x")
    del source["contract"]
    with pytest.raises(ValidationError, match=f"the terms of {api} do not allow storing and training"):
        _config(source)


def test_a_site_that_asks_for_a_contact_is_not_asked_without_one() -> None:
    def config(source: Any, **options: Any) -> CrawlConfig:
        return CrawlConfig.model_validate({"source": source, "words": ["a"], **options})

    with pytest.raises(ValidationError, match="asks for an address to reach you at, .*, found 'vsd2m'"):
        config("commons")
    for contact in ("vsd2m (a@b.example)", "vsd2m (+https://b.example)"):
        assert config("commons", user_agent=contact).user_agent == contact
    assert config({"source": "commons", "site": "http://127.0.0.1:1"}).user_agent == "vsd2m"


@pytest.mark.parametrize(("api", "key"), [("telegram", "123456789:AAF-e_kQz0bQ"), ("klipy", "a key/with%every:sign")])
def test_a_key_in_the_path_is_sent_and_taken_out_of_what_is_logged(api, key) -> None:
    source = open_source(_config(api_source(api, "http://x", **{KEYS[api]: key})).source)
    ask = source.first_request("wave")
    assert key not in unquote(ask.url)
    for sent in (source.authorise(ask), source.authorise_picture(Ask("http://x/file/stickers/1.tgs"))):
        request = Request(sent.url)
        if api == "telegram" or sent.url.endswith("rating=g"):
            assert key in unquote(request.url)
        assert key not in unquote(Redaction(source.config.secrets())(str(request)))


def test_a_source_limits_the_workers_that_crawl_its_site() -> None:
    def num_workers(api: str) -> int:
        values = {"source": api_source(api, "http://x"), "words": ["a"], "workers": 4, "user_agent": USER_AGENT}
        return CrawlConfig.model_validate(values).num_workers

    assert [num_workers(api) for api in ("telegram", "commons", "gallery")] == [1, 1, 4]


def test_every_source_dates_its_terms_and_policies_and_a_public_api_names_a_rate() -> None:
    for name in SOURCES:
        source = source_class(_config(_least(name)).source)
        for document in (source.terms, source.api_policy):
            assert document is None or (document.url.startswith("https://") and len(document.read_on) == 10)
        if source.api_policy is not None:
            assert source.min_delay_s > 0 and source.max_connections == 1


def _least(name: str) -> dict[str, Any]:
    needed: dict[str, Any] = {
        "selectors": {"search": "/{word}", "results": {"stickers": "li", "picture": "img"}},
        "json_api": {"search": "/{word}", "stickers": "a", "picture": "b"},
    }
    if name == "addresses":
        return {"source": name, "table": "/x.csv"}
    return {**api_source(name, "http://x"), **needed.get(name, {})}
