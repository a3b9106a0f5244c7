"""A crawl run once more: what is done stays done, whatever has changed about the way of asking."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from crawl_sites import Script, ScriptedSite, make_picture, results

from vsd2m.core.run import Run
from vsd2m.crawl.config import CrawlConfig
from vsd2m.pipelines.engine.config import PipelineConfig
from vsd2m.pipelines.engine.local import run_local
from vsd2m.pipelines.engine.plan import Plan, make_plan
from vsd2m.pipelines.status import manifest

GIF = {"Content-Type": "image/gif"}
WORDS = ("a", "b", "c")
OTHER_MANNERS = {
    "user_agent": "vsd2m (me@stickers.example)",
    "timeout_s": 3.0,
    "retries": 7,
    "delay_s": 0.25,
    "concurrency": 2,
    "autothrottle": False,
}


def _answers() -> dict[str, Script]:
    found = {f"/find/{word}/1": results({"url": f"/{word}.gif"}) for word in WORDS}
    return found | {f"/{word}.gif": Script(make_picture(n), headers=GIF) for n, word in enumerate(WORDS)}


def _plan(folder: Path, site: str, **crawl: Any) -> Plan:
    asked: Mapping[str, Any] = {
        "source": "crawl_sites:ListSource",
        "site": site,
        "words": WORDS,
        "words_per_partition": 1,
        "retries": 0,
    }
    stages = {"crawl": {**asked, **crawl}, "catalog": None}
    return make_plan(PipelineConfig(run=str(folder / "run"), stages=stages))


def _media(run: Run) -> dict[str, str]:
    return {path: digest for path, digest in manifest(run).items() if path.endswith(".tar")}


def test_other_manners_ask_for_nothing_again(tmp_path) -> None:
    with ScriptedSite(_answers()) as site:
        run = run_local(_plan(tmp_path, site.url))
        first, num_asked = manifest(run), len(site.asked)
        assert len(_media(run)) == 3
        for name, value in OTHER_MANNERS.items():
            again = run_local(_plan(tmp_path, site.url, **{name: value}))
            assert manifest(again) == first
            assert len(site.asked) == num_asked, name


@pytest.mark.parametrize("name", sorted(OTHER_MANNERS))
def test_how_one_asks_is_no_part_of_what_was_had(tmp_path, name) -> None:
    url = "http://127.0.0.1:1"
    changed = _plan(tmp_path, url, **{name: OTHER_MANNERS[name]})
    assert changed.stage("crawl").identity == _plan(tmp_path, url).stage("crawl").identity
    other_limit = _plan(tmp_path, url, max_file_bytes=100)
    assert other_limit.stage("crawl").identity != changed.stage("crawl").identity


def test_every_field_of_the_crawl_is_about_the_output_or_about_manners() -> None:
    about_output = set(CrawlConfig(source="gallery", site="http://127.0.0.1:1", words=("a",)).output_fields())
    assert about_output == {
        "source",
        "site",
        "max_stickers_per_word",
        "max_pages_per_word",
        "max_file_bytes",
        "media_hosts",
        "max_redirects",
        "media_folder",
    }
