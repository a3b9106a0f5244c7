"""The generic JSON API source, against a real server for each way an API pages and takes its key."""

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from crawl_sites import Script, ScriptedSite, make_crawl, make_picture
from pydantic import ValidationError

from vsd2m.core.errors import ConfigError
from vsd2m.crawl.config import CrawlConfig

KEY = "the key of json_api"
SELECTORS = {
    "search": "/v1/find?q={word}",
    "stickers": "data.items",
    "picture": "[images.large, images.small]",
    "page": "page",
    "title": "name",
    "tags": "tags[].text",
    "author": "user.name",
    "id": "id",
    "error": "failure.message",
}


def _item(number: int, **fields: Any) -> dict[str, Any]:
    images = {"large": f"/{number}.gif", "small": "/small.gif"}
    return {"id": number, "name": f"no. {number}", "images": images, "page": f"/s/{number}", **fields}


def _answer(*items: dict[str, Any], **fields: Any) -> Script:
    return Script(json.dumps({"data": {"items": items, **fields}}).encode())


def _pictures(*numbers: int) -> dict[str, Script]:
    return {f"/{number}.gif": Script(make_picture(number)) for number in numbers}


def _crawl(folder, site: ScriptedSite, *words: str, **options: Any):
    source = {"source": "json_api", "site": site.url, **SELECTORS, **options}
    return make_crawl(folder, source=source, words=words or ("a b&c",)).write()


@pytest.mark.parametrize(
    ("options", "told", "second"),
    [
        ({"next": "data.more"}, "?q=a%20b%26c&from=2", "/v1/find?q=a%20b%26c&from=2"),
        ({"next": "data.more", "cursor_argument": "after"}, "x=/+", "/v1/find?q=a+b%26c&after=x%3D%2F%2B"),
        ({"next": "data.more", "page_argument": "page"}, True, "/v1/find?q=a+b%26c&page=2"),
        (
            {"next": "data.more", "page_argument": "offset", "first_page": 0, "page_step": 50},
            True,
            "/v1/find?q=a+b%26c&offset=50",
        ),
    ],
)
def test_pages_go_on_by_address_by_cursor_by_number_and_by_offset(tmp_path, options, told, second) -> None:
    answers = {
        "/v1/find?q=a%20b%26c": _answer(_item(1), _item(2), more=told),
        second: _answer(_item(3), more=None),
        **_pictures(1, 2, 3),
    }
    with ScriptedSite(answers) as site:
        result = _crawl(tmp_path, site, **options)
    assert [row["title"] for row in result.kept] == ["no. 1", "no. 2", "no. 3"]
    assert [row["page_url"] for row in result.kept] == [f"{site.url}/s/{number}" for number in (1, 2, 3)]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"key_header": "X-Key"}, ("x-key", KEY)),
        ({"key_header": "Authorization", "key_prefix": "Bearer "}, ("authorization", f"Bearer {KEY}")),
        ({"key_argument": "api_key"}, ("api_key", KEY)),
    ],
)
def test_the_key_is_sent_where_the_options_say(tmp_path, options, expected) -> None:
    path = "/v1/find?q=a+b%26c&api_key=the+key+of+json_api" if "key_argument" in options else "/v1/find?q=a%20b%26c"
    with ScriptedSite({path: _answer(_item(1)), **_pictures(1)}) as site:
        result = _crawl(tmp_path, site, key=KEY, **options)
    assert len(result.kept) == 1
    assert KEY not in repr(result)
    [(path, headers)] = [(path, headers) for path, headers in site.headers if path.startswith("/v1/find")]
    query = {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}
    sent = {**query, **{name.lower(): value for name, value in headers.items()}}
    assert sent[expected[0]] == expected[1]


def test_the_next_address_may_repeat_the_key(tmp_path) -> None:
    answers = {
        "/v1/find?q=a&api_key=the+key+of+json_api": _answer(_item(1), more="?q=a&api_key=the+key+of+json_api&from=2"),
        "/v1/find?q=a&from=2&api_key=the+key+of+json_api": _answer(_item(2)),
        **_pictures(1, 2),
    }
    with ScriptedSite(answers) as site:
        result = _crawl(tmp_path, site, "a", next="data.more", key=KEY, key_argument="api_key")
    assert [row["title"] for row in result.kept] == ["no. 1", "no. 2"]
    assert KEY not in repr(result) and "the+key" not in repr(result)


def test_absent_fields_are_empty_and_renditions_fall_back(tmp_path) -> None:
    items = [_item(9, tags=[{"text": "x"}], user={"name": "Ann"}), _item(1, page=None, name=None), {"images": None}]
    answers = {"/v1/find?q=a%20b%26c": _answer(*items), "/small.gif": Script(make_picture(4)), **_pictures(1)}
    with ScriptedSite(answers) as site:
        result = _crawl(tmp_path, site)
    first, second = result.kept
    assert (first["url"], first["tags"], first["author"]) == (f"{site.url}/small.gif", ["x"], "Ann")
    assert (second["title"], second["tags"], second["page_url"]) == ("", [], f"{site.url}/v1/find?q=a%20b%26c")
    [reject] = result.rejects
    assert (reject["reason"], reject["detail"]) == ("sticker_not_understood", "picture is missing")


@pytest.mark.parametrize(
    ("answer", "reason", "detail"),
    [
        (b'{"failure": {"message": "no such style"}}', "page_not_understood", "the API says: no such style"),
        (
            b'{"data": {"items": {"a": 1}}}',
            "page_not_understood",
            "stickers: expected a list at data.items, found dict",
        ),
        (b"<html>", "page_not_understood", "the answer is not JSON: Expecting value: line 1 column 1 (char 0)"),
    ],
)
def test_answers_that_are_errors_or_something_else_are_rejects(tmp_path, answer, reason, detail) -> None:
    with ScriptedSite({"/v1/find?q=a": Script(answer)}) as site:
        [reject] = _crawl(tmp_path, site, "a").rejects
    assert (reject["reason"], reject["detail"]) == (reason, f"results page 1 for 'a': {detail}")


def test_an_answer_without_a_list_is_an_answer_without_stickers(tmp_path) -> None:
    with ScriptedSite({"/v1/find?q=a": Script(b'{"data": {}}')}) as site:
        assert _crawl(tmp_path, site, "a").num_read == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"search": "/find"}, "expected a path with {word}"),
        ({"key": KEY}, "exactly one of `key_header` and `key_argument`"),
        ({"key": KEY, "key_header": "a", "key_argument": "b"}, "exactly one of `key_header` and `key_argument`"),
        ({"cursor_argument": "after"}, "`next` is missing"),
        ({"next": "a", "cursor_argument": "b", "page_argument": "c"}, "at most one of"),
    ],
)
def test_options_that_do_not_fit_together_are_refused(options, message) -> None:
    source = {"source": "json_api", "site": "http://x", **SELECTORS, **options}
    with pytest.raises(ValidationError, match=message):
        CrawlConfig(source=source, words=("a",))


def test_a_selector_that_is_no_jmespath_is_named_before_anything_is_asked(tmp_path) -> None:
    source = {"source": "json_api", "site": "http://127.0.0.1", **SELECTORS, "title": "a["}
    with pytest.raises(ConfigError, match=r"json_api: title: expected JMESPath, found 'a\['"):
        make_crawl(tmp_path, source=source, words=("a",)).write()
