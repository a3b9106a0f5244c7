"""A site that attacks its crawler in every way that was thought of: each attack ends as a reject, and costs nobody else.

One crawl of all of them. An attack that is new is a line in `ATTACKS` or `PLACES`.
"""

import gzip
import io
import json
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import brotli
import pytest
from backports import zstd
from crawl_sites import Script, ScriptedSite, make_crawl, make_picture, results
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from vsd2m.core.stage import FileResult

GIF = {"Content-Type": "image/gif"}
HTML = {"Content-Type": "text/html"}
METADATA = "http://169.254.169.254/latest/meta-data/"
LIMIT = 200_000
ZEROS = bytes(4 << 20)


def _to(location: str) -> Script:
    return Script(status=302, headers={"Location": location})


def _raw(text: str, endless: str = "") -> Script:
    return Script(raw=text.encode("latin-1"), endless=endless.encode("latin-1"))


def _packed(data: bytes, *encodings: str) -> Script:
    return Script(data, headers={**GIF, "Content-Encoding": ", ".join(encodings)})


def _png_with_bomb() -> bytes:
    """A picture whose compressed text unpacks to a hundred times the limit, with a reservation at its start."""
    info = PngInfo()
    info.add(
        b"zTXt", b"XML:com.adobe.xmp\0\0" + zlib.compress(b"plus:DataMining='DMI-PROHIBITED'" + bytes(20 << 20), 9)
    )
    file = io.BytesIO()
    Image.new("L", (1, 1)).save(file, "PNG", pnginfo=info)
    return file.getvalue()


