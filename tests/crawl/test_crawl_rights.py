"""Every signal in every form that its specification shows, and what is ambiguous: that leans towards the reservation."""

import io
import json
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from parsel import Selector
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from vsd2m.crawl.rights import SIGNALS, signals
from vsd2m.crawl.rights.patterns import path_matches
from vsd2m.crawl.rights.robots_groups import RobotsGroups, decoded
from vsd2m.crawl.rights.signal import Statement, Target, product_of, reserving

AGENT = "vsd2m/0.1 (+mailto:a@b.example)"
TARGET = Target("https://site.example/img/a.gif?size=1", product_of(AGENT))
SIGNAL = {signal.name: signal for signal in signals()}


def _in_robots(text: str, target: Target = TARGET) -> Statement | None:
    groups = RobotsGroups(text.encode())
    return reserving(statement for signal in signals() for statement in signal.in_robots(groups, target))


def _in_headers(**headers: str) -> Statement | None:
    values = {name.replace("_", "-"): [value] for name, value in headers.items()}
    return reserving(statement for signal in signals() for statement in signal.in_headers(values, TARGET))


def _in_page(html: str) -> Statement | None:
    page = Selector(text=html, type="html")
    return reserving(statement for signal in signals() for statement in signal.in_page(page, TARGET))


def _in_file(name: str, path: str, text: str) -> Statement | None:
    return reserving(SIGNAL[name].in_site_file(path, text, TARGET))


def _in_picture(data: bytes) -> Statement | None:
    return reserving(statement for signal in signals() for statement in signal.in_picture(data))


# -- robots.txt ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "is_reserved"),
    [
        ("User-agent: *\nContent-Signal: search=yes,ai-train=no", True),
        ("User-agent: *\nContent-signal: search=yes, ai-input=yes , AI-TRAIN = NO\nAllow: /", True),
        ("Content-Signal: ai-train=no", True),
        ("User-agent: *\nContent-Signal: ai-train=yes\nContent-Signal: ai-train=no", True),
        ("User-agent: VSD2M\nUser-agent: other\nContent-Signal: ai-train=no", True),
        ("User-agent: vsd2m/2.0\nContent-Signal: ai-train=no", True),
        ("User-agent: *\nDisallow: /x\n\nContent-Signal ai-train=no", True),
        ("User-agent: *\nContent_Signal: ai_train = ?0", True),
        ("User-agent: *\nContent-Signal: ai-train='no'", True),
        ("User-agent: other, 'vsd2m'\nContent-Signal: ai-train no", True),
        ("User-agent: *\n\u200bContent-Signal: ai-train=(no)", True),
        ("\ufeff\ufeffContent-Signal: ai-train=no", True),
        ("User-agent: *\rContent-Signal: ai-train=no", True),
        ("User-agent: *\nContent-Signal: ai-train=nothing-said", False),
        ("User-agent: *\nContent-Signal: search=yes", False),
        ("User-agent: *\nContent-Signal: ai-train=yes", False),
        ("User-agent: *\n# Content-Signal: ai-train=no", False),
        ("User-agent: other\nContent-Signal: ai-train=no", False),
        ("User-agent: *\nContent-Signal: ai-train=no\nUser-agent: vsd2m\nAllow: /", False),
    ],
)
def test_a_content_signal_of_the_group_that_holds_reserves(lines, is_reserved) -> None:
    assert bool(_in_robots(lines)) is is_reserved


@pytest.mark.parametrize(
    ("rules", "is_reserved"),
    [
        ("Content-Usage: train-ai=n", True),
        ("Content-Usage: search=y, train-ai=n;x=1", True),
        ("Content-Usage: ai=n", True),
        ("Content-Usage: train-ai=?0", True),
        ("Content-Usage: train-ai=N", True),
        ("Content-Usage: search=y;train-ai=n", True),
        ("Content-Usage: 'train-ai'=(n)", True),
        ("Content-Usage: train_ai: false", True),
        ("Content-Usage: train-ai='disallow'", True),
        ("Content-Usage: train-ai=y;train-ai=n", True),
        ("Content-Usage: train-ai=nope", False),
        ("Content-Usage: train-ai", False),
        ("Content-Usage: /img train-ai=n", True),
        ("Content-Usage: /img/*.gif\ttrain-ai=n", True),
        ("Content-Usage: train-ai=y\nContent-Usage: /img/ train-ai=n", True),
        ("Content-Usage: /img/ train-ai=y\nContent-Usage: /img/ train-ai=n", True),
        ("Content-Usage: train-ai=n\nContent-Usage: /img/ search=n", True),
        ("Content-Usage: train-ai=n\nContent-Usage: /img/ train-ai=y", False),
        ("Content-Usage: /other train-ai=n", False),
        ("Content-Usage: search=n", False),
        ("Content-Usage: not-train-ai=n", False),
    ],
)
def test_the_content_usage_of_the_longest_path_holds(rules, is_reserved) -> None:
    assert bool(_in_robots(f"User-agent: *\n{rules}\nAllow: /")) is is_reserved


