"""A table of addresses, as img2dataset takes it, downloaded with the crawl's manners."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from crawl_sites import Script, ScriptedSite, make_crawl, make_picture

from vsd2m.core.errors import ConfigError
from vsd2m.core.keys import sticker_key
from vsd2m.crawl.sources.addresses import address_columns


def _crawl(run: Path, table: Path, site: ScriptedSite, **config):
    source = {"source": "addresses", "table": str(table), **config.pop("source", {})}
    host = site.url.removeprefix("http://")
    return make_crawl(
        run, source=source, media_hosts=[host], delay_s=0, autothrottle=False, contact="tests@example.org", **config
    )


def _write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def site():
    answers = {f"/{number}.gif": Script(make_picture(number)) for number in range(1, 9)}
    answers["/robots.txt"] = Script(b"User-agent: *\nDisallow: /8.gif\n")
    with ScriptedSite(answers) as site:
        yield site


def _asked(site: ScriptedSite) -> list[str]:
    return sorted(path for _, path in site.asked if path.endswith(".gif"))


def test_a_tsv_without_names_as_tgif_is_one_needs_no_options(tmp_path: Path, site: ScriptedSite) -> None:
    lines = [("/1.gif", 'a "cat" waves, twice'), ("/2.gif", "a dog"), ("/1.gif", "the cat again"), ("/9.gif", "gone")]
    table = _write(tmp_path / "t.tsv", "".join(f"{site.url}{path}\t{text}\n" for path, text in lines))
    crawl = _crawl(tmp_path / "run", table, site)
    (partition,) = crawl.stage.partitions(crawl.run)
    result = crawl.write(partition)
    said = sorted((row["key"], row["given_caption"], row["trigger_word"], row["source"]) for row in result.kept)
    assert said == sorted(
        (sticker_key(make_picture(number)), text, None, "addresses")
        for number, text in [(1, 'a "cat" waves, twice'), (1, "the cat again"), (2, "a dog")]
    )
    assert [(reject["reason"], reject["url"]) for reject in result.rejects] == [("http_error", f"{site.url}/9.gif")]
    assert _asked(site) == ["/1.gif", "/2.gif", "/9.gif"]


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_a_table_with_names_gives_words_licences_and_authors(tmp_path: Path, site: ScriptedSite, suffix) -> None:
    rows = [{"URL": f"{site.url}/1.gif", "text": "a cat", "keywords": "hi;hello", "license": "MIT", "author": "Ann"}]
    table = tmp_path / f"t.{suffix}"
    if suffix == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), table)
    elif suffix == "jsonl":
        _write(table, json.dumps(rows[0]) + "\n")
    else:
        _write(table, f"{','.join(rows[0])}\n{','.join(rows[0].values())}\n")
    crawl = _crawl(tmp_path / "run", table, site)
    (row,) = crawl.write(crawl.stage.partitions(crawl.run)[0]).kept
    assert (row["given_words"], row["given_caption"]) == (["hi", "hello"], "a cat")
    assert (row["licence"], row["author"]) == ("MIT", "Ann")


def test_robots_and_addresses_that_may_not_be_asked_are_rejects(tmp_path: Path, site: ScriptedSite) -> None:
    bad = [
        "file:///etc/passwd",
        "http://10.0.0.1/a.gif",
        "http://127.0.0.1:1/a.gif",
        "not an address",
        f"{site.url}/8.gif",
    ]
    table = _write(tmp_path / "t.csv", "url\n" + "".join(f"{address}\n" for address in [*bad, f"{site.url}/1.gif"]))
    crawl = _crawl(tmp_path / "run", table, site)
    result = crawl.write(crawl.stage.partitions(crawl.run)[0])
    assert {reject["url"]: reject["reason"] for reject in result.rejects} == dict(
        zip(
            bad,
            ("unsupported_scheme", "private_address", "other_port", "bad_address", "robots_disallowed"),
            strict=True,
        )
    )
    assert _asked(site) == ["/1.gif"]
    assert result.num_read == 6


def test_a_table_that_grows_downloads_only_what_is_new(tmp_path: Path, site: ScriptedSite) -> None:
    def crawl_all(size: int) -> dict[int, list[str]]:
        crawl = _crawl(tmp_path / "run", table, site, words_per_partition=size)
        return {n: sorted(row["url"] for row in crawl.write(n).kept) for n in crawl.stage.partitions(crawl.run)}

    table = _write(tmp_path / "t.csv", "url\n" + "".join(f"{site.url}/{number}.gif\n" for number in (1, 2, 3)))
    crawl_all(10)
    site.asked.clear()
    _write(table, "url\n" + "".join(f"{site.url}/{number}.gif\n" for number in (4, 1, 3)))
    (urls,) = crawl_all(10).values()
    assert _asked(site) == ["/4.gif"]
    assert urls == [f"{site.url}/{number}.gif" for number in (1, 3, 4)]


def test_partitions_are_slices_of_the_table_whatever_its_order(tmp_path: Path, site: ScriptedSite) -> None:
    addresses = [f"{site.url}/{number}.gif" for number in range(200)]
    digests = []
    for number, ordered in enumerate([addresses, addresses[::-1]]):
        table = _write(tmp_path / f"{number}.csv", "url\n" + "\n".join(ordered) + "\n")
        crawl = _crawl(tmp_path / f"run{number}", table, site, words_per_partition=20)
        digests.append({n: crawl.stage.input_digest(crawl.run, n) for n in crawl.stage.partitions(crawl.run)})
    assert digests[0] == digests[1]
    assert len(digests[0]) >= 10


def test_what_is_no_table_of_addresses_is_an_error(tmp_path: Path, site: ScriptedSite) -> None:
    crawl = _crawl(tmp_path / "run", _write(tmp_path / "t.csv", "a,b\n1,2\n"), site)
    with pytest.raises(ConfigError, match="no column has addresses; its columns are a, b; name it"):
        crawl.stage.partitions(crawl.run)
    empty = _crawl(tmp_path / "run", _write(tmp_path / "e.csv", "url\n"), site)
    with pytest.raises(ConfigError, match="the source lists no stickers"):
        empty.stage.partitions(empty.run)
    missing = _crawl(tmp_path / "run", tmp_path / "none.csv", site)
    assert missing.stage.missing() == [f"source.table: there is no file {tmp_path / 'none.csv'}"]
    with pytest.raises(ValueError, match="lists its stickers; leave out `words`"):
        _crawl(tmp_path / "run", tmp_path / "t.csv", site, words=["a"])


def test_the_first_other_column_of_a_table_without_names_is_the_caption() -> None:
    assert address_columns({"0": "7", "1": "http://a/b"}, {}, where="t") == {"url": "1", "caption": "0"}
    assert address_columns({"name": "7", "gif": "http://a/b"}, {}, where="t")["url"] == "gif"
