"""A source with a key, cursors and options of its own: whole crawls, and where the key may stand."""

import contextlib
import html
import json
import os
import threading
import time
import traceback
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote, quote_plus

import polars as pl
import pytest
from crawl_sites import ListSource, Script, ScriptedSite, make_crawl, make_picture, results
from extension_source import StickerApi, StickerApiSite
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from vsd2m.core.errors import ConfigError
from vsd2m.crawl.config import CrawlConfig
from vsd2m.crawl.scraping.redaction import REDACTED, Redaction
from vsd2m.crawl.sources.base import Ask, Page, PageError, SearchResults, Terms
from vsd2m.pipelines.engine.config import PipelineConfig, read_config
from vsd2m.pipelines.engine.local import run_local
from vsd2m.pipelines.engine.plan import Plan, make_plan

KEY = 'k/ey+with=every&kind of "sign"-0001'
GIF = {"Content-Type": "image/gif"}


def _entry(number: int, *renditions: str, **stated: Any) -> dict[str, Any]:
    renditions = renditions or (f"/media/{number}.gif",)
    return {"id": number, "page": f"/sticker/{number}", "title": f"no. {number}", "renditions": renditions, **stated}


def _site(key: str = KEY, **options: Any) -> StickerApiSite:
    stated = {
        "author": "Ann",
        "licence": "CC BY 4.0",
        "licence_url": "https://licence.example/by",
        "attribution": "by Ann",
    }
    stickers = {
        "many": [_entry(number, **stated) for number in range(5)],
        "renditions": [_entry(10, "/media/gone.gif", "/media/1.gif"), _entry(11, "/media/lost.gif", "/media/gone.gif")],
        "none": [],
    }
    media = {f"/media/{number}.gif": make_picture(number) for number in range(5)}
    return StickerApiSite(key=key, stickers=stickers, media=media, **options)


def _source(site: StickerApiSite, **options: Any) -> dict[str, Any]:
    return {"source": "extension_source:StickerApi", "site": site.url, "key": KEY, **options}


def _plan(folder: Path, source: dict[str, Any], **crawl: Any) -> Plan:
    stages = {"crawl": {"source": source, "words": "all", **crawl}, "catalog": None}
    return make_plan(PipelineConfig.model_validate({"run": str(folder / "run"), "stages": stages}))


