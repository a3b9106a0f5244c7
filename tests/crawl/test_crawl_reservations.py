"""Reservations against machine learning on a real site: what is not asked for, what is not used, and what is recorded."""

import hashlib
import json
from pathlib import Path

import pytest
from crawl_sites import RULE_FILES, Crawl, Script, ScriptedSite, make_crawl, make_picture, results

from vsd2m.core.errors import CrawlError
from vsd2m.crawl.records.evidence import evidence_name

GIF = {"Content-Type": "image/gif"}
LICENCE = (
    b'<rsl xmlns="https://rslstandard.org/rsl"><content url="/"><license><prohibits type="usage">ai-train</prohibits>'
    b"</license></content></rsl>"
)
LICENSE_LINK = '</licence.xml>; rel="license"; type="application/rsl+xml"'
XMP = b'\x21\xff\x0bXMP DataXMP<rdf:Description plus:DataMining="DMI-PROHIBITED"/>\0\x3b'


def _crawl(folder: Path, site: ScriptedSite, **config: object) -> Crawl:
    asked = {"source": "crawl_sites:ListSource", "site": site.url, "words": ("a",), "retries": 0, **config}
    return make_crawl(folder, **asked)


def _paths(site: ScriptedSite) -> set[str]:
    return {path for _, path in site.asked} - RULE_FILES


@pytest.mark.parametrize(
    ("files", "detail"),
    [
        (
            {"/robots.txt": Script(b"User-agent: *\nContent-Signal: search=yes,ai-train=no\nAllow: /")},
            "robots.txt: Content-Signal: search=yes,ai-train=no",
        ),
        (
            {"/robots.txt": Script(b"User-agent: *\nContent-Usage: /img/ train-ai=n")},
            "robots.txt: Content-Usage: /img/ train-ai=n",
        ),
        ({"/ai.txt": Script(b"User-Agent: *\nDisallow: *.gif")}, "/ai.txt: Disallow: *.gif"),
        (
            {"/robots.txt": Script(b"License: /licence.xml"), "/licence.xml": Script(LICENCE)},
            '/licence.xml: <license><prohibits type="usage">ai-train</prohibits></license>',
        ),
    ],
)
def test_what_a_media_host_reserves_as_a_whole_is_not_even_asked_for(tmp_path, files, detail) -> None:
    with ScriptedSite({**files, "/img/1.gif": Script(make_picture(1), headers=GIF)}) as far:
        url = far.url.replace("127.0.0.1", "localhost")
        with ScriptedSite({"/find/a/1": results({"url": f"{url}/img/1.gif"})}) as site:
            result = _crawl(tmp_path, site, media_hosts=(url.removeprefix("http://"),)).write()
    assert [(reject["reason"], reject["detail"]) for reject in result.rejects] == [("noai", detail)]
    assert _paths(far) <= {"/licence.xml"}


def test_a_site_that_reserves_its_answers_is_not_searched(tmp_path) -> None:
    signal = Script(b"User-agent: *\nContent-Signal: ai-train=no\nAllow: /")
    with (
        ScriptedSite({"/robots.txt": signal, "/find/a/1": results()}) as site,
        pytest.raises(CrawlError, match="forbids every search .* robots.txt: Content-Signal: ai-train=no"),
    ):
        _crawl(tmp_path, site).write()
    assert _paths(site) == set()


def test_results_pages_and_answers_of_apis_are_not_used_where_they_are_reserved(tmp_path) -> None:
    listed = b'{"stickers": [{"url": "/1.gif"}], "next": false}'
    reserved = {
        "tags": ({"X-Robots-Tag": "noai"}, listed),
        "tdm": ({"TDM-Reservation": "1"}, listed),
        "usage": ({"Content-Usage": "train-ai=n"}, listed),
        "link": ({"Link": LICENSE_LINK}, listed),
        "meta": ({}, b"<meta name=robots content=noai>"),
        "element": ({}, b'<link rel="license" type="application/rsl+xml" href="/licence.xml">'),
    }
    html = {"Content-Type": "text/html"}
    answers = {
        **{f"/find/{word}/1": Script(body, headers={**html, **headers}) for word, (headers, body) in reserved.items()},
        "/find/free/1": results({"url": "/1.gif"}),
        "/1.gif": Script(make_picture(1), headers=GIF),
        "/licence.xml": Script(LICENCE),
    }
    with ScriptedSite(answers) as site:
        result = _crawl(tmp_path, site, words=(*reserved, "free")).write()
    assert [row["trigger_word"] for row in result.kept] == ["free"]
    assert [(reject["reason"], reject["url"]) for reject in result.rejects] == [
        ("noai", f"{site.url}/find/{word}/1") for word in reserved
    ]


