"""Faults of pages, of sources and of the crawler itself: each ends as a fact, and takes nothing else with it."""

import json
import os
from pathlib import Path

import pytest
from crawl_sites import ListSource, Script, ScriptedSite, make_crawl, make_picture, page, results
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from vsd2m.core.errors import CrawlError
from vsd2m.core.finds.valid_text import valid_text
from vsd2m.core.stage import FileResult
from vsd2m.crawl.config import CrawlConfig
from vsd2m.crawl.sources.base import Ask, FoundSticker, Page, SearchResults

GIF = {"Content-Type": "image/gif"}
LONE = "\ud83d"


def _pictures(*numbers: int) -> dict[str, Script]:
    return {f"/{number}.gif": Script(make_picture(number), headers=GIF) for number in numbers}


def _crawl(folder: Path, answers: dict[str, Script], source: str = "crawl_sites:ListSource", **config) -> FileResult:
    with ScriptedSite(answers) as site:
        asked = {"words": ("a",), "retries": 0, **config}
        return make_crawl(folder, source=source, site=site.url, **asked).write()


def test_half_a_character_in_a_title_loses_no_sticker(tmp_path) -> None:
    found = [{"url": "/1.gif"}, {"url": "/2.gif", "title": f"so {LONE} funny"}, {"url": "/3.gif"}, {"url": "/4.gif"}]
    result = _crawl(tmp_path, {"/find/a/1": results(*found), **_pictures(1, 2, 3, 4)})
    assert [row["title"] for row in result.kept] == ["", "so \ufffd funny", "", ""]
    assert result.num_read == 4


def test_half_a_character_in_an_address_is_a_reject_of_that_address(tmp_path) -> None:
    answers = {
        "/find/a/1": results({"url": f"/{LONE}.gif"}, f"/page{LONE}", "/page", {"url": "/1.gif"}),
        "/page": page({"url": f"/{LONE}.gif"}),
        **_pictures(1),
    }
    result = _crawl(tmp_path, answers)
    assert len(result.kept) == 1
    assert [reject["reason"] for reject in result.rejects] == ["bad_address"] * 3
    json.dumps(result.rejects, ensure_ascii=False).encode()


def test_one_address_that_cannot_be_read_does_not_lose_its_results_page(tmp_path) -> None:
    result = _crawl(tmp_path, {"/find/a/1": results("http://[half", {"url": "/1.gif"}), **_pictures(1)})
    assert len(result.kept) == 1
    assert [(reject["url"], reject["reason"]) for reject in result.rejects] == [("http://[half", "bad_address")]


class WrongTypes(ListSource):
    """Gives stickers with fields of other types than it should; on sticker pages too."""

    def parse_search(self, page: Page) -> SearchResults:
        def sticker(**fields):
            return FoundSticker(**{"url": page.link("/1.gif"), "page_url": page.url, **fields})

        wrong = [
            sticker(url=page.link("/2.gif"), title=7),
            sticker(url=page.link("/3.gif"), tags=("a", None)),
            sticker(url=page.link("/4.gif"), author=object()),
            sticker(url=None),
            17,
        ]
        return SearchResults([*wrong, page.link("/page"), sticker(tags=["list"])])

    def parse_sticker(self, page: Page) -> FoundSticker:
        return FoundSticker(url=page.link("/1.gif"), page_url=page.url, licence=3.0)


def test_a_field_of_the_wrong_type_is_a_failure_of_its_sticker_alone(tmp_path) -> None:
    answers = {"/find/a/1": results(), "/page": page({}), **_pictures(1)}
    result = _crawl(tmp_path, answers, source="test_crawl_nothing_lost:WrongTypes")
    assert [row["tags"] for row in result.kept] == [["list"]]
    assert [(reject["outcome"], reject["reason"]) for reject in result.rejects] == [("failed", "source_error")] * 6
    details = [reject["detail"] for reject in result.rejects]
    assert details[0] == "title: expected text, found int 7"
    assert details[-1] == "licence: expected text, found float 3.0"
    assert details[4] == "the sticker: expected a FoundSticker, found int 17"


class Explodes(ListSource):
    """Whose pages raise, or are of no use, in every place where its code is called."""

    def first_request(self, word: str) -> Ask:
        if word == "first":
            raise LookupError(word)
        return super().first_request(word)

    def parse_search(self, page: Page) -> SearchResults:
        if page.url.endswith("/none/1"):
            return None
        if page.url.endswith("/lazy/1"):
            return SearchResults(1 / 0 for _ in "a")
        if page.url.endswith("/next/1"):
            return SearchResults([], next_ask=page.url)
        return super().parse_search(page)

    def parse_sticker(self, page: Page) -> FoundSticker:
        return None


def test_whatever_a_source_raises_or_returns_is_a_fact_of_its_page(tmp_path) -> None:
    words = ("none", "lazy", "next", "first", "pages")
    answers = {
        "/find/none/1": results(),
        "/find/lazy/1": results(),
        "/find/next/1": results(),
        "/find/pages/1": results("/page", {"url": "/1.gif"}),
        "/page": page({}),
        **_pictures(1),
    }
    result = _crawl(tmp_path, answers, source="test_crawl_nothing_lost:Explodes", words=words)
    assert [row["trigger_word"] for row in result.kept] == ["pages"]
    assert [reject["outcome"] for reject in result.rejects] == ["failed"] * 5
    assert {reject["reason"] for reject in result.rejects} <= {"source_error", "crawler_error"}
    assert [reject["detail"].split(": ")[0] for reject in result.rejects] == [
        *(
            f"results page {number} for {word!r}"
            for word, number in (("none", 1), ("lazy", 1), ("next", 1), ("first", 1))
        ),
        "the sticker",
    ]
    assert result.num_read == 6


def test_an_answer_whose_compression_is_broken_is_a_reject_of_its_address(tmp_path) -> None:
    broken = {f"/{name}.gif": Script(b"no such data", headers={**GIF, "Content-Encoding": name}) for name in _CODINGS}
    answers = {"/find/a/1": results(*({"url": path} for path in broken), {"url": "/1.gif"}), **broken, **_pictures(1)}
    result = _crawl(tmp_path, answers)
    assert len(result.kept) == 1
    assert [(reject["outcome"], reject["detail"]) for reject in result.rejects] == [
        ("dropped", f"the answer is not in {name}") for name in _CODINGS
    ]
    assert result.num_read == len(broken) + 1


_CODINGS = ("gzip", "deflate", "br", "zstd")


class Exits(ListSource):
    """Ends the crawling process without an error."""

    def parse_search(self, page: Page) -> SearchResults:
        os._exit(0)


def test_a_crawl_that_ended_early_is_no_crawl(tmp_path) -> None:
    with pytest.raises(CrawlError, match="did not come to its end"):
        _crawl(tmp_path, {"/find/a/1": results()}, source="test_crawl_nothing_lost:Exits")


def test_words_of_half_characters_are_refused_with_the_config() -> None:
    with pytest.raises(ValidationError, match="half of a surrogate pair"):
        CrawlConfig(source="gallery", words=("a", LONE))


@given(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    st.text(st.characters(categories=["Cs"]), max_size=3),
)
def test_valid_text_can_be_written_and_keeps_what_was_valid(text, halves) -> None:
    assert valid_text(text) == text
    valid_text(text + halves).encode()
    assert valid_text("\ud83d\ude00 \ude00") == "\U0001f600 \ufffd"
