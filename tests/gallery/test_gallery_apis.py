"""The models of APIs answer as the real ones are documented to: limits, keys, errors and pauses."""

import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from vsd2m.core.errors import ConfigError
from vsd2m.gallery.apis import APIS
from vsd2m.gallery.apis.base import MODEL_KEY, ApiOptions
from vsd2m.gallery.apis.site import ApiSite
from vsd2m.gallery.server import HttpRequest

GIF = (
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\xff\xff\xff\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    for number in range(3):
        (folder / f"cat_{number}.gif").write_bytes(GIF + bytes([number]))
    return folder


def _get(url: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as response:
            return response.status, dict(response.headers), response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, dict(error.headers), error.read()


def _json(url: str, **headers: str) -> tuple[int, Any]:
    status, _, body = _get(url, **headers)
    return status, json.loads(body)


CONTACT = {"User-Agent": "test (a@b.example)"}
QUERY = "/w/api.php?action=query&generator=search&gsrsearch=cat&gsrlimit=2"


def test_commons_wants_a_contact_pages_by_continue_and_leaves_query_out_where_nothing_matches(folder) -> None:
    with ApiSite(folder, "commons") as site:
        assert _get(site.url + QUERY)[0] == 403
        status, answer = _json(site.url + QUERY, **CONTACT)
        assert (status, answer["continue"]) == (200, {"gsroffset": 2, "continue": "gsroffset||"})
        assert sorted(answer["query"]["pages"]) == ["1", "2"]
        rest = _json(f"{site.url}{QUERY}&gsroffset=2&formatversion=2", **CONTACT)[1]
        assert "continue" not in rest and [page["index"] for page in rest["query"]["pages"]] == [3]
        assert "query" not in _json(site.url + QUERY.replace("cat", "dog"), **CONTACT)[1]
        assert _json(f"{site.url}/w/api.php?action=x", **CONTACT)[1]["error"]["code"] == "badvalue"
        assert b"Disallow: /w/" in _get(f"{site.url}/robots.txt")[2]


def test_every_nth_answer_is_busy_in_the_apis_own_way_and_pictures_never_are(folder) -> None:
    options = ApiOptions(busy_every=2, retry_after_s=7)
    with ApiSite(folder, "commons", options=options) as site:
        assert "query" in _json(site.url + QUERY, **CONTACT)[1]
        status, headers, body = _get(site.url + QUERY, **CONTACT)
        assert (status, headers["Retry-After"], json.loads(body)["error"]["code"]) == (200, "7", "maxlag")
        assert _get(f"{site.url}/media/cat_0.gif")[2] == GIF + bytes([0])
        assert "query" in _json(site.url + QUERY, **CONTACT)[1]
    with ApiSite(folder, "telegram", options=ApiOptions(busy_every=1, retry_after_s=7)) as site:
        status, headers, body = _get(f"{site.url}/bot{MODEL_KEY}/getStickerSet?name=cat")
        assert (status, json.loads(body)["parameters"]) == (429, {"retry_after": 7})
        assert "Retry-After" not in headers


def test_limits_and_wrong_keys_are_answered_as_documented(folder) -> None:
    with ApiSite(folder, "openverse") as site:
        status, answer = _json(f"{site.url}/v1/images/?q=cat&page_size=21")
        assert (status, answer) == (401, {"detail": "Ensure this value is less than or equal to 20."})
        assert _json(f"{site.url}/v1/images/?q=cat&page=21")[0] == 400
        assert _json(f"{site.url}/v1/images/?q=cat", Authorization="Bearer no")[0] == 401
        assert _json(f"{site.url}/v1/images/?q=cat&page_size=21", Authorization=f"Bearer {MODEL_KEY}")[0] == 200
    with ApiSite(folder, "giphy") as site:
        assert _json(f"{site.url}/v1/gifs/search?q=cat&api_key=no")[0] == 401
        status, answer = _json(f"{site.url}/v1/gifs/search?q={'x' * 51}&api_key={MODEL_KEY}")
        assert (status, answer["meta"]["status"]) == (414, 414)
    with ApiSite(folder, "klipy") as site:
        assert _json(f"{site.url}/api/v1/no-key/gifs/search?q=cat")[0] == 401
        answer = _json(f"{site.url}/api/v1/{MODEL_KEY}/gifs/search?q=cat&per_page=1")[1]
        assert (answer["data"]["per_page"], len(answer["data"]["data"])) == (8, 4)
    with ApiSite(folder, "telegram") as site:
        assert _json(f"{site.url}/botno/getStickerSet?name=cat") == (
            401,
            {"ok": False, "error_code": 401, "description": "Unauthorized"},
        )
        assert _json(f"{site.url}/bot{MODEL_KEY}/getFile?file_id=no")[0] == 400


@pytest.mark.parametrize("api", APIS)
def test_an_unknown_path_is_not_found_and_every_request_is_reported(folder, api) -> None:
    requests: list[HttpRequest] = []
    with ApiSite(folder, api, on_request=requests.append) as site:
        status = _get(f"{site.url}/nothing/here")[0]
        assert status == (401 if api == "telegram" else 404)
        assert _get(f"{site.url}/media/gone.gif")[0] in (401, 404)
    assert [request.path for request in requests] == ["/nothing/here", "/media/gone.gif"]


def test_the_command_serves_a_folder_as_an_api_until_it_is_interrupted(folder) -> None:
    command = [sys.executable, "-m", "vsd2m", "gallery", str(folder), "--api", "mastodon", "--port", "0"]
    with subprocess.Popen([*command, "--busy-every", "2", "--wrong-every", "3"], stdout=subprocess.PIPE) as server:
        try:
            assert server.stdout is not None
            url = server.stdout.readline().decode().strip()
            status, emoji = _json(f"{url}/api/v1/custom_emojis")
            assert (status, len(emoji)) == (200, 3)
            assert emoji[2]["shortcode"] == "half \ud83d"
            assert _json(f"{url}/api/v1/custom_emojis")[0] == 429
        finally:
            server.send_signal(signal.SIGINT)
        assert server.wait(20) == 0


def test_an_unknown_api_is_refused_by_name(folder) -> None:
    with pytest.raises(ConfigError, match=r"unknown API 'comons' \(did you mean 'commons'\?\)"):
        ApiSite(folder, "comons")
