"""A crawl run once more: what is done stays done, whatever has changed about the way of asking."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from crawl_sites import RULE_FILES, Script, ScriptedSite, make_picture, page, results

from vsd2m.core.errors import CrawlError
from vsd2m.core.run import Run
from vsd2m.crawl.config import CrawlConfig
from vsd2m.pipelines.engine.config import PipelineConfig
from vsd2m.pipelines.engine.local import run_local
from vsd2m.pipelines.engine.plan import Plan, make_plan
from vsd2m.pipelines.status import damaged_files, manifest

GIF = {"Content-Type": "image/gif"}
WORDS = ("a", "b", "c")
OTHER_MANNERS = {
    "user_agent": "vsd2m (me@stickers.example)",
    "contact": "me@stickers.example",
    "max_memory_bytes": 1 << 30,
    "timeout_s": 3.0,
    "retries": 7,
    "delay_s": 0.25,
    "concurrency": 2,
    "autothrottle": False,
    "workers": 2,
    "max_outage_s": 5.0,
    "first_wait_s": 0.5,
    "max_wait_s": 7.0,
}


def _answers() -> dict[str, Script]:
    found = {f"/find/{word}/1": results({"url": f"/{word}.gif"}) for word in WORDS}
    return found | {f"/{word}.gif": Script(make_picture(n), headers=GIF) for n, word in enumerate(WORDS)}


def _asked(site: str, **crawl: Any) -> dict[str, Any]:
    source = {"source": "crawl_sites:ListSource", "site": site}
    asked = {"source": source, "words": list(WORDS), "retries": 0}
    return {**asked, "words_per_partition": 1, **crawl}


def _plan(folder: Path, site: str, **crawl: Any) -> Plan:
    stages = {"crawl": _asked(site, **crawl), "catalog": None}
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
    about_output = set(CrawlConfig(source="gallery", words=("a",)).output_fields())
    assert about_output == {
        "source",
        "max_stickers_per_word",
        "max_pages_per_word",
        "max_file_bytes",
        "media_hosts",
        "private_hosts",
        "max_redirects",
        "media_folder",
    }


BUSY = Script(status=503)
GONE = Script(status=404)


def _big_site() -> dict[str, Script]:
    """Three words over sticker pages and pictures; the first has two results pages."""
    answers = {
        "/find/a/1": results("/page/1", {"url": "/2.gif"}, "/page/3", has_next=True),
        "/find/a/2": results("/page/3", {"url": "/4.gif"}, "/page/gone"),
        "/find/b/1": results("/page/1", {"url": "/5.gif"}),
        "/find/c/1": results({"url": "/2.gif"}),
        "/page/gone": GONE,
    }
    answers |= {f"/page/{number}": page({"url": f"/{number}.gif"}) for number in (1, 3)}
    return answers | {f"/{number}.gif": Script(make_picture(number), headers=GIF) for number in range(1, 6)}


def _paths(site: ScriptedSite, since: int) -> set[str]:
    return {path for _, path in site.asked[since:]} - RULE_FILES


@pytest.mark.parametrize(
    ("busy", "asked_again"),
    [
        ({"/4.gif"}, {"/4.gif"}),
        ({"/page/1"}, {"/page/1", "/1.gif"}),
        ({"/find/a/2"}, {"/find/a/2", "/4.gif", "/page/gone"}),
        ({"/find/a/1"}, {"/find/a/1", "/find/a/2", "/page/3", "/3.gif", "/4.gif", "/page/gone"}),
        ({"/find/c/1"}, {"/find/c/1"}),
        ({"/2.gif", "/page/3"}, {"/2.gif", "/page/3", "/3.gif"}),
    ],
)
def test_a_retry_asks_for_what_was_transient_and_ends_like_a_crawl_of_a_good_day(tmp_path, busy, asked_again) -> None:
    answers = _big_site()
    with ScriptedSite(answers) as site:
        good = run_local(_plan(tmp_path / "good", site.url, words_per_partition=3))
        site.answers = answers | dict.fromkeys(busy, BUSY)
        run = run_local(_plan(tmp_path / "bad", site.url, words_per_partition=3))
        assert {"server_error"} <= set(run.records("crawl")[0].reasons)
        site.answers, since = answers, len(site.asked)
        run_local(_plan(tmp_path / "bad", site.url, words_per_partition=3))
        assert _paths(site, since) == set()
        run_local(_plan(tmp_path / "bad", site.url, words_per_partition=3).retrying_transient())
        assert _paths(site, since) == asked_again
        assert manifest(run) == manifest(good)
        since = len(site.asked)
        run_local(_plan(tmp_path / "bad", site.url, words_per_partition=3).retrying_transient())
        assert _paths(site, since) == set(), "what is gone for good is not asked for again"


def test_a_retry_of_a_site_that_is_down_takes_nothing_away(tmp_path) -> None:
    answers = _big_site()
    with ScriptedSite(answers | {"/4.gif": BUSY}) as site:
        plan = _plan(tmp_path, site.url, words_per_partition=3, max_outage_s=0.5)
        run = run_local(plan)
    before = manifest(run)
    with pytest.raises(CrawlError, match="cannot reach"):
        run_local(plan.retrying_transient())
    assert manifest(run) == before
    assert damaged_files(run) == []


def test_pictures_whose_bytes_are_damaged_are_asked_for_again_and_others_are_not(tmp_path) -> None:
    with ScriptedSite(_big_site()) as site:
        plan = _plan(tmp_path, site.url, words_per_partition=3)
        run = run_local(plan)
        before = manifest(run)
        [tar] = _media(run)
        data = bytearray(run.store.read_bytes(tar))
        row = run.read_part("crawl", 0).filter(pl.col("url").str.ends_with("/4.gif")).row(0, named=True)
        data[row["media_offset"] + 20] ^= 0xFF
        run.store.write_bytes(tar, bytes(data))
        run.store.delete("crawl/part-000000.json")
        since = len(site.asked)
        assert manifest(run_local(plan)) == before
        assert _paths(site, since) == {"/4.gif"}


def test_another_limit_asks_for_everything_again(tmp_path) -> None:
    with ScriptedSite(_big_site()) as site:
        run_local(_plan(tmp_path, site.url, words_per_partition=3))
        since = len(site.asked)
        run_local(_plan(tmp_path, site.url, words_per_partition=3, max_file_bytes=10_000))
        assert _paths(site, since) == set(_big_site())


def test_the_command_line_retries_what_is_transient_and_nothing_else(tmp_path) -> None:
    answers = _big_site()
    with ScriptedSite(answers | {"/4.gif": BUSY}) as site:
        stages = {"crawl": _asked(site.url), "catalog": None}
        (tmp_path / "run.yaml").write_text(
            yaml.safe_dump({"run": str(tmp_path / "run"), "stages": stages}, sort_keys=False)
        )
        command = [sys.executable, "-m", "vsd2m.cli.main", "run", str(tmp_path / "run.yaml")]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        subprocess.run(command, check=True, env=environment)
        site.answers, since = answers, len(site.asked)
        subprocess.run([*command, "--retry", "transient"], check=True, env=environment)
        assert _paths(site, since) == {"/4.gif"}
        wrong = subprocess.run(
            [*command, "--retry", "all"], capture_output=True, text=True, check=False, env=environment
        )
        assert (wrong.returncode, wrong.stderr.count("\n")) == (1, 1)
        assert "expected transient, found 'all'" in wrong.stderr


def test_a_retry_asks_for_a_better_rendition_that_was_unavailable_for_a_time(tmp_path) -> None:
    answers = {
        "/find/a/1": results({"url": "/large.gif", "fallbacks": ["/small.gif"]}),
        "/large.gif": Script(make_picture(1), headers=GIF),
        "/small.gif": Script(make_picture(2), headers=GIF),
    }
    with ScriptedSite(answers | {"/large.gif": BUSY}) as site:
        plan = _plan(tmp_path, site.url, words=["a"])
        run = run_local(plan)
        assert run.records("crawl")[0].reasons == {}
        assert run.read_part("crawl", 0)["url"].to_list() == [f"{site.url}/small.gif"]
        site.answers, since = answers, len(site.asked)
        run_local(plan.retrying_transient())
        assert _paths(site, since) == {"/large.gif"}
        assert run.read_part("crawl", 0)["url"].to_list() == [f"{site.url}/large.gif"]
