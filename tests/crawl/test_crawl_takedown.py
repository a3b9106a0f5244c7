"""Takedown lists during the crawl, and the ledger of what was said of every sticker's use."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from crawl_sites import RULE_FILES, ListSource, Script, ScriptedSite, make_picture, results
from typer.testing import CliRunner

from vsd2m.cli.main import app
from vsd2m.core.keys import sticker_key
from vsd2m.core.run import Run
from vsd2m.crawl.rights.ledger import rights_by_host, rights_ledger
from vsd2m.crawl.sources.base import FoundSticker, Page, SearchResults
from vsd2m.pipelines.engine.config import PipelineConfig
from vsd2m.pipelines.engine.local import run_local
from vsd2m.pipelines.engine.plan import make_plan

GIF = {"Content-Type": "image/gif"}


class Signed(ListSource):
    """Stickers with an author and a licence."""

    def parse_search(self, page: Page) -> SearchResults:
        stickers = [
            FoundSticker(
                url=page.link(entry["url"]),
                page_url=page.link(f"/page{entry['url']}"),
                author=entry.get("author", ""),
                licence=entry.get("licence", "CC0-1.0"),
                attribution=f"by {entry['author']}" if "author" in entry else "",
            )
            for entry in page.json()["stickers"]
        ]
        return SearchResults(stickers)


def _site() -> ScriptedSite:
    names = ("free", "listed", "by_ann", "bytes", "paged", "reserved")
    answers = {f"/{name}.gif": Script(make_picture(number), headers=GIF) for number, name in enumerate(names)}
    answers["/reserved.gif"] = Script(make_picture(9), headers={**GIF, "X-Robots-Tag": "noai"})
    answers["/moved.gif"] = Script(status=302, headers={"Location": "/listed.gif"})
    answers["/free.gif"] = Script(make_picture(0), headers={**GIF, "Content-Usage": "train-ai=y"})
    entries = [{"url": f"/{name}.gif", "author": "Ann" if name == "by_ann" else "Bob"} for name in names]
    entries[0]["licence"] = "CC BY 4.0"
    entries.append({"url": "/moved.gif"})
    answers["/find/a/1"] = results(*entries)
    return ScriptedSite(answers)


def _run(folder: Path, site: str, **crawl: Any) -> Run:
    source = {"source": "test_crawl_takedown:Signed", "site": site}
    stages = {"crawl": {"source": source, "words": ["a"], "retries": 0, **crawl}, "catalog": None}
    return run_local(make_plan(PipelineConfig(run=str(folder / "run"), stages=stages)))


def _list(folder: Path, site: str) -> Path:
    path = folder / "list.txt"
    path.write_text(
        f"{site}/listed.gif\n{site}/page/paged.gif\nauthor: ann\nkey: {sticker_key(make_picture(3))}\nhost: x.example\n"
    )
    return path


def _kept(run: Run) -> set[str]:
    return {row["url"].rpartition("/")[2] for row in run.read_part("crawl", *run_partitions(run)).to_dicts()}


def run_partitions(run: Run) -> list[int]:
    return [record.partition for record in run.records("crawl") if record.partition is not None]


def test_what_is_on_the_list_is_not_asked_for_and_not_kept(tmp_path) -> None:
    with _site() as site:
        run = _run(tmp_path, site.url, takedown=str(_list(tmp_path, site.url)))
    assert _kept(run) == {"free.gif"}
    rejects = run.read_rejects("crawl", *run_partitions(run)).to_dicts()
    assert {
        row["url"].rpartition("/")[2]: row["detail"].split()[0] for row in rejects if row["reason"] == "taken_down"
    } == {
        "listed.gif": "address",
        "moved.gif": "address",
        "by_ann.gif": "author",
        "bytes.gif": "key",
        "paged.gif": "address",
    }
    assert "/listed.gif" not in {path for _, path in site.asked}
    tar = b"".join(path.read_bytes() for path in (tmp_path / "run" / "crawl").glob("*.tar"))
    assert make_picture(0) in tar and make_picture(3) not in tar


def test_a_list_that_comes_later_removes_and_one_that_is_lifted_restores_without_asking_for_the_rest(tmp_path) -> None:
    with _site() as site:
        first = _kept(_run(tmp_path, site.url))
        since = len(site.asked)
        path = _list(tmp_path, site.url)
        assert _kept(_run(tmp_path, site.url, takedown=str(path))) == {"free.gif"}
        assert {asked for _, asked in site.asked[since:]} <= {*RULE_FILES, "/moved.gif"}
        path.write_text("host: x.example\n")
        assert _kept(_run(tmp_path, site.url, takedown=str(path))) == first
    assert first == {"free.gif", "listed.gif", "by_ann.gif", "bytes.gif", "paged.gif"}


def test_what_was_never_asked_for_is_asked_for_once_its_list_is_lifted(tmp_path) -> None:
    with _site() as site:
        path = _list(tmp_path, site.url)
        assert _kept(_run(tmp_path, site.url, takedown=str(path))) == {"free.gif"}
        assert "listed.gif" in _kept(_run(tmp_path, site.url))


@pytest.fixture
def run(tmp_path) -> Run:
    with _site() as site:
        return _run(tmp_path, site.url, takedown=str(_list(tmp_path, site.url)))


def test_the_ledger_has_a_row_per_sticker_with_signal_place_text_time_and_terms(run) -> None:
    ledger = rights_ledger(run)
    rows = {row["url"].rpartition("/")[2]: row for row in ledger.iter_rows(named=True)}
    free, reserved = rows["free.gif"], rows["reserved.gif"]
    assert free["statements"] == ["header: Content-Usage: train-ai=y"]
    assert (free["outcome"], free["licence"], free["author"], free["attribution"]) == (
        "kept",
        "CC BY 4.0",
        "Bob",
        "by Bob",
    )
    assert free["host"].startswith("127.0.0.1:") and free["robots_txt"] == "absent"
    assert (reserved["outcome"], reserved["statements"]) == ("noai", ["header: X-Robots-Tag: noai"])
    for row in (free, reserved):
        assert row["read_at"].endswith("+00:00")
    assert rows["listed.gif"]["outcome"] == "taken_down"


def test_the_sum_counts_by_host_and_licence(run) -> None:
    groups = {group.licence: group for group in rights_by_host(rights_ledger(run))}
    assert (groups["CC BY 4.0"].num_kept, dict(groups["CC BY 4.0"].reasons)) == (1, {})
    assert dict(groups[""].reasons) == {"taken_down": 5, "noai": 1}
    assert sum(group.num_kept for group in groups.values()) == 1


def test_a_sticker_found_for_several_words_counts_once() -> None:
    row = {"url": "http://a.example/1.gif", "host": "a.example", "outcome": "kept", "licence": None, "statements": []}
    [group] = rights_by_host(pl.DataFrame([row, row]))
    assert (group.host, group.licence, group.num_kept) == ("a.example", "", 1)


def test_what_is_not_asked_for_again_keeps_its_date(tmp_path) -> None:
    with _site() as site:
        run = _run(tmp_path, site.url)
        [dates] = (tmp_path / "run" / "crawl").glob("read-*.jsonl")
        entries = [
            {**json.loads(line), "read_at": "2019-01-01T00:00:00+00:00"} for line in dates.read_text().splitlines()
        ]
        dates.write_text("".join(f"{json.dumps(entry)}\n" for entry in entries))
        run = _run(tmp_path, site.url, takedown=str(_list(tmp_path, site.url)))
    [free] = [row for row in rights_ledger(run).iter_rows(named=True) if row["outcome"] == "kept"]
    assert free["read_at"].startswith("2019")


def test_the_command_prints_a_table_json_and_the_rows(run, tmp_path) -> None:
    url = run.store.url
    assert "CC BY 4.0" in CliRunner().invoke(app, ["rights", url]).output
    told = json.loads(CliRunner().invoke(app, ["rights", url, "--json"]).output)
    assert {(entry["licence"], entry["num_kept"]) for entry in told} == {("CC BY 4.0", 1), ("", 0)}
    for name, read in (("a.parquet", pl.read_parquet), ("a.csv", pl.read_csv), ("a.jsonl", pl.read_ndjson)):
        CliRunner().invoke(app, ["rights", url, "--rows", str(tmp_path / name)])
        assert read(tmp_path / name).height == rights_ledger(run).height
    wrong = CliRunner().invoke(app, ["rights", url, "--rows", "a.xml"])
    assert "ends in .parquet, .csv, .jsonl" in str(wrong.exception)
