"""What the sources for APIs read in the answers of the models: every field, all pages, and fields that are wrong."""

import json
from dataclasses import replace
from typing import Any

import pytest
from api_crawls import (
    HTML_NAME,
    LISTS,
    NUM_STICKERS,
    SITE,
    as_page,
    ask_model,
    folder_of_stickers,
    read_all,
    source_for,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vsd2m.crawl.scraping.responses import checked_sticker
from vsd2m.crawl.sources.base import Ask, FoundSticker, Page, PageError, UnreadSticker
from vsd2m.crawl.sources.emoji import words_of
from vsd2m.crawl.sources.fields import plain_text
from vsd2m.gallery.apis import APIS, api_class
from vsd2m.gallery.apis.base import ApiModel, ApiOptions
from vsd2m.gallery.library import Library

ENTRIES = {
    "commons": ("query", "pages"),
    "openverse": ("results",),
    "mastodon": (),
    "misskey": ("emojis",),
    "telegram": ("result", "stickers"),
    "giphy": ("data",),
    "klipy": ("data", "data"),
}
"""Where an answer has its list of stickers."""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    return Library(folder_of_stickers(tmp_path_factory.mktemp("stickers")))


def _model(library: Library, api: str, **options: Any) -> ApiModel:
    return api_class(api)(library, ApiOptions(**{"page_size": 4, **options}), SITE)


def _word(api: str) -> str:
    return "hello" if api in LISTS else "wave"


EXPECTED = {
    "commons": FoundSticker(
        url=f"{SITE}/media/wave_1.gif",
        page_url=f"{SITE}/wiki/File:wave_1.gif",
        title="Wave <wave_1.gif>",
        tags=("hello", "cat"),
        licence="CC BY-SA 4.0",
        author=HTML_NAME,
        licence_url="https://creativecommons.org/licenses/by-sa/4.0",
        attribution=f"{HTML_NAME}, CC BY-SA 4.0, via Wikimedia Commons",
        source_id="2",
    ),
    "openverse": FoundSticker(
        url=f"{SITE}/media/wave_1.gif",
        page_url=f"{SITE}/sticker/wave_1.gif",
        title="Wave <wave_1.gif>",
        tags=("hello", "cat"),
        licence="by-sa 4.0",
        author=HTML_NAME,
        licence_url="https://creativecommons.org/licenses/by-sa/4.0/",
        attribution=f'"Wave <wave_1.gif>" by {HTML_NAME} is licensed under CC BY-SA 4.0.',
    ),
    "mastodon": FoundSticker(
        url=f"{SITE}/media/wave_1.gif",
        page_url=SITE,
        title="wave_1",
        tags=("hello",),
        source_id="wave_1",
        trigger_word="wave 1",
    ),
    "misskey": FoundSticker(
        url=f"{SITE}/media/wave_1.gif",
        page_url=SITE,
        title="wave_1",
        tags=("hello", "wave"),
        licence="CC BY-SA 4.0",
        source_id="wave_1",
        trigger_word="wave 1",
    ),
    "telegram": FoundSticker(
        url=f"{SITE}/file/stickers/wave_1.gif",
        page_url="https://t.me/addstickers/wave",
        title="wave",
        source_id="unique2",
        trigger_word="🐱",
    ),
    "giphy": FoundSticker(
        url=f"{SITE}/media/wave_1.gif",
        page_url=f"{SITE}/sticker/wave_1.gif",
        title="Wave <wave_1.gif>",
        tags=("hello", "cat"),
        author=HTML_NAME,
    ),
    "klipy": FoundSticker(
        url=f"{SITE}/media/wave_1.gif",
        page_url=f"{SITE}/api/v1/stickers/search?q=wave&page=1&per_page=50&rating=g",
        title="Wave <wave_1.gif>",
        tags=("hello", "cat"),
        source_id="sticker-2",
    ),
}


@pytest.mark.parametrize("api", APIS)
def test_every_field_is_read_and_all_pages_are_asked_for_once(library, api) -> None:
    model, source = _model(library, api), source_for(api)
    stickers, pages = read_all(model, source, _word(api))
    assert len(stickers) == NUM_STICKERS
    assert len({page.url for page in pages}) == len(pages) == (1 if api in LISTS or api == "telegram" else 3)
    sticker = stickers[1]
    if isinstance(sticker, str):  # a page of its own, which is asked for
        sticker = source.parse_sticker(ask_model(model, source, Ask(sticker)))
    expected = EXPECTED[api]
    if not expected.source_id:
        assert sticker.source_id
        expected = replace(expected, source_id=sticker.source_id)
    assert sticker == expected


@pytest.mark.parametrize("api", APIS)
def test_a_word_without_stickers_is_a_search_without_stickers(library, api) -> None:
    if api == "telegram":
        with pytest.raises(PageError, match="the API says: Bad Request: STICKERSET_INVALID"):
            read_all(_model(library, api), source_for(api), "nothing like it")
    else:
        assert read_all(_model(library, api), source_for(api), "nothing like it")[0] == []


_WRONG = st.sampled_from((None, True, 7, 7.5, "", "7", "half \ud83d", [], ["x"], [None], {}, {"a": 1}))


@st.composite
def _damage(draw: st.DrawFn, value: Any) -> Any:
    """`value` with something inside it replaced by something else, or left out."""
    if isinstance(value, dict | list) and value and draw(st.booleans()):
        damaged = value.copy()
        place = draw(st.sampled_from(sorted(value) if isinstance(value, dict) else range(len(value))))
        if isinstance(damaged, dict) and draw(st.integers(0, 4)) == 0:
            del damaged[place]
        else:
            damaged[place] = draw(_damage(value[place]))
        return damaged
    return draw(_WRONG)


@pytest.mark.parametrize("api", APIS)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_wrong_field_costs_at_most_its_own_sticker(library, api, data) -> None:
    source = source_for(api)
    page = ask_model(_model(library, api), source, source.first_request(_word(api)))
    answer = page.json()
    entries = answer
    for name in ENTRIES[api]:
        entries = entries[name]
    before = source.parse_search(page).stickers
    place = data.draw(st.integers(0, len(before) - 1))
    entries[place] = data.draw(_damage(entries[place]))
    after = source.parse_search(replace(page, text=json.dumps(answer))).stickers
    untouched = [sticker for sticker in before if sticker != before[place]]
    assert [sticker for sticker in after if sticker in untouched] == untouched
    for sticker in set(map(repr, after)) - set(map(repr, before)):
        assert sticker.startswith(("FoundSticker", "UnreadSticker", "'http")), sticker
    for sticker in after:
        if isinstance(sticker, FoundSticker):
            assert checked_sticker(sticker) == sticker
            assert sticker.url


@pytest.mark.parametrize("api", APIS)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_an_answer_of_another_shape_is_read_or_refused_and_never_an_error_of_the_source(library, api, data) -> None:
    source = source_for(api)
    page = ask_model(_model(library, api), source, source.first_request(_word(api)))
    damaged = replace(page, text=json.dumps(data.draw(_damage(page.json()))))
    try:
        results = source.parse_search(damaged)
    except PageError as error:
        assert str(error)
    else:
        assert all(isinstance(sticker, FoundSticker | UnreadSticker | str) for sticker in results.stickers)
    try:
        source.busy_for_s(damaged)
    except PageError as error:
        assert str(error)


def test_a_cursor_with_half_a_character_is_sent_with_a_question_mark_for_it() -> None:
    assert Ask("http://x/?a=1").with_query(cursor="half \ud83d").url == "http://x/?a=1&cursor=half+%3F"


@pytest.mark.parametrize(("api", "seconds"), [("commons", 9.0), ("openverse", 9.0), ("telegram", 9.0), ("giphy", None)])
def test_busy_answers_say_for_how_long(library, api, seconds) -> None:
    page = as_page(f"{SITE}/x", _model(library, api, retry_after_s=9).busy())
    if api == "commons":
        assert (page.status, source_for(api).busy_for_s(page)) == (200, 9.0)
        page = replace(page, headers={})
        assert source_for(api).busy_for_s(page) == 5.0
    else:
        page = replace(page, headers={})
        assert page.status == 429
        assert source_for(api).busy_for_s(page) == seconds


def test_an_answer_that_giphy_made_up_during_an_outage_is_asked_for_again() -> None:
    answer = {"data": [], "pagination": {"count": 0, "offset": 0}, "meta": {"status": 200, "response_id": ""}}
    assert source_for("giphy").busy_for_s(Page(SITE, json.dumps(answer))) == 10.0


def test_commons_reads_the_older_format_in_the_order_of_relevance_and_files_that_are_missing(library) -> None:
    source = source_for("commons")
    ask = source.first_request("wave").with_query(formatversion="1")
    page = ask_model(_model(library, "commons"), source, ask)
    assert isinstance(page.json()["query"]["pages"], dict)
    assert [sticker.source_id for sticker in source.parse_search(page).stickers] == ["1", "2", "3", "4"]
    entries = [{"pageid": 1, "imageinfo": [{"filemissing": True}]}, {"pageid": 2}]
    stickers = source.parse_search(replace(page, text=json.dumps({"query": {"pages": entries}}))).stickers
    assert [sticker.problem for sticker in stickers] == ["the file is missing on the site", "imageinfo is missing"]


def test_commons_sends_every_member_of_continue_back(library) -> None:
    source = source_for("commons")
    answer = {"continue": {"gsroffset": 50, "iistart": "2020", "continue": "gsroffset||"}}
    next_ask = source.parse_search(Page(f"{SITE}/w/api.php?gsroffset=0&a=b", json.dumps(answer))).next_ask
    assert next_ask == Ask(f"{SITE}/w/api.php?a=b&gsroffset=50&iistart=2020&continue=gsroffset%7C%7C")


def test_openverse_ends_at_its_last_page_and_cuts_long_questions() -> None:
    source = source_for("openverse")
    assert len(source.first_request("x" * 300).url) < 300
    answer = {"results": [], "page": 20, "page_count": 90}
    assert source.parse_search(Page(f"{SITE}/v1/images/?page=20", json.dumps(answer))).next_ask is None


def test_telegram_takes_links_for_names_and_only_the_kinds_asked_for(library) -> None:
    source = source_for("telegram", kinds=["animated"])
    assert source.first_request("https://t.me/addstickers/wave").url == f"{SITE}/getStickerSet?name=wave"
    assert read_all(_model(library, "telegram"), source, "wave")[0] == []


@pytest.mark.parametrize("value", [True, [], {}])
def test_a_title_that_is_no_text_costs_its_sticker_with_the_field_and_what_was_found(library, value) -> None:
    source = source_for("openverse")
    page = ask_model(_model(library, "openverse"), source, source.first_request("wave"))
    answer = page.json()
    answer["results"][0]["title"] = value
    first, *others = source.parse_search(replace(page, text=json.dumps(answer))).stickers
    assert first.problem == f"title: expected text, found {type(value).__name__} {value!r}"
    assert all(isinstance(sticker, FoundSticker) for sticker in others)


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ('<a href="x" title="a > b">Ann &amp; Bob</a>', "Ann & Bob"),
        ("Ann<br/>\n Bob <!-- hidden --> <b>&lt;Ann&gt;</b>", "Ann Bob <Ann>"),
        ("<style>p {}</style>1 < 2 <script>x</script>", "1 < 2"),
        ("", ""),
    ],
)
def test_html_in_metadata_becomes_plain_text(html, text) -> None:
    assert plain_text(html) == text


@pytest.mark.parametrize(
    ("name", "words"),
    [("blob_cat-Wave", "blob cat wave"), ("blobCatWave2", "blob cat wave2"), ("_", "_"), ("早安", "早安")],
)
def test_names_of_emoji_are_words(name, words) -> None:
    assert words_of(name) == words