# name -> (answer, reason of the reject; None: it is kept, and does no harm)
ATTACKS: dict[str, tuple[Script, str | None]] = {
    # what is not HTTP, or never ends
    "endless headers": (_raw("HTTP/1.1 200 OK\r\n", "X-Padding: " + "x" * 8000 + "\r\n"), "timeout"),
    "an endless header line": (_raw("HTTP/1.1 200 OK\r\nX: ", "x" * 65536), "unreachable"),
    "an endless body": (_raw("HTTP/1.1 200 OK\r\n\r\n", "x" * 65536), "too_large"),
    "an endless chunk": (_raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n", "x" * 65536), "too_large"),
    "endless interim answers": (_raw("HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 102 Processing\r\n\r\n" * 100), "timeout"),
    "no HTTP at all": (_raw("hello\r\n\r\n"), "unreachable"),
    "a chunk of no size": (_raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nGIF89a\r\n0\r\n\r\n"), "unreachable"),
    "a negative length": (_raw("HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nGIF89a"), "unreachable"),
    "two lengths": (_raw("HTTP/1.1 200 OK\r\nContent-Length: 6\r\nContent-Length: 9\r\n\r\nGIF89aGIF"), "unreachable"),
    "an announced gigabyte": (_raw("HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\nGIF89a"), "too_large"),
    "nothing for ever": (Script(make_picture(1), headers=GIF, delay=60), "timeout"),
    # what unpacks to too much
    "a gzip bomb": (_packed(gzip.compress(ZEROS), "gzip"), "too_large"),
    "a deflate bomb": (_packed(zlib.compress(ZEROS), "deflate"), "too_large"),
    "a brotli bomb": (_packed(brotli.compress(ZEROS), "br"), "too_large"),
    "a zstd bomb": (_packed(zstd.compress(ZEROS), "zstd"), "too_large"),
    "a bomb in a bomb": (_packed(gzip.compress(gzip.compress(ZEROS)), "gzip", "gzip"), "too_large"),
    "a thousand encodings": (_packed(make_picture(2), *["gzip"] * 1000), "bad_encoding"),
    "an encoding that does not exist": (_packed(b"GIF89b", "evil"), "not_an_image"),
    "a bomb inside a picture": (Script(_png_with_bomb(), headers={"Content-Type": "image/png"}), "noai"),
    # redirects
    "a redirect to a file": (_to("file:///etc/passwd"), "unsupported_scheme"),
    "a redirect to the metadata": (_to(METADATA), "private_address"),
    "a redirect without a scheme to the metadata": (_to("//169.254.169.254/"), "private_address"),
    "a redirect to another port": (_to("http://127.0.0.1:22/"), "other_port"),
    "a redirect elsewhere": (_to("https://elsewhere.example/"), "offsite_redirect"),
    "a redirect to itself": (_to("?"), "http_error"),
    "a redirect to no address": (_to("http://["), "bad_address"),
    "a redirect with a line break": (_raw("HTTP/1.1 302 Found\r\nLocation: /a\rSet-Cookie: b\r\nContent-Length: 0\r\n\r\n"), "http_error"),
    "a refresh to the metadata": (Script(b"<meta http-equiv=refresh content='0;url=" + METADATA.encode() + b"'>", headers=HTML), "not_an_image"),
    "a refresh header": (Script(make_picture(3), headers={**GIF, "Refresh": f"0;url={METADATA}"}), None),
    # statuses and headers
    "a cookie": (Script(make_picture(4), headers={**GIF, "Set-Cookie": "track=me"}), None),
    "an unknown status": (_raw("HTTP/1.1 999 Denied\r\nContent-Length: 0\r\n\r\n"), "server_error"),
    "no content": (_raw("HTTP/1.1 204 No Content\r\n\r\n"), "http_error"),
    "headers that are no text": (Script(raw=b"HTTP/1.1 200 OK\r\nX-Robots-Tag: \xff\xfe\x00\r\nLink: <\xff>; rel=license\r\nContent-Length: 3\r\n\r\nabc"), "not_an_image"),
    "hundreds of licences": (
        Script(make_picture(5), headers={**GIF, "Link": ", ".join(f'</l{n}>; rel="license"; type="application/rsl+xml"' for n in range(250))}),
        None,
    ),
    "a page for a picture": (Script(b"<html>GIF89a</html>", headers=GIF), "not_an_image"),
    "nothing for a picture": (Script(b"", headers=GIF), "not_an_image"),
}  # fmt: skip

# name -> (address on a results page, reason)
PLACES: dict[str, tuple[str, str]] = {
    "the metadata of the cloud": (METADATA, "private_address"),
    "a file": ("file:///dev/zero", "unsupported_scheme"),
    "a bucket": ("s3://127.0.0.1/bucket", "unsupported_scheme"),
    "a shell": ("view-source:javascript:alert(1)", "unsupported_scheme"),
    "IPv6 loopback": ("http://[::1]/a.gif", "private_address"),
    "a mapped address": ("http://[::ffff:10.0.0.1]/a.gif", "private_address"),
    "a network's own name": ("http://router.localhost/a.gif", "private_address"),
    "someone else's name before an @": ("http://127.0.0.1@elsewhere.example/a.gif", "offsite_link"),
    "a port of this machine": ("http://127.0.0.1:6379/", "other_port"),
    "a name that ends like the site's": ("http://evil-127.0.0.1/a.gif", "offsite_link"),
    "an address of a megabyte": ("http://elsewhere.example/" + "a" * (1 << 20), "offsite_link"),
    "no port": ("http://127.0.0.1:port/", "bad_address"),
}

WORDS = {
    "deep": Script(b"[" * 1_000_000, headers={"Content-Type": "application/json"}),
    "numbers": Script(b"1" * 100_000, headers={"Content-Type": "application/json"}),
    "nested": Script(b"<div>" * 100_000, headers=HTML),
}
"""Results pages that attack whoever reads them."""

ROBOTS = (
    b"User-agent: *\n"
    + b"Disallow: /" + b"*a" * 2000 + b"$\n"
    + b"Crawl-delay: nan\nCrawl-delay: -1\nCrawl-delay: 1e400\n"
    + b"License: /laughs.xml\nLicense: /entity.xml\nLicense: " + METADATA.encode() + b"\n"
    + b"".join(b"Disallow: /no/%d\n" % number for number in range(50_000))
)  # fmt: skip
LAUGHS = b"<!DOCTYPE l [<!ENTITY a0 'ha'>" + b"".join(
    b"<!ENTITY a%d '%s'>" % (number, b"&a%d;" % (number - 1) * 10) for number in range(1, 12)
)
FILES = {
    "/robots.txt": Script(ROBOTS),
    "/.well-known/tdmrep.json": Script(b"[" * 200_000 + b'{"location": "/*", "tdm-reservation": 0}'),
    "/ai.txt": Script(b"User-agent: *\nDisallow: " + b"*?" * 100_000),
    "/laughs.xml": Script(LAUGHS + b"]><rsl>&a11;</rsl>"),
    "/entity.xml": Script(b"<!DOCTYPE l [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><rsl>&a;</rsl>"),
}


@dataclass(frozen=True)
class Attacked:
    """What a crawl of the hostile site gave, by address, and what the site saw."""

    site: ScriptedSite
    result: FileResult
    seconds: float

    def reject(self, address: str) -> dict[str, Any]:
        [reject] = [reject for reject in self.result.rejects if reject["url"] in (address, f"{self.site.url}{address}")]
        return dict(reject)


def _path(name: str) -> str:
    return "/" + name.replace(" ", "-")


@pytest.fixture(scope="module")
def attacked(tmp_path_factory) -> Iterator[Attacked]:
    answers = {_path(name): script for name, (script, _) in ATTACKS.items()}
    links = [*(_path(name) for name in ATTACKS), *(address for address, _ in PLACES.values()), "/good.gif"]
    answers |= FILES | {
        "/good.gif": Script(make_picture(99), headers=GIF),
        "/find/a/1": results(*({"url": link} for link in links)),
    }
    answers |= {f"/find/{word}/1": script for word, script in WORDS.items()}
    with ScriptedSite(answers) as site:
        options = {
            "timeout_s": 2,
            "retries": 0,
            "max_file_bytes": LIMIT,
            "max_memory_bytes": 1 << 30,
            "concurrency": 16,
        }
        crawl = make_crawl(
            tmp_path_factory.mktemp("run"),
            source="crawl_sites:ListSource",
            site=site.url,
            words=("a", *WORDS),
            **options,
        )
        begin = time.monotonic()
        yield Attacked(site, crawl.write(), time.monotonic() - begin)


@pytest.mark.parametrize("name", ATTACKS)
def test_an_answer_that_attacks_is_a_reject(attacked, name) -> None:
    reason = ATTACKS[name][1]
    if reason is None:
        assert f"{attacked.site.url}{_path(name)}" in {row["url"] for row in attacked.result.kept}
    else:
        reject = attacked.reject(_path(name))
        assert (reject["reason"], reject["outcome"]) == (reason, "dropped"), reject
        assert reason != "too_large" or (
            reject["limit"] == LIMIT and (reject["value"] is None or reject["value"] > LIMIT)
        )


@pytest.mark.parametrize("name", PLACES)
def test_an_address_that_attacks_is_not_asked_for(attacked, name) -> None:
    address, reason = PLACES[name]
    assert attacked.reject(address)["reason"] == reason


@pytest.mark.parametrize("word", WORDS)
def test_a_results_page_that_attacks_is_a_reject_of_its_word(attacked, word) -> None:
    reject = attacked.reject(f"/find/{word}/1")
    assert reject["reason"] in ("page_not_understood", "source_error")
    assert f"results page 1 for {word!r}" in reject["detail"]


def test_nobody_else_pays_for_the_attacks(attacked) -> None:
    assert f"{attacked.site.url}/good.gif" in {row["url"] for row in attacked.result.kept}
    assert attacked.result.num_read == len(ATTACKS) + len(PLACES) + len(WORDS) + 1
    assert not any(headers.get("Cookie") for _, headers in attacked.site.headers)
    assert sum(path.startswith("/l") and "licence" not in path for _, path in attacked.site.asked) <= 10
    asked = [path for _, path in attacked.site.asked]
    assert all(asked.count(path) == 1 for path in FILES), "each file of the site once"


def test_the_site_kept_what_it_said_about_itself(attacked) -> None:
    [row] = [row for row in attacked.result.kept if row["url"].endswith("/good.gif")]
    told = json.loads(row["robots"])
    assert told["robots_txt"] == "allowed"
    assert {said["text"] for said in told["statements"] if said["signal"] == "rsl"} <= {"the licence cannot be read"}
    assert "root:" not in row["robots"]