# -- headers and pages ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "is_reserved"),
    [
        ("all", False),
        ("noindex, nofollow", False),
        ("noai", True),
        ("NoIndex, NoImageAI", True),
        ("noml", True),
        ("noai; noimageai", True),
        ("noindex noai", True),
        ("vsd2m: noai", True),
        ("*: noai", True),
        ("otherbot: noai", False),
        ("otherbot: noindex, noai", False),
        ("otherbot: noai, vsd2m: noai", True),
        ("bot/1.0: noai", True),
        ("unavailable_after: 25 Jun 2030 15:00:00 PST, noai", True),
        ("unavailable_after: Wednesday, 25-Jun-30 15:00:00 PST, noai", True),
        ("max-snippet: 20, noimageai", True),
        ("noai:", True),
        ("all|noai", True),
        ("'noai'", True),
        ("noai=true", True),
        ("{noindex noai.}", True),
        ("noai-ish", False),
    ],
)
def test_noai_reserves_unless_it_is_clearly_addressed_to_another_crawler(value, is_reserved) -> None:
    assert bool(_in_headers(x_robots_tag=value)) is is_reserved
    assert bool(_in_page(f'<meta name="Robots" content="{value}">')) is is_reserved


def test_a_meta_element_may_name_the_crawler() -> None:
    assert _in_page('<meta name="VSD2M" content="noai">')
    assert not _in_page('<meta name="otherbot" content="noai">')


@pytest.mark.parametrize(
    "name", ['name=" Robots "', 'property="robots"', 'http-equiv="X-Robots-Tag"', 'name="robots" id="a"']
)
def test_a_meta_element_is_read_by_whatever_attribute_names_it(name) -> None:
    assert _in_page(f'<meta {name} content="noai">')
    assert _in_page(f'<meta {name.replace("obots", "xyz")} content="noai">') is None


def test_a_tdm_reservation_may_be_the_equivalent_of_a_header() -> None:
    assert _in_page('<meta http-equiv="TDM-Reservation" content="1">')


@pytest.mark.parametrize(
    ("value", "is_reserved"),
    [("1", True), (" 1 ", True), ('"1"', True), ("yes", True), ("0", False), ("0;x", False), ("", False)],
)
def test_a_tdm_reservation_is_everything_but_a_clear_zero(value, is_reserved) -> None:
    assert bool(_in_headers(tdm_reservation=value)) is is_reserved
    assert bool(_in_page(f"<meta name='TDM-Reservation' content='{value}'>")) is is_reserved


def test_a_content_usage_header_reserves() -> None:
    assert _in_headers(content_usage="search=y, train-ai=n")
    assert not _in_headers(content_usage="train-ai=y")
    assert str(_in_headers(content_usage="train-ai=n, (")) == "header: Content-Usage: train-ai=n, ("


# -- files of the site ---------------------------------------------------------------------------

TDM = "/.well-known/tdmrep.json"


