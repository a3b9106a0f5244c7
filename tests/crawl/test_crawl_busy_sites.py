"""Sites that are busy: how long they are left alone, and what becomes of what they do not give."""

import random
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise
from pathlib import Path

import pytest
from crawl_sites import Script, ScriptedSite, make_crawl, make_picture, results
from hypothesis import given
from hypothesis import strategies as st

from vsd2m.core.errors import CrawlError
from vsd2m.core.stage import FileResult
from vsd2m.crawl.scraping.backoff import backoff_s, http_date, retry_after_s

GIF = {"Content-Type": "image/gif"}
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
TOMORROW = format_datetime(datetime.now(UTC) + timedelta(days=1), usegmt=True)


def _picture(number: int, *turns: Script) -> Script:
    return Script(make_picture(number), headers=GIF, turns=list(turns))


def _crawl(folder: Path, site: ScriptedSite, **config: object) -> FileResult:
    asked = {"source": "crawl_sites:ListSource", "site": site.url, "words": ("a",), **config}
    return make_crawl(folder, **asked).write()


def _times(site: ScriptedSite, path: str) -> list[float]:
    return [time for time, asked in site.asked if asked == path]


@given(st.integers(1, 40), st.integers(0, 1000))
def test_the_wait_doubles_with_every_attempt_up_to_its_limit(attempt, seed) -> None:
    wait = backoff_s(attempt, first_s=0.5, max_s=60, rng=random.Random(seed))
    middle = min(0.5 * 2 ** (attempt - 1), 60)
    assert middle / 2 <= wait <= middle * 1.5
    assert wait == backoff_s(attempt, first_s=0.5, max_s=60, rng=random.Random(seed))


def test_two_crawlers_do_not_come_back_at_the_same_moment() -> None:
    waits = {backoff_s(1, first_s=1, max_s=9, rng=random.Random(seed)) for seed in range(20)}
    assert len(waits) == 20


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7),
        (" 120 ", 120),
        ("Thu, 01 Jan 2026 12:01:30 GMT", 90),
        ("Thursday, 01-Jan-26 12:00:05 GMT", 5),
        ("Thu Jan  1 12:00:05 2026", 5),
        ("Thu, 01 Jan 2026 11:00:00 GMT", 0),
        ("", 0),
        ("soon", 0),
        ("9" * 5000, 1e9),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 1e9),
        ("-5", 0),
        ("1.5", 0),
        ("\u0663", 0),
    ],
)
def test_a_pause_is_asked_for_in_seconds_or_by_date(value, seconds) -> None:
    assert retry_after_s(value, now=NOON) == seconds


@given(st.text())
def test_no_header_is_an_error(text) -> None:
    assert retry_after_s(text, now=NOON) >= 0
    http_date(text)


def test_a_busy_page_is_asked_for_after_waits_that_grow(tmp_path) -> None:
    busy = [Script(status=429), Script(status=503), Script(status=500)]
    with ScriptedSite({"/find/a/1": results({"url": "/busy.gif"}), "/busy.gif": _picture(1, *busy)}) as site:
        result = _crawl(tmp_path, site, first_wait_s=0.2, retries=3)
    assert len(result.kept) == 1
    waits = [after - before for before, after in pairwise(_times(site, "/busy.gif"))]
    assert len(waits) == 3
    assert all(wait >= least for wait, least in zip(waits, (0.1, 0.2, 0.4), strict=True))


def test_a_pause_holds_for_the_whole_host(tmp_path) -> None:
    first_answer = [Script(status=429, headers={"Retry-After": "2"})]  # to whichever picture is asked for first
    names = [f"/{number}.gif" for number in range(6)]
    pictures = {
        name: Script(make_picture(number), headers=GIF, turns=first_answer) for number, name in enumerate(names)
    }
    with ScriptedSite({"/find/a/1": results(*({"url": name} for name in names)), **pictures}) as site:
        result = _crawl(tmp_path, site, delay_s=0.4)
    assert len(result.kept) == 6
    times = sorted(time for time, path in site.asked if path in names)
    assert len(times) == 7
    assert sum(times[0] < time < times[0] + 1.8 for time in times) <= 1, "at most what was under way already"


