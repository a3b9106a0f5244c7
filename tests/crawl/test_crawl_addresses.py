"""Which addresses are asked for, and what becomes of dead and foreign ones."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from crawl_sites import ListSource, Script, ScriptedSite, make_crawl, make_picture, page, results
from hypothesis import given
from hypothesis import strategies as st

from vsd2m.core.errors import CrawlError
from vsd2m.core.stage import FileResult
from vsd2m.crawl.config import CrawlConfig
from vsd2m.crawl.scraping.addresses import address_refusal, origin
from vsd2m.crawl.scraping.child import settings_of
from vsd2m.crawl.sources.base import Ask, Source, SourceConfig

GIF = {"Content-Type": "image/gif"}
SECRET = make_picture(99)


def _crawl(folder: Path, site: str, words: tuple[str, ...] = ("a",), **config: object) -> FileResult:
    asked = {"source": "crawl_sites:ListSource", "retries": 0, "timeout_s": 5, **config}
    return make_crawl(folder, site=site, words=words, **asked).write()


def _reasons(result: FileResult) -> dict[str, str]:
    return {reject["url"]: reject["reason"] for reject in result.rejects}


@pytest.fixture
def dead_port() -> Iterator[int]:
    """A port of this machine that nobody listens on, and nobody else is given."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def test_a_dead_link_on_the_sites_own_host_is_a_reject_and_the_crawl_goes_on(tmp_path, dead_port) -> None:
    dead = f"http://127.0.0.1:{dead_port}"
    answers = {"/good.gif": Script(make_picture(1), headers=GIF), "/find/b/1": results({"url": "/good.gif"})}
    with ScriptedSite(answers) as site:
        stale = site.url.replace("http:", "https:")
        links = ({"url": f"{dead}/a.gif"}, f"{dead}/page", {"url": f"{stale}/a.gif"}, f"{stale}/page")
        answers["/find/a/1"] = results(*links, {"url": "/good.gif"})
        result = _crawl(tmp_path, site.url, ("a", "b"))
    assert [row["trigger_word"] for row in result.kept] == ["a", "b"]
    assert _reasons(result) == {
        f"{server}/{path}": "unreachable" for server in (dead, stale) for path in ("a.gif", "page")
    }
    assert {reject["outcome"] for reject in result.rejects} == {"dropped"}


class TakesTheSiteAway(ListSource):
    """Sends the second search to a port where nobody listens, which is not the site's."""

    def first_request(self, word: str) -> Ask:
        return super().first_request(word) if word == "a" else Ask(word)


def test_a_search_at_a_dead_address_is_a_reject_of_that_word(tmp_path, dead_port) -> None:
    dead = f"http://127.0.0.1:{dead_port}/find"
    with ScriptedSite({"/find/a/1": results()}) as site:
        result = _crawl(tmp_path, site.url, (dead, "a"), source="test_crawl_addresses:TakesTheSiteAway")
    assert _reasons(result) == {dead: "unreachable"}


def test_a_site_whose_own_origin_never_answers_is_down(tmp_path, dead_port) -> None:
    with pytest.raises(CrawlError, match="cannot reach .*connection refused"):
        _crawl(tmp_path, f"http://127.0.0.1:{dead_port}")


def _foreign_addresses(folder: Path) -> dict[str, str]:
    """Addresses of other kinds, all on the host of the site as far as they have one."""
    (folder / "secret.gif").write_bytes(SECRET)
    return {
        f"file://127.0.0.1{folder}/secret.gif": "unsupported_scheme",
        "file:///dev/zero": "unsupported_scheme",
        "s3://127.0.0.1/bucket/a.gif": "unsupported_scheme",
        "ftp://127.0.0.1/a.gif": "unsupported_scheme",
        "data:image/gif;base64,R0lGODlhAQABAAAAACw=": "unsupported_scheme",
        "javascript:void(0)": "unsupported_scheme",
        "http://[127.0.0.1/a.gif": "bad_address",
        "http://127.0.0.1:99999/a.gif": "bad_address",
    }


@pytest.mark.parametrize("kind", ["picture", "page", "picture on a page", "redirect"])
def test_nothing_but_http_and_https_is_asked_for(tmp_path, kind) -> None:
    foreign = _foreign_addresses(tmp_path)
    answers = {"/good.gif": Script(make_picture(1), headers=GIF)}
    paths = [f"/to/{number}" for number in range(len(foreign))]
    if kind == "picture":
        answers["/find/a/1"] = results(*({"url": url} for url in foreign), {"url": "/good.gif"})
    elif kind == "page":
        answers["/find/a/1"] = results(*foreign, {"url": "/good.gif"})
    elif kind == "picture on a page":
        answers["/find/a/1"] = results(*paths, {"url": "/good.gif"})
        answers |= {path: page({"url": url}) for path, url in zip(paths, foreign, strict=True)}
    else:
        answers["/find/a/1"] = results(*({"url": path} for path in paths), {"url": "/good.gif"})
        answers |= {
            path: Script(status=302, headers={"Location": url}) for path, url in zip(paths, foreign, strict=True)
        }
    with ScriptedSite(answers) as site:
        result = _crawl(tmp_path / "run", site.url)
    assert [row["url"] for row in result.kept] == [f"{site.url}/good.gif"]
    assert [reject["reason"] for reject in result.rejects] == list(foreign.values())
    assert all(reject["detail"] for reject in result.rejects)
    assert result.num_read == len(foreign) + 1


class AsksForFiles(Source[SourceConfig]):
    """Makes up addresses that are none of the web's: the word itself."""

    def first_request(self, word: str) -> Ask:
        if word == "raises":
            raise KeyError(word)
        return Ask(word)

    def parse_search(self, page): ...

    def words_request(self) -> Ask:
        return Ask("file:///etc/hostname")


def test_addresses_that_a_source_makes_up_are_held_to_the_same(tmp_path) -> None:
    words = ("file:///etc/hostname", "raises", "no address")
    with ScriptedSite({}) as site:
        result = _crawl(tmp_path, site.url, words, source="test_crawl_addresses:AsksForFiles")
        assert [reject["reason"] for reject in result.rejects] == ["unsupported_scheme", "source_error", "bad_address"]
        assert site.asked == []
        crawl = make_crawl(tmp_path, source="test_crawl_addresses:AsksForFiles", site=site.url, words="all")
        with pytest.raises(CrawlError, match="gave no list of words: file: is not asked for"):
            crawl.stage.words(crawl.run)


def test_scrapy_itself_has_no_way_to_ask_for_anything_else() -> None:
    from scrapy.settings import Settings

    config = CrawlConfig(source="gallery", words=("a",))
    settings = Settings(settings_of(config.job(("a",), Path("spool"))))
    handlers = settings.getwithbase("DOWNLOAD_HANDLERS")
    assert {scheme for scheme, handler in handlers.items() if handler is not None} == {"http", "https"}


@given(st.text())
def test_every_text_is_an_address_that_may_be_asked_for_or_has_a_reason(text) -> None:
    refusal = address_refusal(text, None)
    assert refusal is None or refusal.reason in ("bad_address", "unsupported_scheme")
    if refusal is None:
        assert origin(text)[0] in ("http", "https")


def test_an_origin_is_scheme_host_and_port() -> None:
    assert origin("http://Site.example/a") == origin("http://site.example:80/b")
    assert origin("https://site.example/") == origin("https://site.example:443/")
    assert len({origin(f"{url}/a") for url in ("http://a", "https://a", "http://a:8080", "http://b")}) == 4