@pytest.mark.parametrize(
    ("entries", "is_reserved"),
    [
        ([{"location": "/", "tdm-reservation": 1}], True),
        ([{"location": "/*.gif", "tdm-reservation": "1"}], True),
        ([{"location": "img/", "tdm-reservation": True}], True),
        ({"tdm-reservation": 1}, True),
        ([{"location": "/", "tdm-reservation": 0}, {"location": "/img/", "tdm-reservation": 1}], True),
        ([{"location": "/img/", "tdm-reservation": 0}, {"location": "/img/", "tdm-reservation": 1}], True),
        ([{"location": "/", "tdm-reservation": 1}, {"location": "/img/", "tdm-reservation": 0}], False),
        ([{"location": "/other/", "tdm-reservation": 1}], False),
        ([{"location": "/*.gif$", "tdm-reservation": 1}], False),
        ([{"location": "/"}, 3, None], False),
        ([{"location": "/", "tdm-reservation": 1}, {"location": "/img/", "tdm-policy": "/policy"}], True),
        ([{"location": "https://site.example/img/", "tdm-reservation": 1}], True),
        ([{"location": "//site.example", "tdm-reservation": 1}], True),
        ([{"location": " ./img/", "tdm-reservation": 1}], True),
        ([{"location": "https://site.example/other/", "tdm-reservation": 1}], False),
        ({"rules": [{"location": "/", "tdm-reservation": 1}]}, True),
        ([[{"location": "/", "tdm-reservation": 1}]], True),
        ([{"location": "/", "TDM_Reservation": True}], True),
        (["tdm-reservation: 1"], True),
        ([[{"location": "/", "tdm-reservation": 0}]], False),
        ([{"location": "/", "tdm-reservation": 0}, {"x": "\ud800"}], False),
    ],
)
def test_the_entry_of_tdmrep_with_the_longest_location_holds(entries, is_reserved) -> None:
    assert bool(_in_file("tdmrep", TDM, json.dumps(entries))) is is_reserved


def test_a_damaged_tdmrep_file_reserves_if_a_part_does() -> None:
    assert _in_file("tdmrep", TDM, '[{"location": "/", "tdm-reservation": 1},')
    assert not _in_file("tdmrep", TDM, '[{"location": "/", "tdm-reservation": 0},')
    assert _in_file("tdmrep", TDM, "tdm-reservation: 1")
    assert _in_file("tdmrep", TDM, '// all of it\n[{"location": "/", "tdm-reservation": 1}]')
    assert _in_file("tdmrep", TDM, f'[{{"location": "/", "tdm-reservation": {"1" * 5000}}}]')
    assert not _in_file("tdmrep", TDM, "[" * 100_000)
    assert not _in_file("tdmrep", TDM, "<html>tdm-reservation: 1 is not what this page is about")


def test_a_later_place_overrides_an_earlier_one_within_tdmrep_and_nowhere_else() -> None:
    in_file = list(SIGNAL["tdmrep"].in_site_file(TDM, '[{"location": "/", "tdm-reservation": 1}]', TARGET))
    silent, open_again = ({name: [value]} for name, value in (("etag", "1"), ("tdm-reservation", "0")))
    noai = SIGNAL["robots_tags"].in_headers({"x-robots-tag": ["noai"]}, TARGET)
    assert reserving([*in_file, *SIGNAL["tdmrep"].in_headers(silent, TARGET)])
    assert not reserving([*in_file, *SIGNAL["tdmrep"].in_headers(open_again, TARGET)])
    assert reserving([*in_file, *noai, *SIGNAL["tdmrep"].in_headers(open_again, TARGET)])


@pytest.mark.parametrize(
    ("lines", "is_reserved"),
    [
        ("User-Agent: *\nDisallow: *.gif", True),
        ("User-Agent: *\nDisallow: /\nAllow: /img/", False),
        ("User-Agent: *\nAllow: /img/\nDisallow: /img/", True),
        ("User-Agent: other\nDisallow: /", False),
        ("<!doctype html><title>there is no such page</title>", False),
    ],
)
def test_ai_txt_has_the_rules_of_robots_txt(lines, is_reserved) -> None:
    assert bool(_in_file("ai_txt", "/ai.txt", lines)) is is_reserved


# -- licence files -------------------------------------------------------------------------------


def _licence(inside: str, url: str = "/") -> str:
    return f'<rsl xmlns="https://rslstandard.org/rsl"><content url="{url}"><license>{inside}</license></content></rsl>'


@pytest.mark.parametrize(
    ("inside", "url", "is_reserved"),
    [
        ('<prohibits type="usage">ai-train</prohibits>', "/", True),
        ('<permits type="usage">search</permits><prohibits type="usage">ai-input AI-Train</prohibits>', "/", True),
        ('<prohibits type="usage">all</prohibits>', "https://site.example/img/", True),
        ('<permits type="usage">search</permits>', "/", True),
        ('<permits type="usage">all</permits><payment type="purchase"/>', "/", True),
        ('<permits type="usage">ai-train</permits><payment type="free"/>', "/", False),
        ('<prohibits type="usage">ai-input</prohibits>', "/", False),
        ('<prohibits type="geo">all</prohibits>', "/", False),
        ('<prohibits type="usage">ai-train</prohibits>', "/other/", False),
        ('<prohibits type="USAGE"><b>ai-train</b></prohibits>', "//site.example/img", True),
        ('<permits type="usage">all</permits><payment type="Free "/>', "/", False),
    ],
)
def test_an_rsl_licence_reserves_what_it_does_not_give(inside, url, is_reserved) -> None:
    assert bool(reserving(SIGNAL["rsl"].in_licence("u", _licence(inside, url), TARGET))) is is_reserved


