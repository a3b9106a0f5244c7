import http.client
import json
import re
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
from real_stickers import STICKERS, needs_stickers

from vsd2m.core.errors import ConfigError, StorageError
from vsd2m.gallery.library import TRAPS, Library
from vsd2m.gallery.pages import PAGE_SIZE
from vsd2m.gallery.server import serve_forever
from vsd2m.gallery.site import GallerySite

GIF = (
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\xff\xff\xff\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Plain pictures: 30 cats, two dogs, one of them below a folder."""
    folder = tmp_path_factory.mktemp("pictures")
    for number in range(30):
        (folder / f"happy-cat_{number:02d}.gif").write_bytes(GIF + bytes([number]))
    (folder / "pack").mkdir()
    (folder / "pack" / "Sleepy dog & friend.PNG").write_bytes(b"png")
    (folder / "dog.webp").write_bytes(b"webp")
    (folder / "notes.txt").write_text("no picture")
    (folder.parent / "secret.gif").write_bytes(b"secret")
    (folder / "leak.gif").symlink_to(folder.parent / "secret.gif")
    return folder


@pytest.fixture(scope="module")
def site(folder: Path) -> Iterator[GallerySite]:
    with GallerySite(folder, traps=True, slow_seconds=0.4) as site:
        yield site


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        self.found += [(tag, link) for name in ("href", "src") if (link := told.get(name)) is not None]


def _get(url: str, **headers: str) -> tuple[int, http.client.HTTPMessage, bytes]:
    """Status, headers and body; redirects are not followed."""
    split = urlsplit(url)
    connection = http.client.HTTPConnection(split.hostname or "", split.port, timeout=10)
    try:
        connection.request("GET", split.path + (f"?{split.query}" if split.query else ""), headers=headers)
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    finally:
        connection.close()


def _links(url: str) -> list[str]:
    parser = _Links()
    parser.feed(_get(url)[2].decode())
    return [urljoin(url, link) for _, link in parser.found]


def test_every_page_of_the_site_can_be_reached_from_the_home_page_and_no_link_is_dead(site) -> None:
    todo, seen = [site.url + "/"], set()
    while todo:
        url = todo.pop()
        if url in seen or not url.startswith(site.url) or "/traps/" in url:
            continue
        seen.add(url)
        status, headers, _ = _get(url)
        assert status == 200, url
        if headers["Content-Type"].startswith("text/html"):
            todo += _links(url)
    assert sum("/sticker/" in url for url in seen) == 32
    assert sum("/media/" in url for url in seen) == 32


def test_search_results_come_in_pages_that_have_each_sticker_once(site) -> None:
    first = _links(f"{site.url}/search?q=cat")
    second = _links(f"{site.url}/search?q=cat&page=2")
    stickers = [[link for link in links if "/sticker/" in link] for links in (first, second)]
    assert [len(links) for links in stickers] == [PAGE_SIZE, 30 - PAGE_SIZE]
    assert len(set(stickers[0] + stickers[1])) == 30
    assert f"{site.url}/search?q=cat&page=2" in first
    assert all("page=3" not in link for link in second)


@pytest.mark.parametrize("page", ["3", "0", "-1", "x", "99999999999999999999"])
def test_results_pages_that_do_not_exist_are_not_found(site, page) -> None:
    assert _get(f"{site.url}/search?q=cat&page={page}")[0] == 404


def test_a_word_nobody_used_has_an_empty_page_and_not_an_error(site) -> None:
    status, _, body = _get(f"{site.url}/search?q=%3Cscript%3E")
    assert status == 200
    assert b"0 stickers for" in body
    assert b"<script>" not in body


def test_words_of_a_plain_folder_come_from_its_file_names(folder) -> None:
    library = Library(folder)
    assert dict(library.words) == {"happy": 30, "cat": 30, "sleepy": 1, "dog": 2, "friend": 1}
    assert {sticker.file for sticker in library.search("dog")} == {"dog.webp", "pack/Sleepy dog & friend.PNG"}
    assert [sticker.file for sticker in library.search("FRIEND sleepy")] == ["pack/Sleepy dog & friend.PNG"]
    assert library.search("") == library.search("do") == []


def test_media_are_the_files_bytes_with_the_type_of_their_suffix(site, folder) -> None:
    status, headers, body = _get(f"{site.url}/media/happy-cat_07.gif")
    assert (status, headers["Content-Type"], body) == (200, "image/gif", (folder / "happy-cat_07.gif").read_bytes())
    assert _get(f"{site.url}/media/pack/Sleepy%20dog%20%26%20friend.PNG")[1]["Content-Type"] == "image/png"
    assert _get(f"{site.url}/media/dog.webp")[1]["Content-Type"] == "image/webp"


@pytest.mark.parametrize(
    "path",
    [
        "/media/../secret.gif",
        "/media/%2e%2e/secret.gif",
        "/media/..%2fsecret.gif",
        "/media//etc/passwd",
        "/media/leak.gif",
        "/media/notes.txt",
        "/media/",
        "/media/pack",
        "/sticker/..",
        "/private/../../secret.gif",
        "/style.css/..",
    ],
)
def test_nothing_but_the_pictures_of_the_folder_is_served(site, path) -> None:
    status, _, body = _get(site.url + path)
    assert status == 404
    assert b"secret" not in body


def test_a_description_cannot_name_files_outside_the_folder(tmp_path) -> None:
    (tmp_path / "secret.gif").write_bytes(GIF)
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "a.gif").write_bytes(GIF)
    names = ("../secret.gif", str(tmp_path / "secret.gif"), "a.gif")
    lines = [json.dumps({"file": name, "trigger_words": ["a"]}) for name in names]
    (inside / "truth.jsonl").write_text("\n".join(lines))
    assert [sticker.file for sticker in Library(inside).stickers] == ["a.gif"]


def test_a_picture_may_be_asked_for_in_part_or_only_if_it_changed(site, folder) -> None:
    url, data = f"{site.url}/media/happy-cat_07.gif", (folder / "happy-cat_07.gif").read_bytes()
    tag = _get(url)[1]["ETag"]
    assert _get(url, **{"If-None-Match": tag})[::2] == (304, b"")
    assert _get(url, **{"If-None-Match": '"other"'})[::2] == (200, data)
    for asked, part in (
        ("bytes=2-5", data[2:6]),
        ("bytes=-4", data[-4:]),
        ("bytes=6-", data[6:]),
        ("bytes=3-999", data[3:]),
    ):
        status, headers, body = _get(url, Range=asked)
        assert (status, body) == (206, part)
        assert headers["Content-Range"].endswith(f"/{len(data)}")
    assert _get(url, Range="bytes=999-")[0] == 416
    assert _get(url, Range="bytes=-")[::2] == _get(url, Range="lines=1-2")[::2] == (200, data)


def test_a_head_request_has_the_headers_and_no_body(site) -> None:
    split = urlsplit(site.url)
    with socket.create_connection((split.hostname, split.port), timeout=10) as connection:
        connection.sendall(b"HEAD /media/dog.webp HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(4096), b""))
    assert b"Content-Length: 4\r\n" in answer
    assert answer.endswith(b"\r\n\r\n")


def test_robots_txt_asks_for_patience_and_forbids_a_folder(site) -> None:
    body = _get(f"{site.url}/robots.txt")[2].decode()
    assert "Disallow: /private/" in body
    assert re.search(r"^Crawl-delay: 0\.005$", body, re.MULTILINE)


def test_traps_show_every_misbehaviour_under_a_word_of_their_own(site, folder) -> None:
    assert len([link for link in _links(f"{site.url}/search?q=traps") if "/sticker/traps/" in link]) == len(TRAPS)
    media = {}
    for trap in TRAPS:
        (link,) = {link for link in _links(f"{site.url}/sticker/traps/{trap}.{_suffix(site, trap)}") if trap in link}
        media[trap] = link
    assert _get(media["noai"])[1]["X-Robots-Tag"] == "noai, noimageai"
    assert urlsplit(media["robots_disallowed"]).path.startswith("/private/")
    assert _get(media["dead_link"])[0] == 404
    started = time.monotonic()
    assert _get(media["slow"])[0] == 200
    assert time.monotonic() - started >= 0.4
    status, headers, _ = _get(media["redirect"])
    assert status == 302
    assert urllib.request.urlopen(urljoin(media["redirect"], headers["Location"])).read().startswith(b"GIF89a")
    assert urlsplit(_get(media["offsite_redirect"])[1]["Location"]).hostname == "elsewhere.invalid"
    status, headers, body = _get(media["html"])
    assert (status, headers["Content-Type"].split("/")[0]) == (200, "image")
    assert body.startswith(b"<!doctype html>")


def _suffix(site: GallerySite, trap: str) -> str:
    return next(name for name in site.library.by_name if f"/{trap}." in name).rsplit(".", 1)[1]


def test_without_traps_every_picture_is_served_as_it_is(folder) -> None:
    assert all(sticker.planted is None for sticker in Library(folder).stickers)


def test_a_sticker_page_tells_machines_what_it_tells_people(tmp_path) -> None:
    entry = {"file": "a.gif", "trigger_words": ["good night", "早安"], "title": "</script><b>", "tags": ["moon"]}
    (tmp_path / "a.gif").write_bytes(GIF)
    (tmp_path / "truth.jsonl").write_text(json.dumps({**entry, "licence": "CC-BY-4.0", "author": "Ann"}))
    with GallerySite(tmp_path) as site:
        body = _get(f"{site.url}/sticker/a.gif")[2].decode()
        words = _get(f"{site.url}/words.txt")[2].decode()
        assert _get(f"{site.url}/search?q=good+night")[0] == 200
    (text,) = re.findall(r'<script type="application/ld\+json">(.*?)</script>', body)
    told = json.loads(text)
    assert told["name"] == "</script><b>"
    assert told["license"] == "https://creativecommons.org/licenses/by/4.0/"
    assert told["contentUrl"] == f"{site_url(body)}/media/a.gif"
    assert '<a rel="license" href="https://creativecommons.org/licenses/by/4.0/">CC-BY-4.0</a>' in body
    assert "<b>" not in body
    assert words == "good night\n早安\n"


def site_url(body: str) -> str:
    (url,) = re.findall(r'og:url" content="(http://[^/"]+)', body)
    return str(url)


def test_the_site_is_gone_when_its_context_ends_even_while_a_slow_answer_is_pending(folder) -> None:
    with GallerySite(folder, traps=True, slow_seconds=60) as site:
        slow = f"{site.url}/media/traps/slow.{_suffix(site, 'slow')}"
        asking = threading.Thread(target=_try, args=(slow,), daemon=True)
        asking.start()
        time.sleep(0.2)
        url, started = site.url, time.monotonic()
    asking.join(10)
    assert not asking.is_alive()
    assert time.monotonic() - started < 10
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(url)
    with pytest.raises(ConfigError, match="not being served"):
        _ = site.url


def _try(url: str) -> None:
    try:
        _get(url)
    except (OSError, http.client.HTTPException):
        return


def test_a_port_in_use_and_a_folder_without_pictures_are_one_clear_line(folder, tmp_path) -> None:
    with GallerySite(folder) as site:
        port = urlsplit(site.url).port
        with pytest.raises(ConfigError, match=rf"cannot serve on 127.0.0.1:{port}: .*choose another port"):
            serve_forever(GallerySite(folder, port=port or 0))
    with pytest.raises(StorageError, match="has no stickers"):
        GallerySite(tmp_path)
    with pytest.raises(StorageError, match=r"missing does not exist; give a folder of stickers"):
        GallerySite(tmp_path / "missing")
    (tmp_path / "notes.txt").touch()
    with pytest.raises(StorageError, match=r"notes.txt is not a folder"):
        GallerySite(tmp_path / "notes.txt")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (
            "index.csv",
            "path,label\na.gif,cat\n",
            "expected a column `file`, found path, label; correct it, or rename it",
        ),
        ("index.csv", "", "expected a column `file`, found none"),
        ("index.csv", "label,file\ncat\n", "line 2: `file` is empty"),
        ("truth.jsonl", "{", "Expecting property name"),
        ("truth.jsonl", '{"label": "cat"}', "line 1: expected an object with `file`"),
        ("truth.jsonl", '{"file": "a.gif", "trigger_words": null}', "line 1: expected an object with `file`"),
        ("truth.jsonl", "[1]", "line 1: expected an object with `file`"),
    ],
)
def test_a_description_that_is_about_something_else_is_named(name, text, message, tmp_path) -> None:
    (tmp_path / "a.gif").write_bytes(GIF)
    (tmp_path / name).write_text(text)
    with pytest.raises(StorageError, match=f"{name} does not describe stickers: {message}"):
        GallerySite(tmp_path)


@needs_stickers
def test_the_real_stickers_are_served_with_the_words_of_their_index() -> None:
    library = Library(STICKERS)
    assert len(library.stickers) == 355
    found = library.search("aight imma head out")
    assert [sticker.file for sticker in found] == ["bufo/bufo-aight-imma-head-out.gif"]
    assert all(library.read(sticker) for sticker in library.stickers)
