"""Takedown lists: how they are written, and what they name."""

import json
from pathlib import Path

import pytest

from vsd2m.core.errors import ConfigError, StorageError
from vsd2m.core.takedown import TakedownList

KEY = "0123456789abcdef" * 2
TEXT = f"""
# asked for on 1 May
https://a.example/x.gif   # by mail
{KEY.upper()}
host: B.example
author: Ann  Lee
address: http://c.example/y.gif?size=1
key: {KEY[::-1]}
"""
YAML = f"""
addresses: [https://a.example/x.gif, "http://c.example/y.gif?size=1"]
hosts: [b.example]
authors: [ann lee]
keys: ["{KEY}", "{KEY[::-1]}"]
"""


def _read(folder: Path, name: str, text: str) -> TakedownList:
    (folder / name).write_text(text)
    return TakedownList.read(str(folder / name))


def test_a_list_is_the_same_as_text_yaml_and_json(tmp_path) -> None:
    as_text, as_yaml = _read(tmp_path, "a.txt", TEXT), _read(tmp_path, "a.yaml", YAML)
    assert as_text == as_yaml == _read(tmp_path, "a.json", json.dumps(as_yaml.to_json()))
    assert as_text.digest() == as_yaml.digest() != TakedownList().digest()
    assert as_text and not TakedownList()


@pytest.mark.parametrize(
    ("row", "entry"),
    [
        ({"key": KEY}, f"key {KEY}"),
        ({"url": "http://A.example:80/x.gif#top"}, "address http://A.example:80/x.gif#top"),
        ({"urls": ["https://z.example/", "https://a.example/x.gif"]}, "address https://a.example/x.gif"),
        ({"page_urls": ["https://c.example/y.gif?size=1"]}, "address https://c.example/y.gif?size=1"),
        ({"page_url": "https://deep.b.example:8080/any"}, "host b.example"),
        ({"authors": ["Bob", " ANN lee"]}, "author  ANN lee"),
        ({"key": "f" * 32, "urls": None, "authors": None}, None),
        ({"url": "https://a.example/x.gif2"}, None),
        ({"url": "https://a.example/x.gif?size=2"}, None),
        ({"url": "https://notb.example/"}, None),
        ({"url": "http://[b.example/"}, None),
        ({"author": "Ann Leeds"}, None),
    ],
)
def test_an_entry_names_stickers_by_what_their_rows_say(tmp_path, row, entry) -> None:
    assert _read(tmp_path, "a.yaml", YAML).entry_for(row) == entry


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("a.txt", "just words", "line 1: expected an address, a key"),
        ("a.txt", "keys:", "line 1"),
        ("a.yaml", "- a", "expected addresses, hosts, authors, keys"),
        ("a.yaml", "urls: [a]", "unknown 'urls'"),
        ("a.yaml", "keys: [123]", "expected a list of texts"),
        ("a.yaml", "hosts: b.example", "expected a list of texts"),
        ("a.yaml", "keys: [abc]", "expected a key of 32 hex digits"),
        ("a.yaml", "keys: [", "cannot be read"),
        ("a.json", "{", "cannot be read"),
        ("a.yaml", "hosts: 5", "expected a list of texts"),
        ("a.yaml", "hosts: {b.example: c}", "expected a list of texts"),
        ("a.yaml", "hosts: [b.example]\nhosts: [c.example]", "'hosts' is given twice"),
        ("a.JSON", '{"hosts": ["b.example"], "hosts": ["c.example"]}', "'hosts' is given twice"),
        ("a.yaml", "hosts: [b.example/path]", "expected a host, such as removed.example, found 'b.example/path'"),
        ("a.yaml", "hosts: [ftp://b.example]", "expected a host"),
        ("a.yaml", "hosts: ['*']", "expected a host"),
        ("a.yaml", "hosts: [user@b.example]", "expected a host"),
        ("a.txt", "host: b..example", "expected a host"),
    ],
)
def test_what_is_no_list_is_named(tmp_path, name, text, problem) -> None:
    with pytest.raises(ConfigError, match=problem):
        _read(tmp_path, name, text)


@pytest.mark.parametrize(
    ("kind", "entry", "address"),
    [
        ("hosts", "https://B.example/", "https://deep.b.example/x.gif"),
        ("hosts", "*.b.example:8080", "http://b.example/x.gif"),
        ("hosts", "bücher.example", "https://xn--bcher-kva.example/x.gif"),
        ("hosts", "xn--bcher-kva.example", "https://Bücher.example./x.gif"),
        ("hosts", "[2001:DB8::1]:80", "http://[2001:db8::1]:8080/x.gif"),
        ("hosts", "2001:db8::1", "http://[2001:db8::1]/x.gif"),
        ("addresses", "https://a.example/Bücher x.gif?q=ü", "https://a.example/B%c3%bccher%20x.gif?q=%C3%BC"),
        ("addresses", "https://a.example/%7Eann/x%2ey", "http://a.example/~ann/x.y"),
        ("addresses", "A.example/x.gif", "https://a.example/x.gif"),
        ("addresses", "//A.example:8080/x.gif", "https://a.example:8080/x.gif"),
    ],
)
def test_an_entry_holds_in_every_spelling_of_its_address(kind, entry, address) -> None:
    listed = TakedownList.of({kind: [entry]})
    assert listed.entry_for_address(address) is not None
    assert TakedownList.of(listed.to_json()) == listed


@pytest.mark.parametrize(
    ("kind", "entry", "address"),
    [
        ("addresses", "http://[2001:db8::1]/x.gif", "http://[2001:db8::2]/x.gif"),
        ("addresses", "http://a.example/x%2Fy", "http://a.example/x/y"),
        ("hosts", "b.example", "https://ab.example/x.gif"),
    ],
)
def test_an_entry_names_no_other_address(kind, entry, address) -> None:
    assert TakedownList.of({kind: [entry]}).entry_for_address(address) is None


def test_an_absent_list_is_an_error_and_not_an_empty_list(tmp_path) -> None:
    with pytest.raises(StorageError, match="cannot read"):
        TakedownList.read(str(tmp_path / "none.yaml"))


def test_a_list_that_cannot_be_compared_with_a_table_is_refused() -> None:
    listed = TakedownList.of({"authors": ["Ann"], "keys": [KEY]})
    listed.check_applies_to(("key", "authors"), where="shards")
    with pytest.raises(ConfigError, match="has authors, and shards has none of the columns author, authors"):
        listed.check_applies_to(("key", "urls"), where="shards")
    TakedownList.of({"keys": [KEY]}).check_applies_to(("key",), where="shards")