def test_a_licence_outside_of_any_content_is_one_for_the_whole_site() -> None:
    text = "<rsl><license><prohibits>ai-train</prohibits></license></rsl>"
    assert reserving(SIGNAL["rsl"].in_licence("u", text, TARGET))


def test_files_about_rights_are_read_in_utf_16() -> None:
    robots = "User-agent: *\r\nContent-Signal: ai-train=no\r\nDisallow: /img/\r\n".encode("utf-16")
    assert reserving(SIGNAL["content_signal"].in_robots(RobotsGroups(robots), TARGET))
    text = f'<?xml version="1.0" encoding="utf-16"?>{_licence("<prohibits>all</prohibits>")}'
    assert reserving(SIGNAL["rsl"].in_licence("u", decoded(text.encode("utf-16")), TARGET))


@pytest.mark.parametrize("text", [None, "", "no XML", "<html/>", "<!DOCTYPE a [<!ENTITY b 'c'>]><rsl>&b;"])
def test_a_licence_that_cannot_be_read_is_recorded_and_reserves_nothing(text) -> None:
    statements = list(SIGNAL["rsl"].in_licence("https://site.example/licence.xml", text, TARGET))
    assert not reserving(statements)
    assert text is None or "<rsl>" in text or statements[0].text == "the licence cannot be read"


def test_licence_files_are_named_in_robots_headers_and_pages() -> None:
    rsl = SIGNAL["rsl"]
    assert list(rsl.licences_in_robots(RobotsGroups(b"User-agent: other\n\nLicense: https://a.example/l.xml"))) == [
        "https://a.example/l.xml"
    ]
    links = ['</l.xml>; rel="license"; type="application/rsl+xml", <https://cc.example>; rel=license, </x>; rel=next']
    assert list(rsl.licences_in_headers({"link": links})) == ["/l.xml"]
    html = '<link rel="license" href="https://cc.example"><link rel=license type="application/rsl+xml" href="/l.xml">'
    assert list(rsl.licences_in_page(Selector(text=html, type="html"))) == ["/l.xml"]
    html = html.replace("license type", "'nofollow License' type").replace("rsl+xml", "RSL+xml; charset=utf-8")
    assert list(rsl.licences_in_page(Selector(text=html, type="html"))) == ["/l.xml"]
    assert list(rsl.licences_in_headers({"link": [links[0].replace("rsl+xml", "RSL+XML")]})) == ["/l.xml"]


# -- pictures ------------------------------------------------------------------------------------

_VALUE = "http://ns.useplus.org/ldf/vocab/DMI-PROHIBITED-AIMLTRAINING"
FORMS = {
    "attribute": f'<rdf:Description plus:DataMining="{_VALUE}"/>',
    "element": f"<plus:DataMining>{_VALUE}</plus:DataMining>",
    "resource": f'<plus:DataMining rdf:resource="{_VALUE}"/>',
    "bare word": '<rdf:Description plus:DataMining="DMI-PROHIBITED"/>',
    "nested": f"<p:DataMining><rdf:Alt><rdf:li>{_VALUE}</rdf:li></rdf:Alt></p:DataMining>",
}


def _xmp(inside: str) -> bytes:
    return f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF>{inside}</rdf:RDF></x:xmpmeta>'.encode()


def _picture(media_format: str, xmp: bytes) -> bytes:
    file = io.BytesIO()
    image = Image.new("RGB", (8, 8), "red")
    if media_format == "PNG":
        info = PngInfo()
        info.add_itxt("XML:com.adobe.xmp", xmp.decode(), zip=True)
        image.save(file, "PNG", pnginfo=info)
    elif media_format == "GIF":
        image.save(file, "GIF")
        extension = b"\x21\xff\x0bXMP DataXMP" + xmp + b"\x01" + bytes(range(255, -1, -1)) + b"\0"
        return file.getvalue()[:-1] + extension + b"\x3b"
    else:
        image.save(file, media_format, xmp=xmp)
    return file.getvalue()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("media_format", ["GIF", "PNG", "WEBP", "JPEG", "AVIF"])
