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
from vsd2m.crawl.scraping.addresses import Places, is_public, origin
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
        result = _crawl(tmp_path, site.url, ("a", "b"), media_hosts=(f"127.0.0.1:{dead_port}",))
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
        named = {"media_hosts": (f"127.0.0.1:{dead_port}",)}
        result = _crawl(tmp_path, site.url, (dead, "a"), source="test_crawl_addresses:TakesTheSiteAway", **named)
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


def test_scrapy_loads_what_a_crawl_needs_and_nothing_that_opens_a_port() -> None:
    from scrapy.settings import Settings

    config = CrawlConfig(source="gallery", words=("a",))
    settings = Settings(settings_of(config.job(("a",), Path("spool"))))
    extensions = {name.rpartition(".")[2] for name in settings.getwithbase("EXTENSIONS")}
    assert extensions == {"CoreStats", "LogStats", "Throttle"}
    on_answers = {name.rpartition(".")[2] for name in settings.getwithbase("SPIDER_MIDDLEWARES")}
    assert on_answers == {"StartSpiderMiddleware", "RefererMiddleware"}
    on_requests = [name for name in settings.getwithbase("DOWNLOADER_MIDDLEWARES") if name.startswith("scrapy.")]
    assert {name.rpartition(".")[2] for name in on_requests} == {
        "DownloadTimeoutMiddleware",
        "DefaultHeadersMiddleware",
        "UserAgentMiddleware",
        "HttpProxyMiddleware",
    }


@given(st.text())
def test_every_text_is_an_address_that_may_be_asked_for_or_has_a_reason(text) -> None:
    refusal = Places("https://site.example").refusal(text, any_host=True)
    assert refusal is None or refusal.reason in ("bad_address", "unsupported_scheme", "other_port", "private_address")
    if refusal is None:
        assert origin(text)[0] in ("http", "https")


def test_an_origin_is_scheme_host_and_port() -> None:
    assert origin("http://Site.example/a") == origin("http://site.example:80/b")
    assert origin("https://site.example/") == origin("https://site.example:443/")
    assert len({origin(f"{url}/a") for url in ("http://a", "https://a", "http://a:8080", "http://b")}) == 4


# -- inside a network ----------------------------------------------------------------------------

INSIDE = [
    "http://127.0.0.1/a.gif",
    "http://127.9.9.9/a.gif",
    "http://localhost/a.gif",
    "http://a.localhost/a.gif",
    "http://10.0.0.1/a.gif",
    "http://172.16.0.1/a.gif",
    "http://192.168.1.1/a.gif",
    "http://100.64.0.1/a.gif",
    "http://169.254.169.254/latest/meta-data/",
    "http://0.0.0.0/a.gif",
    "http://255.255.255.255/a.gif",
    "http://224.0.0.1/a.gif",
    "http://[::1]/a.gif",
    "http://[::]/a.gif",
    "http://[fd00::1]/a.gif",
    "http://[fe80::1]/a.gif",
    "http://[::ffff:127.0.0.1]/a.gif",
    "http://[::ffff:a9fe:a9fe]/a.gif",
    "http://[64:ff9b::7f00:1]/a.gif",
    "http://[2002:7f00:1::]/a.gif",
]


