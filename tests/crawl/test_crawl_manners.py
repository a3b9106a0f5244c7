"""Manners and limits, proved by what the server saw: delays, parked hosts, packed answers, memory, and who asks."""

import gzip
import zlib
from itertools import pairwise
from pathlib import Path

import brotli
import pytest
from backports import zstd
from crawl_sites import ListSource, Script, ScriptedSite, make_crawl, make_picture, results

from vsd2m.core.errors import ConfigError
from vsd2m.core.stage import FileResult
from vsd2m.crawl.config import CrawlConfig
from vsd2m.crawl.sources.base import Page, SearchResults
from vsd2m.crawl.stage import CrawlStage

GIF = {"Content-Type": "image/gif"}
PACK = {"gzip": gzip.compress, "deflate": zlib.compress, "br": brotli.compress, "zstd": zstd.compress}


def _crawl(folder: Path, site: ScriptedSite, **config: object) -> FileResult:
    asked = {"source": "crawl_sites:ListSource", "site": site.url, "words": ("a",), "retries": 0, **config}
    return make_crawl(folder, **asked).write()


def _pictures(num: int, folder: str = "") -> dict[str, Script]:
    return {f"{folder}/{number}.gif": Script(make_picture(number), headers=GIF) for number in range(num)}


def test_autothrottle_cannot_undercut_the_crawl_delay_of_a_fast_site(tmp_path) -> None:
    pictures = _pictures(8)
    answers = {"/robots.txt": Script(b"User-agent: *\nCrawl-delay: 0.2\n"), **pictures}
    answers["/find/a/1"] = results(*({"url": path} for path in pictures))
    with ScriptedSite(answers) as site:
        result = _crawl(tmp_path, site, autothrottle=True)
    assert len(result.kept) == 8
    times = sorted(time for time, path in site.asked if path != "/robots.txt")
    assert min(after - before for before, after in pairwise(times)) >= 0.18


def test_a_crawl_delay_longer_than_one_is_willing_to_wait_parks_the_host_and_no_other(tmp_path) -> None:
    with ScriptedSite({"/robots.txt": Script(b"User-agent: *\nCrawl-delay: 3600\n"), **_pictures(2)}) as far:
        url = far.url.replace("127.0.0.1", "localhost")
        own = _pictures(2, "/own")
        links = [*(f"{url}/{number}.gif" for number in range(2)), *own]
        with ScriptedSite({**own, "/find/a/1": results(*({"url": link} for link in links))}) as site:
            result = _crawl(tmp_path, site, media_hosts=(url.removeprefix("http://"),))
    assert len(result.kept) == 2
    assert [(reject["reason"], reject["value"], reject["limit"]) for reject in result.rejects] == [
        ("rate_limited", 3600, 120)
    ] * 2
    assert not any(path.endswith(".gif") for _, path in far.asked)


@pytest.mark.parametrize("where", ["picture", "results", "robots"])
def test_what_unpacks_to_too_much_is_a_reject_in_every_encoding(tmp_path, where) -> None:
    size, limit = (17 << 20, 16 << 20) if where == "results" else (1 << 20, 100_000)
    bombs = {
        name: Script(pack(bytes(size)), headers={"Content-Type": "text/plain", "Content-Encoding": name})
        for name, pack in PACK.items()
    }
    answers = {f"/{name}.gif": bomb for name, bomb in bombs.items()} | _pictures(1)
    answers["/find/a/1"] = results(*({"url": path} for path in answers))
    words = ("a",)
    if where == "results":
        answers = {**{f"/find/{name}/1": bomb for name, bomb in bombs.items()}, **_pictures(1)}
        answers["/find/a/1"] = results({"url": "/0.gif"})
        words = (*PACK, "a")
    if where == "robots":
        with ScriptedSite({"/robots.txt": bombs["zstd"], **_pictures(1)}) as far:
            url = far.url.replace("127.0.0.1", "localhost")
            with ScriptedSite({"/find/a/1": results({"url": f"{url}/0.gif"})}) as site:
                result = _crawl(tmp_path, site, media_hosts=(url.removeprefix("http://"),))
        assert result.kept or result.rejects[0]["reason"] == "robots_unreadable"
        return
    with ScriptedSite(answers) as site:
        result = _crawl(tmp_path, site, words=words, max_file_bytes=100_000)
    assert len(result.kept) == 1
    assert [reject["reason"] for reject in result.rejects] == ["too_large"] * len(PACK)
    assert all(limit < reject["value"] < limit + (1 << 20) and reject["limit"] == limit for reject in result.rejects)
    assert [reject["detail"].rpartition(": ")[2] for reject in result.rejects] == [
        f"unpacked from {name}" for name in PACK
    ]


