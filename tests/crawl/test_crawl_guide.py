"""The guide's source is run as it is written there, against an API as it describes it."""

import json
import re
from pathlib import Path
from urllib.parse import urlsplit

import yaml
from crawl_sites import Script, ScriptedSite, make_crawl, make_picture

from vsd2m.crawl.config import CrawlConfig
from vsd2m.crawl.sources import SOURCES, open_source
from vsd2m.crawl.sources.base import Ask

GUIDE = (Path(__file__).parents[2] / "docs" / "crawling.md").read_text(encoding="utf-8")
KEY = "a key of the guide"


def _block(language: str, number: int = 0) -> str:
    return re.findall(rf"```{language}\n(.*?)```", GUIDE, flags=re.DOTALL)[number]


def _answer(cursor: str | None, *numbers: int) -> Script:
    stickers = [
        {"id": number, "gif": f"/{number}.gif", "page": f"/toy/{number}", "title": f"toy {number}", "smaller": []}
        for number in numbers
    ]
    return Script(json.dumps({"stickers": stickers, "cursor": cursor}).encode())


def test_the_source_in_the_guide_crawls_the_api_it_describes(tmp_path, monkeypatch) -> None:
    (tmp_path / "toys.py").write_text(_block("python"), encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    options = {**yaml.safe_load(_block("yaml", 2))["source"], "key": KEY}
    answers = {
        "/v1/stickers?q=a+cat&style=round": _answer("x/1", 1, 2),
        "/v1/stickers?q=a+cat&style=round&cursor=x%2F1": _answer(None, 3),
    }
    answers |= {f"/{number}.gif": Script(make_picture(number)) for number in (1, 2, 3)}
    with ScriptedSite(answers) as site:
        result = make_crawl(tmp_path, source={**options, "site": site.url}, words=["a cat"]).write()
    assert [row["title"] for row in result.kept] == ["toy 1", "toy 2", "toy 3"]
    searches = [headers for path, headers in site.headers if urlsplit(path).path == "/v1/stickers"]
    assert [headers["Authorization"] for headers in searches] == [f"Bearer {KEY}"] * 2


def test_the_configs_in_the_guide_are_configs() -> None:
    assert CrawlConfig.model_validate(yaml.safe_load(_block("yaml"))["stages"]["crawl"]).words == ("cat", "hello")
    api = {**yaml.safe_load(_block("yaml", 1))["source"], "key": KEY}
    assert open_source(CrawlConfig.model_validate({"source": api, "words": ["a"]}).source).first_request("a b") == Ask(
        "https://api.stickers.example/v1/search?q=a%20b&limit=50"
    )


def test_the_guide_names_every_source() -> None:
    assert [name for name in SOURCES if f"`{name}`" not in GUIDE] == []