@pytest.mark.parametrize("retry_after", ["3600", TOMORROW], ids=["seconds", "date"])
@pytest.mark.parametrize("status", [429, 503])
def test_a_host_that_asks_for_too_long_a_pause_is_closed_and_the_others_go_on(tmp_path, retry_after, status) -> None:
    answers = {f"/own/{number}.gif": _picture(number) for number in range(3)}
    answers |= {f"/far/{n}.gif": Script(status=status, headers={"Retry-After": retry_after}) for n in range(20)}
    with ScriptedSite(answers) as site:
        far = site.url.replace("127.0.0.1", "localhost")
        answers["/find/a/1"] = results(
            *({"url": f"{far}/far/{number}.gif"} for number in range(20)),
            *({"url": f"/own/{number}.gif"} for number in range(3)),
        )
        result = _crawl(tmp_path, site, media_hosts=("localhost",), delay_s=0.4)
    assert len(result.kept) == 3
    assert [reject["reason"] for reject in result.rejects] == ["rate_limited"] * 20
    assert all(reject["value"] > 3500 and reject["limit"] == 120 for reject in result.rejects)
    assert sum(path.startswith("/far/") for _, path in site.asked) <= 2, "none that was still waiting in the queue"


def test_rules_that_cannot_be_read_for_now_are_no_rules_that_forbid(tmp_path) -> None:
    for number, status in enumerate((429, 503)):
        answers = {"/robots.txt": Script(status=status), "/a.gif": _picture(1)}
        with ScriptedSite({}) as site, ScriptedSite(answers) as far:
            url = far.url.replace("127.0.0.1", "localhost")
            site.answers = {"/find/a/1": results({"url": f"{url}/a.gif"})}
            result = _crawl(
                tmp_path / str(number), site, media_hosts=(url.removeprefix("http://"),), retries=1, first_wait_s=0.01
            )
        assert [(reject["reason"], reject["detail"]) for reject in result.rejects] == [
            ("robots_unreadable", f"robots.txt answered {status}")
        ]
        assert {path for _, path in far.asked} == {"/robots.txt"}


def test_a_site_that_restarts_between_two_partitions_does_not_end_the_crawl(tmp_path) -> None:
    with ScriptedSite({"/find/a/1": results(), "/find/b/1": results({"url": "/1.gif"}), "/1.gif": _picture(1)}) as site:
        make_crawl(tmp_path, source="crawl_sites:ListSource", site=site.url, words=("a",)).write()
        address, answers = site.url, site.answers
    port = int(address.rpartition(":")[2])
    restarted = threading.Timer(3, lambda: started.append(ScriptedSite(answers, port=port).__enter__()))
    started: list[ScriptedSite] = []
    restarted.start()
    second = {"words": ("b",), "retries": 0, "first_wait_s": 0.2}
    result = make_crawl(tmp_path, source="crawl_sites:ListSource", site=address, **second).write()
    restarted.join()
    started[0].__exit__()
    assert (len(result.kept), result.rejects) == (1, [])


def test_a_site_that_stays_away_for_longer_than_one_waits_is_down(tmp_path) -> None:
    with ScriptedSite({"/find/a/1": results()}) as site:
        make_crawl(tmp_path, source="crawl_sites:ListSource", site=site.url, words=("a",)).write()
    gone = {"words": ("b",), "retries": 0, "first_wait_s": 0.1, "max_outage_s": 0.5}
    with pytest.raises(CrawlError, match="cannot reach"):
        make_crawl(tmp_path, source="crawl_sites:ListSource", site=site.url, **gone).write()