def test_a_reservation_in_the_header_ends_the_download_and_one_in_the_picture_the_use(tmp_path) -> None:
    answers = {
        "/find/a/1": results(*({"url": f"/{name}.gif"} for name in ("header", "link", "inside", "free"))),
        "/header.gif": Script(make_picture(1), headers={**GIF, "Content-Usage": "train-ai=n"}, hang_up=True),
        "/link.gif": Script(make_picture(2), headers={**GIF, "Link": LICENSE_LINK}),
        "/inside.gif": Script(make_picture(3)[:-1] + XMP, headers=GIF),
        "/free.gif": Script(make_picture(4), headers={**GIF, "X-Robots-Tag": "noindex", "Content-Usage": "train-ai=y"}),
        "/licence.xml": Script(LICENCE),
    }
    with ScriptedSite(answers) as site:
        result = _crawl(tmp_path, site).write()
    assert [(reject["url"].removeprefix(site.url), reject["detail"]) for reject in result.rejects] == [
        ("/header.gif", "header: Content-Usage: train-ai=n"),
        ("/link.gif", f'{site.url}/licence.xml: <license><prohibits type="usage">ai-train</prohibits></license>'),
        ("/inside.gif", "picture: plus:DataMining PROHIBITED"),
    ]
    assert {reject["reason"] for reject in result.rejects} == {"noai"}
    assert json.loads(result.kept[0]["robots"]) == {
        "robots_txt": "absent",
        "statements": [
            {"signal": "aipref", "place": "header", "text": "Content-Usage: train-ai=y"},
            {"signal": "robots_tags", "place": "header", "text": "X-Robots-Tag: noindex"},
        ],
    }
    assert [path for _, path in site.asked].count("/licence.xml") == 1


def test_a_file_of_tdmrep_holds_until_a_header_overrides_it(tmp_path) -> None:
    told = json.dumps([{"location": "/*.gif", "tdm-reservation": 1, "tdm-policy": "https://site.example/p"}])
    answers = {
        "/.well-known/tdmrep.json": Script(told.encode()),
        "/find/a/1": results({"url": "/1.gif"}, {"url": "/2.gif"}),
        "/1.gif": Script(make_picture(1), headers=GIF),
        "/2.gif": Script(make_picture(2), headers={**GIF, "TDM-Reservation": "0"}),
    }
    with ScriptedSite(answers) as site:
        result = _crawl(tmp_path, site).write()
    assert [row["url"] for row in result.kept] == [f"{site.url}/2.gif"]
    [reject] = result.rejects
    assert reject["detail"].startswith('/.well-known/tdmrep.json: {"location": "/*.gif", "tdm-reservation": 1')


def test_licences_that_a_site_names_without_end_are_not_all_read(tmp_path) -> None:
    names = "".join(f"License: /licence-{number}.xml\n" for number in range(100)).encode()
    answers = {"/robots.txt": Script(names), "/find/a/1": results({"url": "/1.gif"})}
    answers["/1.gif"] = Script(make_picture(1), headers=GIF)
    with ScriptedSite(answers) as site:
        result = _crawl(tmp_path, site).write()
    assert len(result.kept) == 1
    assert sum("licence" in path for path in _paths(site)) == 8


def test_what_a_site_says_as_a_whole_is_kept_once_with_hash_and_date(tmp_path) -> None:
    rules = b"User-agent: *\nAllow: /\n# \xff\n"
    answers = {"/robots.txt": Script(rules), "/find/a/1": results(), "/find/b/1": results()}
    with ScriptedSite(answers) as site:
        crawl = _crawl(tmp_path, site, words=("a", "b"), words_per_partition=1)
        for partition in crawl.stage.partitions(crawl.run):
            crawl.write(partition)
    digest = hashlib.sha256(rules).hexdigest()
    folder = tmp_path / "crawl" / "sites" / site.url.removeprefix("http://").replace(":", "_")
    assert sorted(path.name for path in folder.iterdir()) == [f"robots.txt-{digest[:16]}{end}" for end in ("", ".json")]
    assert (folder / f"robots.txt-{digest[:16]}").read_bytes() == rules
    about = json.loads((folder / f"robots.txt-{digest[:16]}.json").read_text())
    assert (about["address"], about["status"], about["sha256"]) == (f"{site.url}/robots.txt", 200, digest)
    assert about["read_at"].endswith("+00:00")


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("https://site.example/.well-known/tdmrep.json", "site.example/tdmrep.json"),
        ("http://[::1]:80/robots.txt", "___1__80/robots.txt"),
        ("http://../../etc/..", "_/_"),
        ("http://a/b%2F..%2F", "a/b_2F.._2F"),
    ],
)
def test_evidence_lies_in_its_folder_whatever_the_address(address, name) -> None:
    assert evidence_name(address) == name
