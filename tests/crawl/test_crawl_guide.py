"""The guide's source is run as it is written there, against an API as it describes it."""

import json
import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
from api_crawls import LISTS, NUM_STICKERS, USER_AGENT, folder_of_stickers, model
from crawl_sites import Script, ScriptedSite, make_crawl, make_picture

from vsd2m.crawl.config import CrawlConfig
from vsd2m.crawl.sources import SOURCES, open_source
from vsd2m.crawl.sources.base import Ask
from vsd2m.gallery.apis.base import MODEL_KEY
from vsd2m.gallery.site import GallerySite

GUIDE = (Path(__file__).parents[2] / "docs" / "crawling.md").read_text(encoding="utf-8")
KEY = "a key of the guide"


def _block(language: str, with_text: str) -> str:
    """The first block of a language that has this text in it."""
    blocks = re.findall(rf"```{language}\n(.*?)```", GUIDE, flags=re.DOTALL)
    return next(block for block in blocks if with_text in block)


def _answer(cursor: str | None, *numbers: int) -> Script:
    stickers = [
        {"id": number, "gif": f"/{number}.gif", "page": f"/toy/{number}", "title": f"toy {number}", "smaller": []}
        for number in numbers
    ]
    return Script(json.dumps({"stickers": stickers, "cursor": cursor}).encode())


def test_the_source_in_the_guide_crawls_the_api_it_describes(tmp_path, monkeypatch) -> None:
    (tmp_path / "toys.py").write_text(_block("python", "class Toys"), encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    options = {**yaml.safe_load(_block("yaml", "toys:Toys"))["source"], "key": KEY}
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
    assert CrawlConfig.model_validate(
        yaml.safe_load(_block("yaml", "words: [cat, hello]"))["stages"]["crawl"]
    ).words == ("cat", "hello")
    api = {**yaml.safe_load(_block("yaml", "source: json_api"))["source"], "key": KEY}
    assert open_source(CrawlConfig.model_validate({"source": api, "words": ["a"]}).source).first_request("a b") == Ask(
        "https://api.stickers.example/v1/search?q=a%20b&limit=50"
    )


def test_the_guide_names_every_source() -> None:
    assert [name for name in SOURCES if f"`{name}`" not in GUIDE] == []


CONFIGS = {
    "OPENVERSE_TOKEN": "openverse",
    "TELEGRAM_TOKEN": "telegram",
    "GIPHY_KEY": "giphy",
    "KLIPY_KEY": "klipy",
    "source: commons": "commons",
    "source: mastodon": "mastodon",
    "source: misskey": "misskey",
}


@pytest.mark.parametrize(("text", "api"), CONFIGS.items(), ids=CONFIGS.values())
def test_a_config_in_the_guide_crawls_the_model_of_its_api(tmp_path, monkeypatch, text, api) -> None:
    monkeypatch.setenv(text, MODEL_KEY)
    source = yaml.safe_load(_block("yaml", text))["source"]
    options = {"source": source} if isinstance(source, str) else source
    assert options["source"] == api
    word = "*" if api in LISTS else "wave"
    with model(folder_of_stickers(tmp_path / "stickers"), api, page_size=50) as site:
        crawl = make_crawl(tmp_path / "run", source={**options, "site": site.url}, words=[word], user_agent=USER_AGENT)
        result = crawl.write()
    assert len(result.kept) == NUM_STICKERS + (api in LISTS)
    assert not result.rejects
    assert MODEL_KEY not in repr(result)


def test_the_file_in_the_guide_crawls_the_gallery_as_the_gallerys_own_source_does(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mysite.yaml").write_text(_block("yaml", "# mysite.yaml"), encoding="utf-8")
    source = yaml.safe_load(_block("yaml", "source: mysite.yaml"))["source"]
    with GallerySite(folder_of_stickers(tmp_path / "stickers")) as site:
        by_file = make_crawl(tmp_path / "a", source={"source": source, "site": site.url}, words=["wave"]).write()
        by_code = make_crawl(tmp_path / "b", source="gallery", site=site.url, words=["wave"]).write()
    assert len(by_file.kept) == NUM_STICKERS
    assert by_file.kept == [{**row, "source": "selectors"} for row in by_code.kept]