def test_an_answer_without_a_size_that_is_too_large_has_a_limit_and_no_value(tmp_path) -> None:
    answers = {"/find/a/1": results({"url": "/0.gif"}), "/0.gif": Script(bytes(300_000), headers=GIF, chunked=True)}
    with ScriptedSite(answers) as site:
        [reject] = _crawl(tmp_path, site, max_file_bytes=100_000).rejects
    assert (reject["reason"], reject["value"], reject["limit"]) == ("too_large", None, 100_000)


def test_an_answer_packed_again_and_again_is_not_unpacked(tmp_path) -> None:
    body = make_picture(0)
    for _ in range(4):
        body = gzip.compress(body)
    answers = {"/find/a/1": results({"url": "/0.gif"})}
    answers["/0.gif"] = Script(body, headers={**GIF, "Content-Encoding": ", ".join(["gzip"] * 4)})
    with ScriptedSite(answers) as site:
        [reject] = _crawl(tmp_path, site).rejects
    assert (reject["reason"], reject["value"], reject["limit"]) == ("bad_encoding", 4, 3)


class Hungry(ListSource):
    """Needs more memory for one page than there is."""

    def parse_search(self, page: Page) -> SearchResults:
        if "hungry" in page.url:
            bytearray(8 << 30)
        return super().parse_search(page)


def test_what_needs_more_memory_than_the_process_has_is_a_failure_of_its_page_alone(tmp_path) -> None:
    answers = {"/find/hungry/1": results(), "/find/a/1": results({"url": "/0.gif"}), **_pictures(1)}
    with ScriptedSite(answers) as site:
        source = "test_crawl_manners:Hungry"
        result = _crawl(tmp_path, site, source=source, words=("hungry", "a"), max_memory_bytes=1 << 30)
    assert [row["trigger_word"] for row in result.kept] == ["a"]
    [reject] = result.rejects
    assert (reject["outcome"], reject["reason"], reject["limit"]) == ("failed", "out_of_memory", 1 << 30)


# -- who asks ------------------------------------------------------------------------------------


def test_a_site_elsewhere_is_not_asked_before_its_owner_can_reach_the_user() -> None:
    config = CrawlConfig(source={"source": "gallery", "site": "https://stickers.example"}, words=("a",))
    [sentence] = CrawlStage(config).missing()
    assert sentence.startswith("https://stickers.example is not asked before its owner can reach you: set `contact`")
    with pytest.raises(ConfigError, match="set `contact`"):
        config.job(("a",), Path("spool"))


@pytest.mark.parametrize(
    "who",
    [
        {"contact": "me@lab.example"},
        {"contact": "mailto:me@lab.example"},
        {"contact": "https://lab.example/crawl"},
        {"user_agent": "stickers/1.0 (+https://lab.example/crawl)"},
    ],
)
def test_a_contact_is_an_address_or_a_page(who) -> None:
    config = CrawlConfig(source={"source": "gallery", "site": "https://stickers.example"}, words=("a",), **who)
    assert CrawlStage(config).missing() == []
    assert config.job(("a",), Path("spool")).words == ("a",)


@pytest.mark.parametrize("contact", ["", "me", "call me", "ftp://a.example", "a@b (c)"])
def test_a_contact_that_is_none_is_refused_with_the_config(contact) -> None:
    with pytest.raises(ValueError, match="contact"):
        CrawlConfig(source="gallery", words=("a",), contact=contact)


def test_the_contact_is_sent_and_rules_are_those_for_the_name_before_it(tmp_path) -> None:
    rules = b"User-agent: lab.example\nDisallow: /\n\nUser-agent: vsd2m\nDisallow: /0.gif\n"
    pictures = _pictures(2)
    answers = {"/robots.txt": Script(rules), "/find/a/1": results(*({"url": path} for path in pictures)), **pictures}
    with ScriptedSite(answers) as site:
        result = _crawl(tmp_path, site, contact="me@lab.example")
    assert [row["url"] for row in result.kept] == [f"{site.url}/1.gif"]
    assert {headers["User-Agent"] for _, headers in site.headers} == {"vsd2m (+me@lab.example)"}
