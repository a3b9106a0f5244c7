"""Sites that do not behave: one scripted site, crawled once, shows most of it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from crawl_sites import Script, ScriptedSite, make_crawl, make_picture, page, results

from vsd2m.core.errors import CrawlError
from vsd2m.core.stage import FileResult
from vsd2m.crawl.config import CrawlConfig
from vsd2m.crawl.scraping.process import crawl, spool_in

GIF = {"Content-Type": "image/gif"}
WORDS = ("pictures", "pages", "answers", "again", "loop", "pdf", "broken", "lost")

ROBOTS = "User-agent: *\nDisallow: /forbidden\n\nUser-agent: otherbot\nDisallow: /\n"


def _picture(number: int, **kwargs: object) -> Script:
    return Script(make_picture(number), headers=GIF, **kwargs)


SCRIPTS = {
    "/robots.txt": Script(ROBOTS.encode()),
    # stickers told on the results page itself, the same one on both pages
    "/find/pictures/1": results(
        {"url": "/good.gif", "title": "one"},
        {"url": "/large.gif"},
        {"url": "/large-unannounced.gif"},
        {"url": "/late.gif"},
        {"url": "/hangs-up.gif"},
        {"url": "/tdm.gif"},
        {"url": "/other-bot.gif"},
        {"url": "/this-bot.gif"},
        {"url": "/busy.gif"},
        {"url": "/empty.gif"},
        {"url": "http://cdn.invalid/far.gif"},
        {"url": "/forbidden/a.gif"},
        {"url": "/to-forbidden.gif"},
        {"url": "/circle.gif"},
        has_next=True,
    ),
    "/find/pictures/2": results({"url": "/good.gif"}, {"url": "/second.gif"}, has_next=True),
    "/find/pictures/3": results({"url": "/good.gif"}, has_next=True),
    "/find/pictures/4": Script(b"never asked: page 3 had nothing new", status=500),
    "/good.gif": _picture(1),
    "/second.gif": _picture(2),
    "/large.gif": Script(b"GIF89a" + bytes(5000), headers=GIF),
    "/large-unannounced.gif": Script(b"GIF89a" + bytes(5000), headers=GIF, chunked=True),
    "/late.gif": _picture(3, delay=30),
    "/hangs-up.gif": _picture(4, hang_up=True),
    "/tdm.gif": Script(make_picture(5), headers={**GIF, "TDM-Reservation": "1"}),
    "/other-bot.gif": Script(make_picture(6), headers={**GIF, "X-Robots-Tag": "otherbot: noai"}),
    "/this-bot.gif": Script(make_picture(7), headers={**GIF, "X-Robots-Tag": "vsd2m: noimageai"}),
    "/busy.gif": _picture(8, turns=[Script(status=429, headers={"Retry-After": "1"})]),
    "/empty.gif": Script(headers=GIF),
    "/to-forbidden.gif": Script(status=302, headers={"Location": "/forbidden/b.gif"}),
    "/circle.gif": Script(status=302, headers={"Location": "/circle.gif"}),
    # sticker pages
    "/find/pages/1": results("/page/good", "/page/noai", "/page/empty", "/page/bug", "/page/gone", "/forbidden/page"),
    "/page/good": page({"url": "/good.gif"}),
    "/page/noai": Script(
        b'{"url": "/good.gif", "html": "<META NAME=Robots content=\'index, NoAI\'>"}',
        headers={"Content-Type": "text/html"},
    ),
    "/page/empty": page({}),
    "/page/bug": page({"url": None}),
    # results pages
    "/find/again/1": results("/page/good", "http://elsewhere.invalid/page"),
    "/find/loop/1": results("/page/good", "/page/good", has_next=True),
    "/find/loop/2": Script(status=404),
    "/find/pdf/1": Script(b"%PDF\0\1\2", headers={"Content-Type": "application/pdf"}),
    "/find/broken/1": Script(b"{", headers={"Content-Type": "application/json"}),
    "/find/lost/1": Script(status=503),
}


@pytest.fixture(scope="module")
def visited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ScriptedSite, FileResult]]:
    with ScriptedSite(SCRIPTS) as site:
        crawl = make_crawl(
            tmp_path_factory.mktemp("run"),
            source="crawl_sites:ListSource",
            site=site.url,
            words=WORDS,
            max_file_bytes=4000,
            timeout_s=1.5,
            retries=1,
        )
        yield site, crawl.write()


def _rejects(visited: tuple[ScriptedSite, FileResult]) -> dict[str, tuple[object, ...]]:
    site, result = visited
    return {
        reject["url"].removeprefix(site.url): (reject["reason"], reject["value"], reject["limit"], reject["detail"])
        for reject in result.rejects
    }


def test_pictures_that_cannot_be_had_say_why(visited) -> None:
    site, _ = visited
    found = _rejects(visited)
    assert found["/large.gif"] == ("too_large", 5006, 4000, None)
    assert found["/large-unannounced.gif"] == ("too_large", None, 4000, None)
    assert found["/late.gif"] == ("timeout", None, 1.5, None)
    assert found["/hangs-up.gif"] == ("unreachable", None, None, "no complete answer: ResponseDataLossError")
    assert found["/empty.gif"] == ("not_an_image", None, None, "Content-Type says image/gif")
    assert found["http://cdn.invalid/far.gif"][0] == "offsite_link"
    assert found["/circle.gif"] == ("http_error", None, None, "more than 5 redirects")
    assert found["/forbidden/a.gif"] == ("robots_disallowed", None, None, f"{site.url}/robots.txt")


def test_robots_rules_hold_for_the_target_of_a_redirect(visited) -> None:
    assert _rejects(visited)["/to-forbidden.gif"][0] == "robots_disallowed"
    assert "/forbidden/b.gif" not in {path for _, path in visited[0].asked}


def test_reservations_hold_for_the_crawler_they_are_addressed_to(visited) -> None:
    site, result = visited
    found = _rejects(visited)
    assert found["/tdm.gif"][::3] == ("noai", "header: tdm-reservation: 1")
    assert found["/this-bot.gif"][::3] == ("noai", "header: X-Robots-Tag: vsd2m: noimageai")
    assert f"{site.url}/other-bot.gif" in {row["url"] for row in result.kept}


def test_sticker_pages_that_cannot_be_read_say_why(visited) -> None:
    found = _rejects(visited)
    assert found["/page/empty"] == ("page_not_understood", None, None, "no url on the page")
    assert found["/page/gone"] == ("http_error", 404, None, "HTTP status 404")
    assert found["/forbidden/page"][0] == "robots_disallowed"
    assert found["http://elsewhere.invalid/page"][0] == "offsite_link"
    assert found["/page/noai"] == ("noai", None, None, "page: meta robots: index, NoAI")


def test_results_pages_that_cannot_be_read_are_rejects_too(visited) -> None:
    found = _rejects(visited)
    assert found["/find/answers/1"] == ("http_error", 404, None, "results page 1 for 'answers': HTTP status 404")
    assert found["/find/loop/2"][3] == "results page 2 for 'loop': HTTP status 404"
    assert found["/find/pdf/1"][::3] == ("page_not_understood", "results page 1 for 'pdf': the answer is not text")
    assert found["/find/lost/1"][:2] == ("server_error", 503)
    assert found["/find/broken/1"][0] == "source_error"


def test_a_fault_of_a_source_is_a_failure_and_everything_else_a_drop(visited) -> None:
    failed = {
        reject["url"].removeprefix(visited[0].url) for reject in visited[1].rejects if reject["outcome"] == "failed"
    }
    assert failed == {"/page/bug", "/find/broken/1"}
    assert _rejects(visited)["/page/bug"][3].startswith("AttributeError: ")


def test_nothing_is_lost_or_counted_twice(visited) -> None:
    _, result = visited
    assert result.num_read == len(result.kept) + len(result.rejects) == 14 + 1 + 6 + 2 + 1 + 5


def test_pages_and_pictures_are_asked_for_once_however_many_words_lead_there(visited) -> None:
    site, result = visited
    asked = [path for _, path in site.asked]
    assert asked.count("/good.gif") == asked.count("/page/good") == asked.count("/robots.txt") == 1
    words = [row["trigger_word"] for row in result.kept if row["url"].endswith("/good.gif")]
    assert words == ["pictures", "pages", "again", "loop"]


def test_results_are_followed_until_a_page_has_nothing_new(visited) -> None:
    asked = {path for _, path in visited[0].asked}
    assert "/find/pictures/3" in asked
    assert "/find/pictures/4" not in asked


def test_the_sites_crawl_delay_lies_between_requests(tmp_path) -> None:
    names = [f"/{number}.gif" for number in range(8)]
    scripts = {
        "/robots.txt": Script(b"User-agent: *\nCrawl-delay: 0.2\n"),
        "/find/a/1": results(*({"url": name} for name in names)),
        **{name: _picture(number) for number, name in enumerate(names)},
    }
    with ScriptedSite(scripts) as site:
        make_crawl(tmp_path, source="crawl_sites:ListSource", site=site.url, words=["a"]).write()
    times = [time for time, path in site.asked if path in names]
    assert max(times) - min(times) >= 0.9 * 0.2 * 7


def test_a_busy_site_is_given_the_time_it_asks_for(visited) -> None:
    times = [time for time, path in visited[0].asked if path == "/busy.gif"]
    assert len(times) == 2
    assert times[1] - times[0] >= 1
    assert any(row["url"].endswith("/busy.gif") for row in visited[1].kept)


@pytest.mark.parametrize("robots", [Script(b"User-agent: *\nDisallow: /\n"), Script(status=503)])
def test_a_site_that_forbids_or_hides_its_rules_is_not_crawled(tmp_path, robots) -> None:
    with ScriptedSite({"/robots.txt": robots, "/find/a/1": results()}) as site:
        crawl = make_crawl(tmp_path, source="crawl_sites:ListSource", site=site.url, words=["a"], retries=0)
        with pytest.raises(CrawlError, match="forbids every search"):
            crawl.write()
    assert {path for _, path in site.asked} == {"/robots.txt"}


def test_a_site_without_robots_txt_may_be_crawled(tmp_path) -> None:
    with ScriptedSite({"/find/a/1": results({"url": "/good.gif"}), "/good.gif": _picture(1)}) as site:
        result = make_crawl(tmp_path, source="crawl_sites:ListSource", site=site.url, words=["a"]).write()
    assert json.loads(result.kept[0]["robots"])["robots_txt"] == "absent"


def test_a_full_disk_ends_the_crawl_with_one_clear_line(tmp_path) -> None:
    run = make_crawl(tmp_path, source="gallery", site="http://127.0.0.1:1", words=["a"])
    with (
        ScriptedSite({"/find/a/1": results()}) as site,
        pytest.raises(CrawlError, match="cannot write .*: No space left on device"),
        spool_in(run.run.store, "spool") as spool,
    ):
        (spool / "facts.jsonl").symlink_to("/dev/full")
        config = CrawlConfig(source={"source": "crawl_sites:ListSource", "site": site.url}, words=("a",))
        crawl(config.job(("a",), spool))
    assert Path(spool / "scrapy.log").exists()