class Watcher(threading.Thread):
    """Reads the arguments of all processes of this machine, and the files below a folder, until told to stop.

    A log is held open from when it is first seen, so that it is read to its end although it has been removed by then.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(daemon=True)
        self.folder = folder
        self.arguments: set[bytes] = set()
        self.logs: set[bytes] = set()
        self.open_logs: dict[int, BinaryIO] = {}
        self.is_over = threading.Event()

    def run(self) -> None:
        while not self.is_over.is_set():
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                self.arguments.add(_read(path))
            for folder, _, names in os.walk(self.folder):
                for path in (Path(folder, name) for name in names if "spool" in folder):
                    self.logs.add(_read(path))
                    if path.suffix == ".log":
                        self._hold(path)
            time.sleep(0.01)
        for log in self.open_logs.values():
            with log:
                self.logs.add(log.read())

    def _hold(self, path: Path) -> None:
        with contextlib.suppress(FileNotFoundError):
            log = path.open("rb")
            if self.open_logs.setdefault(os.fstat(log.fileno()).st_ino, log) is not log:
                log.close()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _forms_of_the_key() -> list[bytes]:
    forms = {KEY, quote(KEY), quote(KEY, safe=""), quote_plus(KEY), json.dumps(KEY)[1:-1]}
    return [form.encode() for form in forms]


def _has_key(data: bytes) -> bool:
    return any(form in data for form in _forms_of_the_key())


@pytest.mark.parametrize("key_in", ["header", "address"])
def test_a_key_opens_the_api_and_stands_nowhere_afterwards(tmp_path, caplog, capfd, key_in) -> None:
    watcher = Watcher(tmp_path)
    with _site(elsewhere={"/media/3.gif": "/media/4.gif"}, broken={"/media/lost.gif"}) as site:
        watcher.start()
        run = run_local(_plan(tmp_path, _source(site, key_in=key_in), words_per_partition=2, retries=0))
        watcher.is_over.set()
        watcher.join()
    assert sum(record.num_kept for record in run.records("crawl")) == 6
    child = [line for line in watcher.arguments if b"vsd2m.crawl.scraping.child" in line]
    assert child and not any(map(_has_key, child))
    given_up = b"Gave up retrying <GET " + site.url.encode() + b"/media/lost.gif"
    assert any(given_up in log for log in watcher.logs), "the log was read while it was there"
    assert not any(map(_has_key, watcher.logs))
    files = [path for path in (tmp_path / "run").rglob("*") if path.is_file()]
    assert len(files) > 8
    assert [path for path in files if _has_key(path.read_bytes())] == []
    partitions = [record.partition for record in run.records("crawl")]
    assert len(partitions) > 1
    rows = [row for partition in partitions for row in run.read_part("crawl", partition).to_dicts()]
    stated = {
        (row["source_id"], row["licence_url"], row["attribution"]) for row in rows if row["trigger_word"] == "many"
    }
    assert stated == {(str(number), "https://licence.example/by", "by Ann") for number in range(5)}
    assert rows and not _has_key(repr(rows).encode())
    assert (
        json.loads((tmp_path / "run" / "run.json").read_text())["config"]["stages"]["crawl"]["source"]["key"]
        == REDACTED
    )
    assert not _has_key((caplog.text + "".join(capfd.readouterr())).encode())
    sent = {asked.target.partition("?")[0] for asked in site.asked if _has_key(repr(asked).encode())}
    assert "/search" in sent


def test_a_key_is_sent_to_no_other_origin(tmp_path) -> None:
    with ScriptedSite({"/far.gif": Script(make_picture(7), headers=GIF)}) as far, _site() as site:
        away = far.url.replace("127.0.0.1", "localhost")
        site.stickers["none"].append(_entry(1, f"{away}/far.gif"))
        site.elsewhere = {"/media/0.gif": f"{away}/far.gif"}
        source = _source(site, source="test_crawl_keys:KeyEverywhere")
        result = make_crawl(
            tmp_path, source=source, words=("none", "many"), media_hosts=(away.removeprefix("http://"),)
        ).write()
    assert len(result.kept) == 6
    sent = [headers for path, headers in far.headers if path == "/far.gif"]
    assert len(sent) == 2 and not _has_key(repr(sent).encode())
    assert {headers.get("Referer") for headers in sent} <= {None, f"{site.url}/"}


class KeyEverywhere(StickerApi):
    """Adds the key in the address and in a header."""

    def authorise(self, ask: Ask) -> Ask:
        key = self.config.key.get_secret_value()
        return ask.with_query(api_key=key).with_headers(X_Api_Key=key)


@pytest.mark.parametrize("key_in", ["header", "address"])
def test_a_wrong_key_is_a_reject_without_the_key(tmp_path, key_in) -> None:
    with _site(key="another key, a long one") as site:
        result = make_crawl(tmp_path, source=_source(site, key_in=key_in), words=("many",)).write()
    assert [(reject["reason"], reject["value"]) for reject in result.rejects] == [("http_error", 401)]
    assert result.rejects[0]["url"] == f"{site.url}/search?format=json"
    assert not _has_key(repr(result).encode())


class KeyInTheWrongPlace(StickerApi):
    """Writes its key into what is stored, and into an error."""

    def first_request(self, word: str) -> Ask:
        key = self.config.key.get_secret_value()
        if word == "error":
            raise ValueError(f"cannot ask with {key}")
        return Ask(f"{self.site}/search?key={quote(key)}")


def test_a_source_that_writes_its_key_where_it_is_stored_is_told_the_place_for_it(tmp_path) -> None:
    with _site() as site:
        source = _source(site, source="test_crawl_keys:KeyInTheWrongPlace")
        result = make_crawl(tmp_path, source=source, words=("many", "error")).write()
    stored, raised = [reject["detail"] for reject in result.rejects]
    assert stored.endswith("a key stands in what to ask for, which is stored; `authorise` is the place for it")
    assert raised.endswith(f"cannot ask with {REDACTED}")


def test_the_first_rendition_that_can_be_downloaded_is_taken(tmp_path) -> None:
    with _site() as site:
        result = make_crawl(tmp_path, source=_source(site), words=("renditions", "many")).write()
    row = next(row for row in result.kept if row["trigger_word"] == "renditions")
    assert row["url"] == f"{site.url}/media/1.gif"
    rejects = [(reject["url"], reject["reason"]) for reject in result.rejects]
    assert rejects == [(f"{site.url}/media/lost.gif", "http_error")]
    assert sorted(asked.target for asked in site.asked if "gone" in asked.target or "lost" in asked.target) == [
        "/media/gone.gif",
        "/media/lost.gif",
    ]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_renditions_that_stickers_share_are_asked_for_once(tmp_path, order) -> None:
    stickers = [{"url": "/gone.gif", "fallbacks": ["/1.gif"]}, {"url": "/1.gif", "fallbacks": ["/2.gif"]}]
    answers = {f"/{number}.gif": Script(make_picture(number), headers=GIF) for number in (1, 2)}
    answers["/find/a/1"] = results(
        *(stickers[number] for number in order), {"url": "http://[half", "fallbacks": ["/2.gif"]}
    )
    with ScriptedSite(answers) as site:
        result = make_crawl(tmp_path, source="crawl_sites:ListSource", site=site.url, words=("a",)).write()
    assert [row["url"].rsplit("/", 1)[1] for row in result.kept] == ["1.gif", "1.gif", "2.gif"]
    asked = [path for _, path in site.asked]
    assert len(asked) == len(set(asked))


def test_a_search_is_resumed_at_its_cursor(tmp_path) -> None:
    options = {"words_per_partition": 9, "retries": 0}
    with _site() as site:
        plan = _plan(tmp_path, _source(site), **options)
        site.broken.add("many+2")
        run = run_local(plan)
        assert "server_error" in run.records("crawl")[0].reasons
        site.broken.clear()
        site.asked.clear()
        run = run_local(plan.retrying_transient())
    rows = run.read_part("crawl", 0).filter(pl.col("trigger_word") == "many")
    assert rows["title"].to_list() == [f"no. {number}" for number in range(5)]
    assert [json.loads(asked.body) for asked in site.asked if asked.body] == [
        {"cursor": f"many+{start}".encode().hex()} for start in (2, 4)
    ]


def test_a_page_that_says_the_site_is_busy_is_asked_for_again(tmp_path) -> None:
    with _site(busy=2) as site:
        source = _source(site)
        assert len(make_crawl(tmp_path / "patient", source=source, words=("many",)).write().kept) == 5
        site.busy = 9
        result = make_crawl(tmp_path / "hasty", source=source, words=("many",), retries=1, first_wait_s=0.01).write()
    assert [reject["reason"] for reject in result.rejects] == ["rate_limited"]


class Circle(ListSource):
    """Whose second page leads back to itself, and whose first is empty."""

    def parse_search(self, page: Page) -> SearchResults:
        if page.url.endswith("/1"):
            return SearchResults([], Ask(page.link("2")))
        return SearchResults([], Ask(page.link("2")))


def test_an_empty_page_leads_on_and_cursors_in_a_circle_end(tmp_path) -> None:
    with ScriptedSite({f"/find/a/{number}": results() for number in (1, 2)}) as site:
        result = make_crawl(tmp_path, source="test_crawl_keys:Circle", site=site.url, words=("a",)).write()
    assert result.num_read == 0
    assert [path for _, path in site.asked if "find" in path] == ["/find/a/1", "/find/a/2"]


class Forbidden(ListSource):
    """A source whose terms allow storing, and no training."""

    terms = Terms("https://stickers.example/terms", True, False, "Powered by stickers", "2026-01-31")


def test_what_a_sources_terms_forbid_needs_a_contract(tmp_path) -> None:
    source = {"source": "test_crawl_keys:Forbidden", "site": "http://127.0.0.1:1"}
    with pytest.raises(ValidationError, match=r"do not allow training \(https://stickers.example/terms, read on 2026"):
        CrawlConfig(source=source, words=("a",))
    with ScriptedSite(
        {"/find/a/1": results({"url": "/1.gif"}), "/1.gif": Script(make_picture(1), headers=GIF)}
    ) as site:
        contracted = {**source, "site": site.url, "contract": "no. 7"}
        result = make_crawl(tmp_path, source=contracted, words=("a",)).write()
    assert [row["attribution"] for row in result.kept] == ["Powered by stickers"]
    allowed = CrawlConfig(source={**source, "contract": "no. 7 of 2026-02-01"}, words=("a",))
    assert (
        allowed.output_fields() == CrawlConfig(source={**source, "contract": "another"}, words=("a",)).output_fields()
    )


class Next(StickerApi):
    """The next version of a source."""

    version = 4


def test_the_version_of_a_source_and_its_options_are_part_of_a_stages_identity_and_its_key_is_not(monkeypatch) -> None:
    source = {"source": "extension_source:StickerApi", "site": "http://127.0.0.1:1", "key": KEY}

    def identity(**options: str) -> str:
        return _plan(Path("nowhere"), {**source, **options}).stage("crawl").identity

    first = identity()
    assert identity(key="another key, a long one") == first
    assert identity(key_in="address") == first
    assert identity(site="http://127.0.0.1:2") != first
    monkeypatch.setattr(StickerApi, "version", 4)
    assert identity() != first


class Careful(ListSource):
    """A source whose site asks for a slow visit over few connections."""

    min_delay_s = 3.0
    max_connections = 2


def test_a_source_sets_a_floor_to_the_delay_and_a_ceiling_to_the_connections() -> None:
    def job(site: str, **config: Any) -> Any:
        source = {"source": "test_crawl_keys:Careful", "site": site}
        asked = {"source": source, "words": ("a",), "contact": "me@lab.example"}
        return CrawlConfig(**asked, **config).job(("a",), Path("spool"))

    far = job("https://stickers.example", delay_s=1.0, concurrency=9)
    assert (far.delay_s, far.concurrency) == (3.0, 2)
    assert job("https://stickers.example", delay_s=9.0, concurrency=1).delay_s == 9.0
    assert job("http://127.0.0.1:1").delay_s == 0.0


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("98765432109", "write a key as text, in quotes"),
        ("[a, 98765432109]", "write a key as text, in quotes"),
        ("'9876543'", "key: expected a key of at least 8 characters"),
        ("", "write a key as text"),
        ("'98765432109 ${STICKERS_KEY}'", "key: expected `.{NAME}` and nothing around it"),
        ("'${98765432109'", "key: expected `.{NAME}` and nothing around it"),
    ],
)
def test_a_message_about_a_wrong_key_does_not_repeat_it(tmp_path, key, message) -> None:
    source = f"{{source: extension_source:StickerApi, site: 'http://x', key: {key}}}"
    (tmp_path / "run.yaml").write_text(f"run: x\nstages: {{crawl: {{source: {source}, words: [a]}}, catalog: }}")
    with pytest.raises(ConfigError, match=message) as refusal:
        make_plan(read_config(str(tmp_path / "run.yaml")))
    assert "98765" not in "".join(traceback.format_exception(refusal.value))


def test_a_page_that_is_no_json_is_not_what_its_address_promises() -> None:
    with pytest.raises(PageError, match="not JSON"):
        Page("http://x", "<html>").json()
    assert Page("http://x", '{"a": [1]}').json() == {"a": [1]}


@given(st.text(min_size=8), st.text())
def test_a_key_is_taken_out_of_texts_in_every_form(secret, text) -> None:
    redacted = Redaction([secret])
    for form in (
        secret,
        quote(secret, errors="replace"),
        quote(secret, safe="", errors="replace"),
        quote_plus(secret, safe="$/'", errors="replace"),
        json.dumps(secret)[1:-1],
        json.dumps(secret)[1:-1].replace("/", "\\/"),
        repr(secret)[1:-1],
        html.escape(secret),
        "".join(f"&#{ord(character)};" for character in secret),
        "".join(f"&#x0{ord(character):X};" for character in secret),
        "".join(f"%{byte:02x}" for byte in secret.encode()),
    ):
        assert redacted.is_needed(text + form)
        assert redacted(form) == REDACTED
    assert Redaction([])(text) == text


def test_a_key_is_taken_out_where_two_libraries_have_encoded_parts_of_it() -> None:
    assert Redaction(["aB3$/+ &=\u00fc"])("?q=aB3$%2f%2B+%26=%C3%BC&r=1") == f"?q={REDACTED}&r=1"
    assert Redaction(["abcdefgh", "abcdefghij"])("abcdefghij") == REDACTED
    assert Redaction(["a.cdefgh"])("abcdefgh") == "abcdefgh"
