"""Sources described by selectors, in a YAML file or in the config, and `vsd2m crawl check`, which tries them."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from api_crawls import source_of
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from typer.testing import CliRunner

from vsd2m.cli.main import app
from vsd2m.core.errors import ConfigError, StorageError
from vsd2m.crawl.sources.base import Ask, FoundSticker, Page, PageError, UnreadSticker
from vsd2m.crawl.sources.selectors import SelectorsSource

SITE = "http://stickers.example"
ALL_IN_RESULTS = {
    "stickers": "li.sticker",
    "picture": ["img::attr(data-large)", "img"],
    "page": "a",
    "title": {"xpath": ".//b"},
    "tags": {"css": "script::text", "jmespath": "tags[]"},
    "author": ["i.artist", "i.user"],
    "licence": "a[rel=license]::text",
    "licence_url": "a[rel=license]",
    "id": "::attr(data-id)",
    "next": "a[rel=next]",
}
FULL = """<li class="sticker" data-id="7"><a href="/s/7"><img data-large="/7.gif" src="/7-small.gif"></a>
<b>Seven <u>up</u></b><i class="user">Ann</i><a rel="license" href="/by">CC BY</a>
<script>{"tags": ["cat", 3]}</script></li>"""
RESULTS = f"""<ul>{FULL}<li class="sticker"><b>no picture</b></li><li class="sticker"><img src="8.gif"></li></ul>
<a rel="next" href="?page=2">more</a>"""


def _source(results: Any = ALL_IN_RESULTS, **options: Any) -> SelectorsSource:
    source = source_of({"site": SITE, "search": "/search?q={word}", "results": results, **options})
    assert isinstance(source, SelectorsSource)
    return source


def test_all_languages_select_every_field_and_a_sticker_without_a_picture_is_named() -> None:
    results = _source().parse_search(Page(f"{SITE}/search?q=a", RESULTS))
    first, second, third = results.stickers
    assert first == FoundSticker(
        url=f"{SITE}/7.gif",
        page_url=f"{SITE}/s/7",
        title="Seven up",
        tags=("cat", "3"),
        licence="CC BY",
        author="Ann",
        fallbacks=(f"{SITE}/7-small.gif",),
        licence_url=f"{SITE}/by",
        source_id="7",
    )
    assert isinstance(second, UnreadSticker) and second.problem == "picture is missing"
    assert third == FoundSticker(url=f"{SITE}/8.gif", page_url=f"{SITE}/search?q=a")
    assert results.next_ask == Ask(f"{SITE}/search?page=2")


def test_json_is_selected_by_jmespath_and_other_languages_say_that_they_cannot() -> None:
    results = {"stickers": {"jmespath": "items[]"}, "picture": {"jmespath": "url"}, "title": {"jmespath": "name"}}
    answer = {"items": [{"url": "/1.gif", "name": 5}, {"url": {"a": 1}}, {"url": "/3.gif", "name": {}}, {}]}
    first, *others = _source(results).parse_search(Page(SITE, json.dumps(answer))).stickers
    assert (first.url, first.title) == (f"{SITE}/1.gif", "5")
    assert [other.problem for other in others] == [
        "picture: expected text, found dict {'a': 1}",
        "title: expected text, found dict {}",
        "picture is missing",
    ]
    with pytest.raises(PageError, match="css 'li': Cannot use css on a Selector of type 'json'"):
        _source({"stickers": "li", "picture": "img"}).parse_search(Page(SITE, "{}"))


def test_a_page_of_its_own_is_read_where_selectors_for_it_are_given() -> None:
    source = _source({"stickers": "li", "page": "a"}, sticker={"picture": "img", "title": "h1"})
    stickers = source.parse_search(Page(SITE, "<li><a href=/s/1>x</a></li><li>no link</li>")).stickers
    assert stickers[0] == f"{SITE}/s/1" and stickers[1].problem == "page is missing"
    page = Page(f"{SITE}/s/1", "<h1>One</h1><img src=/1.gif>")
    assert source.parse_sticker(page) == FoundSticker(url=f"{SITE}/1.gif", page_url=page.url, title="One")
    with pytest.raises(PageError, match="picture is missing"):
        source.parse_sticker(Page(SITE, "<h1>One</h1>"))


@given(st.text())
def test_whatever_a_page_holds_it_is_read_or_refused(text) -> None:
    for source in (_source(), _source({"stickers": {"jmespath": "[]"}, "picture": {"jmespath": "sort(@)"}})):
        try:
            source.parse_search(Page(SITE, text))
        except PageError as error:
            assert str(error)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"results": {"stickers": "li"}}, "expected `results.picture`, or `results.page` and `sticker.picture`"),
        ({"sticker": {"picture": "img"}, "results": {"stickers": "li"}}, "needs `results.page`"),
        ({"results": {"stickers": {"cs": "li"}, "picture": "img"}}, "a mapping with `css`, `xpath` or `jmespath`"),
        ({"results": {"stickers": {}, "picture": "img"}}, "a mapping with `css`, `xpath` or `jmespath`"),
        ({"search": "/search"}, "expected a path with {word}"),
        ({"results": {"stickers": "li", "image": "img"}}, "Extra inputs are not permitted"),
    ],
)
def test_options_that_do_not_fit_together_are_refused(options, message) -> None:
    with pytest.raises(ValidationError, match=message):
        _source(**{"results": ALL_IN_RESULTS, **options})


@pytest.mark.parametrize(
    ("selector", "message"),
    [
        ("li[", r"results.title: expected css, found 'li\['"),
        ({"xpath": "//["}, r"results.title: expected xpath, found '//\['"),
        ({"css": "script::text", "jmespath": "a["}, r"results.title: expected jmespath, found 'a\['"),
        (["b", "li["], r"results.title: expected css, found 'li\['"),
    ],
)
def test_a_selector_that_is_none_of_its_language_is_named_before_anything_is_asked(selector, message) -> None:
    with pytest.raises(ConfigError, match=message):
        _source({**ALL_IN_RESULTS, "title": selector})


FILE = {"site": SITE, "search": "/search?q={word}", "results": ALL_IN_RESULTS}


def _write(folder: Path, name: str, value: Any) -> str:
    path = folder / name
    path.write_text(value if isinstance(value, str) else yaml.safe_dump(value), encoding="utf-8")
    return str(path)


def test_a_file_stands_for_its_content_and_options_beside_it_win(tmp_path) -> None:
    file = _write(tmp_path, "mysite.yaml", FILE)
    assert source_of(file).config == source_of(FILE).config == source_of({"source": "selectors", **FILE}).config
    assert (
        source_of({"source": file, "site": "http://other"}).config == source_of({**FILE, "site": "http://other"}).config
    )
    other = _write(tmp_path, "commons.yml", {"source": "commons", "mime": "webp"})
    assert source_of(other).config == source_of({"source": "commons", "mime": "webp"}).config


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a: [", "is not YAML"),
        ("site: a\nsite: b", "key 'site' is given twice"),
        ("- a", "expected options"),
        ("source: other.yaml", "names another file"),
        ("search: /{word}", "site"),
    ],
)
def test_a_file_that_is_no_source_says_what_is_wrong_with_it(tmp_path, content, message) -> None:
    with pytest.raises(ValidationError, match=message):
        source_of(_write(tmp_path, "mysite.yaml", content))


def test_a_file_that_is_not_there_is_named(tmp_path) -> None:
    with pytest.raises(ValidationError, match=r"cannot read the source .*missing.yaml: No such file"):
        source_of(str(tmp_path / "missing.yaml"))


def _check(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["crawl", "check", *arguments], env={"COLUMNS": "200"})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def _rows(output: str) -> dict[str, list[str]]:
    """The cells of the tables, by field."""
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in output.splitlines() if line.startswith("│")]
    return {cells[0]: cells[1:] for cells in rows}


def test_check_shows_what_each_selector_matched_and_what_is_missing(tmp_path) -> None:
    file = _write(tmp_path, "mysite.yaml", {**FILE, "results": {**ALL_IN_RESULTS, "attribution": "p.credit"}})
    code, output = _check(file, "--pages", _write(tmp_path, "results.html", RESULTS), "--word", "a b")
    assert code == 0
    assert f"asks for 'a b': GET {SITE}/search?q=a%20b" in output
    rows = _rows(output)
    assert rows["stickers"] == ["css li.sticker", "3 of 3", ""]
    assert rows["picture"] == ["css img::attr(data-large) or css img", "2 of 2", f"{SITE}/7.gif"]
    assert rows["title"] == ["xpath .//b", "1 of 2", "Seven up"]
    assert rows["tags"] == ["css script::text then jmespath tags[]", "1 of 2", "cat, 3"]
    assert rows["attribution"] == ["css p.credit", "missing", ""]
    assert "problem: picture is missing (1 of 3)" in output
    assert f"next page: {SITE}/?page=2" in output


def test_check_fails_where_no_sticker_of_a_results_page_can_be_read(tmp_path) -> None:
    file = _write(tmp_path, "mysite.yaml", FILE)
    code, output = _check(file, "--pages", _write(tmp_path, "results.html", "<li class=sticker><li class=sticker>"))
    assert "problem: picture is missing (2 of 2)" in output
    assert code == 1


@pytest.mark.parametrize("selector", [[], 5, True, ["a", 5], [None], {}, {"sql": "a"}, ["a", {}]])
def test_what_is_no_selector_is_named_in_one_sentence(selector) -> None:
    with pytest.raises(ValidationError, match="expected a CSS selector, or a mapping with") as refusal:
        _source({**ALL_IN_RESULTS, "stickers": selector})
    assert refusal.value.error_count() == 1


def test_check_tells_results_pages_from_pages_of_stickers_and_fails_where_there_is_neither(tmp_path) -> None:
    options = {**FILE, "results": {"stickers": "li", "page": "a"}, "sticker": {"picture": "img", "title": "h1"}}
    file = _write(tmp_path, "mysite.yaml", options)
    results = _write(tmp_path, "results.html", "<li><a href=/s/1>x</a></li>")
    sticker = _write(tmp_path, "sticker.html", "<h1>One</h1><img src=/1.gif>")
    code, output = _check(file, "--pages", results, "--pages", sticker)
    assert code == 0
    assert "results.html: results page" in output and "sticker.html: sticker page" in output
    assert _rows(output)["page"] == ["css a", "1 of 1", f"{SITE}/s/1"]
    assert _rows(output)["title"] == ["css h1", "1 of 1", "One"]
    code, output = _check(file, "--pages", _write(tmp_path, "other.html", "<p>"))
    assert (code, _rows(output)["stickers"]) == (1, ["css li", "missing", ""])


def test_check_works_for_sources_of_code_and_shows_their_terms(tmp_path) -> None:
    answer = _write(tmp_path, "answer.json", {"error": {"code": "badvalue", "info": "no such action"}})
    Path(answer).write_text(json.dumps({"error": {"code": "badvalue", "info": "no such action"}}))
    code, output = _check("commons", "--pages", answer)
    assert code == 1
    assert "allow storing and training" in output and "(read on 2026-11-28)" in output
    assert "as results: the API says: badvalue: no such action" in " ".join(output.split())
    with pytest.raises(ConfigError, match="unknown source 'comons'"):
        _check("comons")
    with pytest.raises(StorageError, match=r"cannot read the page .*gone.html"):
        _check("commons", "--pages", str(tmp_path / "gone.html"))