@pytest.mark.parametrize("url", INSIDE)
def test_addresses_inside_a_network_are_refused_as_they_are_written(url) -> None:
    for any_host in (True, False):
        refusal = Places("https://site.example", ("cdn.example",)).refusal(url, any_host=any_host)
        assert refusal is not None and refusal.reason == "private_address", refusal


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_addresses_of_the_internet_are_public(address) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    ("site", "named", "url", "reason"),
    [
        ("http://127.0.0.1:8640", {}, "http://127.0.0.1:8640/a.gif", None),
        ("http://127.0.0.1:8640", {}, "https://127.0.0.1:8640/a.gif", None),
        ("http://127.0.0.1:8640", {}, "http://127.0.0.1/a.gif", "other_port"),
        ("http://127.0.0.1:8640", {}, "http://127.0.0.1:6379/", "other_port"),
        ("http://127.0.0.1:8640", {}, "http://localhost:8640/a.gif", "private_address"),
        ("http://127.0.0.1:8640", {"media_hosts": ["127.0.0.1:9000"]}, "http://127.0.0.1:9000/a.gif", None),
        ("http://127.0.0.1:8640", {"media_hosts": ["localhost"]}, "http://localhost:8640/a.gif", None),
        ("https://site.example", {}, "http://site.example/a.gif", None),
        ("https://site.example", {}, "https://cdn.site.example/a.gif", None),
        ("https://site.example", {}, "http://site.example:22/a.gif", "other_port"),
        ("https://site.example:8443", {}, "https://site.example:8443/a.gif", None),
        ("https://site.example", {"media_hosts": ["cdn.example:8443"]}, "https://cdn.example:8443/a.gif", None),
        ("https://site.example", {"media_hosts": ["cdn.example:8443"]}, "https://cdn.example/a.gif", "other_port"),
        ("https://site.example", {}, "https://cdn.example/a.gif", "offsite_link"),
        ("https://site.example", {"private_hosts": ["10.0.0.7:80"]}, "http://10.0.0.7/a.gif", None),
        ("https://site.example", {"private_hosts": ["10.0.0.7:80"]}, "http://10.0.0.7:81/a.gif", "other_port"),
        ("https://site.example", {"media_hosts": ["[::1]:80"]}, "http://[::1]/a.gif", None),
        ("https://site.example", {}, "https://site.example@10.0.0.1/a.gif", "private_address"),
        ("https://site.example", {}, "https://notsite.example/a.gif", "offsite_link"),
    ],
)
def test_hosts_and_ports_are_asked_where_the_config_names_them(site, named, url, reason) -> None:
    refusal = Places(site, **named).refusal(url)
    assert (refusal and refusal.reason) == reason


@pytest.mark.parametrize("entry", ["", "http://a", "a/b", "a:0", "a:b", "a b", "me@a"])
def test_a_host_that_is_none_is_refused_with_the_config(entry) -> None:
    with pytest.raises(ValueError, match="expected HOST or HOST:PORT"):
        CrawlConfig(source="gallery", words=("a",), media_hosts=(entry,))


def test_what_a_name_leads_to_is_checked_when_it_is_connected_to(tmp_path) -> None:
    hosts = ("127.1", "2130706433", "0x7f.1", "017700000001")
    inside = Script(make_picture(2), headers=GIF)
    with ScriptedSite({"/1.gif": Script(make_picture(1), headers=GIF), "/inside.gif": inside}) as site:
        places = tuple(f"{host}:{site.url.rpartition(':')[2]}" for host in hosts)
        redirects = {
            f"/to/{number}": Script(status=302, headers={"Location": f"http://{place}/inside.gif"})
            for number, place in enumerate(places)
        }
        links = [f"http://{place}/inside.gif" for place in places]
        site.answers |= {**redirects, "/find/a/1": results(*({"url": url} for url in [*links, *redirects, "/1.gif"]))}
        result = _crawl(tmp_path, site.url, media_hosts=places)
        assert len(result.kept) == 1
        assert [reject["reason"] for reject in result.rejects] == ["private_address"] * 8
        assert all("127.0.0.1, no public address" in reject["detail"] for reject in result.rejects)
        assert "/inside.gif" not in {path for _, path in site.asked}
        assert len(_crawl(tmp_path / "named", site.url, private_hosts=places).kept) == 9


def test_a_site_whose_name_leads_inside_is_not_crawled_and_says_how_it_could_be(tmp_path) -> None:
    with ScriptedSite({}) as site, pytest.raises(CrawlError, match="127.1 is 127.0.0.1, .*`private_hosts` may name it"):
        _crawl(tmp_path, site.url.replace("127.0.0.1", "127.1"), contact="me@lab.example")
    assert site.asked == []