def test_data_mining_is_read_in_every_format_and_form(media_format, form) -> None:
    said = _in_picture(_picture(media_format, _xmp(FORMS[form])))
    assert said is not None and said.text.startswith("plus:DataMining PROHIBITED")


@pytest.mark.parametrize("value", ["DMI-ALLOWED", "DMI-UNSPECIFIED", ""])
def test_data_mining_that_is_allowed_reserves_nothing(value) -> None:
    assert not _in_picture(_picture("GIF", _xmp(f'<rdf:Description plus:DataMining="{value}"/>')))
    assert not _in_picture(_picture("PNG", b"<x/>"))


def test_data_mining_is_read_in_utf_16_and_in_profiles_of_image_magick() -> None:
    assert _in_picture(b"GIF89a" + FORMS["attribute"].encode("utf-16-le"))
    profile = b"Raw profile type xmp\0\0" + zlib.compress(b"\nxmp\n  99\n" + FORMS["element"].encode().hex().encode())
    info = PngInfo()
    info.add(b"zTXt", profile)
    file = io.BytesIO()
    Image.new("L", (1, 1)).save(file, "PNG", pnginfo=info)
    assert _in_picture(file.getvalue())


# -- whatever a site sends -----------------------------------------------------------------------

_TEXT = st.text() | st.lists(
    st.sampled_from(
        [
            "user-agent:",
            "*",
            "content-signal:",
            "content-usage:",
            "ai-train=no",
            "train-ai=n",
            "noai",
            "/",
            "$",
            ";",
            "\n",
            "license:",
            "vsd2m",
            "[",
            "]",
            "{",
            "}",
            '"',
            "tdm-reservation",
            ": 1",
            "<rsl>",
            "<license>",
            ",",
            " ",
            "\x00",
        ]
    )
).map("".join)


@given(_TEXT)
def test_no_signal_raises_whatever_it_reads(text) -> None:
    groups, page = RobotsGroups(text.encode(errors="replace")), Selector(text=text or " ", type="html")
    headers = {key: [text] for key in ("x-robots-tag", "tdm-reservation", "content-usage", "link")}
    target = Target(f"https://site.example/{text}", product_of(text))
    for signal in signals():
        for path in signal.site_files:
            list(signal.in_site_file(path, text, target))
        list(signal.in_robots(groups, target))
        list(signal.in_headers(headers, target))
        list(signal.in_page(page, target))
        list(signal.in_licence("u", text, target))
        list(signal.licences_in_robots(groups)) + list(signal.licences_in_headers(headers))
        list(signal.licences_in_page(page))


@given(st.binary(), st.integers(0, 400))
def test_no_picture_is_an_error(data, cut) -> None:
    whole = _picture("PNG", _xmp(FORMS["element"]))
    for picture in (data, b"\x89PNG\r\n\x1a\n" + data, whole[:cut] + data + whole[cut:]):
        for signal in signals():
            list(signal.in_picture(picture))


@given(st.sampled_from(["noai", "noml", "noimageai"]), st.lists(st.sampled_from(["all", "noindex", "max-snippet: 3"])))
def test_what_reserves_is_found_wherever_it_stands_in_a_list(word, others) -> None:
    for place in range(len(others) + 1):
        assert _in_headers(x_robots_tag=", ".join([*others[:place], word, *others[place:]]))


@given(st.permutations(["ai-train=no", "ai-train=yes", "search=yes", "use=reference"]))
def test_the_most_restrictive_of_contradicting_statements_wins(parts) -> None:
    assert _in_robots(f"User-agent: *\nContent-Signal: {', '.join(parts)}")


@given(st.text("ab/*$", max_size=12), st.text("ab/", max_size=12))
def test_patterns_match_as_the_expression_that_they_abbreviate(pattern, path) -> None:
    import re

    stem = pattern.removesuffix("$")
    expression = ".*".join(map(re.escape, stem.split("*"))) + ("$" if pattern.endswith("$") else "")
    assert path_matches(pattern, path) is bool(re.match(expression, path))


def test_a_pattern_of_many_stars_takes_no_time() -> None:
    assert not path_matches("/" + "*a" * 50_000 + "b$", "/" + "a" * 100_000)


def test_every_signal_is_registered_under_its_name() -> None:
    assert [signal.name for signal in signals()] == list(SIGNALS)
