import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest
from crawl_sites import Crawl, make_crawl, make_picture
from pydantic import ValidationError

from vsd2m.core.errors import ConfigError, CrawlError, StorageError
from vsd2m.core.keys import sticker_key
from vsd2m.crawl.columns import CRAWL_COLUMNS
from vsd2m.crawl.config import CrawlConfig
from vsd2m.gallery.site import GallerySite

REASONS = {
    "noai.gif": "noai",
    "robots_disallowed.gif": "robots_disallowed",
    "dead_link.gif": "http_error",
    "offsite_redirect.gif": "offsite_redirect",
    "html.gif": "not_an_image",
}


def test_every_sticker_found_ends_as_a_row_or_a_reject(crawled) -> None:
    found = [row["url"] for row in crawled.result.kept] + [reject["url"] for reject in crawled.result.rejects]
    assert len(found) == crawled.result.num_read == 30 + 8 + 1 + 2 + 1
    assert {url.rsplit("/", 1)[1] for url in found} == {
        json.loads(line)["file"] for line in (crawled.folder / "truth.jsonl").read_text().splitlines()
    }


def test_each_planted_misbehaviour_is_refused_for_its_own_reason(crawled) -> None:
    reasons = {reject["url"].rsplit("/", 1)[1]: reject["reason"] for reject in crawled.result.rejects}
    assert reasons == REASONS
    assert {reject["outcome"] for reject in crawled.result.rejects} == {"dropped"}


def test_refusals_carry_value_and_detail(crawled) -> None:
    rejects = {reject["reason"]: reject for reject in crawled.result.rejects}
    assert rejects["http_error"]["value"] == 404
    assert rejects["noai"]["detail"] == "header: X-Robots-Tag: noai, noimageai"
    assert rejects["robots_disallowed"]["detail"] == f"{crawled.site.url}/robots.txt"
    assert rejects["not_an_image"]["key"] == sticker_key((crawled.folder / "html.gif").read_bytes())
    assert rejects["not_an_image"]["detail"] == "Content-Type says image/gif"
    assert "elsewhere.invalid" in rejects["offsite_redirect"]["detail"]


def test_slow_redirected_and_misnamed_pictures_are_kept(crawled) -> None:
    kept = {row["url"].rsplit("/", 1)[1] for row in crawled.result.kept}
    assert {"slow.gif", "redirect.gif", "wrong_suffix.gif"} <= kept


def test_rows_lead_to_the_original_bytes(crawled) -> None:
    tar = crawled.crawl.tar()
    for row in crawled.result.kept:
        data = tar[row["media_offset"] : row["media_offset"] + row["num_bytes"]]
        assert data == (crawled.folder / row["url"].rsplit("/", 1)[1]).read_bytes()
        assert row["key"] == sticker_key(data)


def test_the_tar_is_plain_and_names_members_by_key_and_content(crawled) -> None:
    with tarfile.open(fileobj=io.BytesIO(crawled.crawl.tar())) as tar:
        members = tar.getmembers()
    kept = [row["key"] for row in crawled.result.kept]
    assert [member.name.split(".")[0] for member in members] == list(dict.fromkeys(kept))
    assert all(
        (member.mtime, member.uid, member.gid, member.uname, member.isreg()) == (0, 0, 0, "", True)
        for member in members
    )
    suffixes = {member.name.split(".")[0]: member.name.split(".")[1] for member in members}
    misnamed = sticker_key((crawled.folder / "wrong_suffix.gif").read_bytes())
    assert suffixes[misnamed] == "apng"
    assert suffixes[kept[0]] == "gif"


def test_identical_bytes_are_stored_once_and_are_a_row_for_each_find(crawled) -> None:
    key = sticker_key((crawled.folder / "both.gif").read_bytes())
    rows = [row for row in crawled.result.kept if row["key"] == key]
    assert [(row["trigger_word"], row["url"].rsplit("/", 1)[1]) for row in rows] == [
        ("hello", "both.gif"),
        ("bye", "both.gif"),
        ("bye", "again.gif"),
        ("早安", "both.gif"),
    ]
    assert len({row["media_offset"] for row in rows}) == 1


def test_rows_hold_what_the_page_states(crawled) -> None:
    row = next(row for row in crawled.result.kept if row["url"].endswith("/both.gif"))
    assert (row["title"], row["tags"], row["licence"], row["author"]) == ("Both", ["cat", "wave"], "CC0-1.0", "Ann")
    assert row["page_url"] == f"{crawled.site.url}/sticker/both.gif"
    assert row["source"] == "gallery"
    assert json.loads(row["robots"]) == {"robots_txt": "allowed", "statements": []}
    silent = next(row for row in crawled.result.kept if row["url"].endswith("/again.gif"))
    assert (silent["licence"], silent["author"], silent["tags"]) == ("", "", [])


def test_rows_have_the_columns_of_the_contract(crawled) -> None:
    assert set(crawled.result.kept[0]) == {"key", *crawled.crawl.stage.spec.writes}
    assert set(crawled.crawl.stage.spec.writes) == {column.name for column in CRAWL_COLUMNS}


def test_rows_come_in_the_order_of_words_and_of_results_over_all_pages(crawled) -> None:
    words = list(dict.fromkeys(row["trigger_word"] for row in crawled.result.kept))
    assert words == ["many", "hello", "bye", "早安"]
    many = [row["title"] for row in crawled.result.kept if row["trigger_word"] == "many"]
    assert many == [f"A < & many-{number:02d}.gif" for number in range(30)]


@pytest.mark.parametrize(("concurrency", "store"), [(1, "local"), (32, "memory")])
def test_a_second_crawl_is_byte_identical_however_many_requests_are_under_way(
    crawled, tmp_path, concurrency, store
) -> None:
    folder = tmp_path if store == "local" else f"memory://{tmp_path.name}"
    again = _same_crawl(crawled, folder, concurrency=concurrency)
    result = again.write()
    assert again.tar() == crawled.crawl.tar()
    assert result == crawled.result


def test_nothing_but_the_tar_the_facts_and_the_evidence_is_left_behind(crawled, capfd) -> None:
    left = ["facts-000000.jsonl", "hosts-000000.json", "media-000000.tar", "read-000000.jsonl", "sites"]
    assert crawled.crawl.run.store.list("crawl") == left
    assert capfd.readouterr() == ("", "")


def test_partitions_are_words_and_their_digests_follow_their_words_alone(crawled, tmp_path) -> None:
    def digests(*words: str) -> dict[int, str]:
        crawl = _same_crawl(crawled, tmp_path, words=words, words_per_partition=2)
        return {number: crawl.stage.input_digest(crawl.run, number) for number in crawl.stage.partitions(crawl.run)}

    first = digests("a", "b", "c")
    assert len(first) == 2
    with_a_word = digests("a", "b", "d", "c")
    assert sum(with_a_word.get(number) == digest for number, digest in first.items()) == 1
    assert digests("a", "b", "a ", "c") == first
    assert digests("c", "b", "a") != first


def test_adding_words_or_slowing_down_does_not_undo_finished_work() -> None:
    asked = {"source": "gallery"}
    plain = CrawlConfig(words=("a",), **asked).output_fields()
    assert CrawlConfig(words=("a", "b"), delay_s=3, concurrency=1, **asked).output_fields() == plain
    assert CrawlConfig(words=("a",), max_file_bytes=9, **asked).output_fields() != plain


def test_words_in_a_file_are_read_one_a_line(crawled, tmp_path) -> None:
    (tmp_path / "words.txt").write_text("\ufeffgood night\n\n 早安 \ngood night\n", encoding="utf-8")
    crawl = _same_crawl(crawled, tmp_path, words=None, words_file=str(tmp_path / "words.txt"))
    assert crawl.stage.words(crawl.run) == {0: ["good night", "早安"]}


def test_a_missing_or_empty_words_file_is_named(crawled, tmp_path) -> None:
    missing = _same_crawl(crawled, tmp_path, words=None, words_file=str(tmp_path / "none.txt"))
    with pytest.raises(StorageError, match=r"none\.txt: No such file"):
        missing.stage.num_partitions(missing.run)
    (tmp_path / "empty.txt").write_text("\n")
    empty = _same_crawl(crawled, tmp_path, words=None, words_file=str(tmp_path / "empty.txt"))
    with pytest.raises(ConfigError, match=r"no words in .*empty\.txt"):
        empty.stage.num_partitions(empty.run)


def test_all_words_are_asked_from_the_site_once_in_the_life_of_a_run(crawled, tmp_path) -> None:
    with GallerySite(crawled.folder) as site:
        url = site.url
        crawl = make_crawl(tmp_path, source="gallery", site=url, words="all")
        words = crawl.stage.words(crawl.run)
    assert words == {0: ["many", "hello", "bye", "早安"]}
    resumed = make_crawl(tmp_path, source="gallery", site=url, words="all")
    assert resumed.stage.words(resumed.run) == words


def test_no_more_stickers_than_asked_for_are_taken_for_a_word(crawled, tmp_path) -> None:
    crawl = _same_crawl(crawled, tmp_path, words=("many",), max_stickers_per_word=26)
    result = crawl.write()
    assert [row["url"] for row in result.kept] == [row["url"] for row in crawled.result.kept[:26]]


@pytest.mark.parametrize(
    ("limit", "reason", "num_kept", "value", "path"),
    [
        ({"max_stickers_per_word": 26}, "too_many_stickers", 26, 30, "/search?q=many&page=2"),
        ({"max_stickers_per_word": 24}, "too_many_stickers", 24, 24, "/search?q=many&page=2"),
        ({"max_stickers_per_word": 5}, "too_many_stickers", 5, 24, "/search?q=many"),
        ({"max_pages_per_word": 1}, "too_many_pages", 24, 2, "/search?q=many&page=2"),
    ],
)
def test_a_search_that_a_limit_cuts_short_is_a_reject(crawled, tmp_path, limit, reason, num_kept, value, path) -> None:
    result = _same_crawl(crawled, tmp_path, words=("many", "bye"), **limit).write()
    [reject] = result.rejects
    assert (reject["reason"], reject["value"], reject["limit"]) == (reason, value, *limit.values())
    assert reject["url"] == crawled.site.url + path
    assert reject["detail"].startswith("the results for 'many' go on after page ")
    assert len(result.kept) == num_kept + 2
    assert result.num_read == num_kept + 3


@pytest.mark.parametrize("limit", [{"max_stickers_per_word": 30}, {"max_pages_per_word": 2}])
def test_a_search_that_ends_at_its_limit_is_complete(crawled, tmp_path, limit) -> None:
    result = _same_crawl(crawled, tmp_path, words=("many",), **limit).write()
    assert (len(result.kept), result.rejects) == (30, [])


def test_an_unreachable_site_is_one_clear_line_and_leaves_no_tar(tmp_path) -> None:
    with GallerySite(_folder_with_one_picture(tmp_path)) as site:
        url = site.url
    crawl = make_crawl(tmp_path / "run", source="gallery", site=url, words=["hello"], retries=0)
    with pytest.raises(CrawlError) as caught:
        crawl.write()
    assert str(caught.value) == f"cannot reach {url}: connection refused; check the address, and that the site is up"
    assert "media-000000.tar" not in crawl.run.store.list("crawl")


@pytest.mark.parametrize(
    ("config", "complaint"),
    [
        ({"source": {"source": "gallery", "site": "127.0.0.1:8000"}}, "expected http://HOST"),
        ({"site": "http://127.0.0.1:8000"}, "an option of the source now"),
        ({"source": "galery"}, "did you mean 'gallery'"),
        ({"words": []}, "at least one word"),
        ({"words": ["a", " "]}, "no empty ones"),
        ({"words_file": "words.txt"}, "exactly one of"),
        ({"words": None}, "exactly one of"),
        ({"words_per_partition": 0}, "greater than or equal to 1"),
        ({"obey_robots": False}, "Extra inputs are not permitted"),
    ],
)
def test_impossible_configs_are_refused(config, complaint) -> None:
    good = {"source": "gallery", "words": ["a"]}
    CrawlConfig(**good)
    with pytest.raises(ValidationError, match=complaint):
        CrawlConfig(**{**good, **config})


@pytest.mark.parametrize("source", ["crawl_sites:NoSource", "no_such_module:Source"])
def test_a_source_that_is_not_there_is_named(tmp_path, source) -> None:
    with pytest.raises(ValidationError, match=f"cannot import the source '{source}'"):
        make_crawl(tmp_path, source=source, site="http://127.0.0.1:1", words=["a"])


def test_a_source_that_cannot_list_words_says_so(tmp_path) -> None:
    crawl = make_crawl(tmp_path, source="crawl_sites:ListSource", site="http://127.0.0.1:1", words="all")
    with pytest.raises(ConfigError, match="cannot list the words"):
        crawl.stage.num_partitions(crawl.run)


def test_a_stranger_is_visited_slowly_and_a_site_on_this_machine_is_not() -> None:
    far, near = (
        CrawlConfig(source={"source": "gallery", "site": site}, words=("a",), contact="me@lab.example").job(
            ("a",), Path("spool")
        )
        for site in ("https://stickers.example", "http://localhost:8000")
    )
    assert (far.delay_s, far.autothrottle) == (0.5, True)
    assert (near.delay_s, near.autothrottle) == (0.0, False)


def test_the_crawling_process_dies_with_a_killed_parent_and_a_new_crawl_cleans_up(tmp_path) -> None:
    folder = _folder_with_one_picture(tmp_path, planted="slow")
    with GallerySite(folder, slow_seconds=60) as site:
        parent = subprocess.Popen([sys.executable, "-c", _CRAWL, str(tmp_path / "run"), site.url])
        child = _wait_for(lambda: _children(parent.pid))[0]
        fork = _wait_for(lambda: _children(child))[0]
        spool = tmp_path / "run" / "crawl" / "spool-000000"
        _wait_for(lambda: (spool / "facts.jsonl").exists() and '"find"' in (spool / "facts.jsonl").read_text())
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        _wait_for(lambda: not _is_alive(child) and not _is_alive(fork))
        site.slow_seconds = 0
        crawl = make_crawl(tmp_path / "run", source="gallery", site=site.url, words=["hello"])
        assert spool.exists()
        assert len(crawl.write().kept) == 1
    assert not spool.exists()


def test_a_crawling_process_is_used_for_one_partition_after_the_other(crawled, tmp_path) -> None:
    first = _same_crawl(crawled, tmp_path / "first", words=("bye",)).write()
    children = _children(os.getpid(), named="vsd2m.crawl.scraping.child")
    assert children
    assert _same_crawl(crawled, tmp_path / "second", words=("bye",)).write() == first
    assert _children(os.getpid(), named="vsd2m.crawl.scraping.child") == children
    for child in children:
        os.kill(child, signal.SIGKILL)
    _wait_for(lambda: not any(map(_is_alive, children)))
    assert _same_crawl(crawled, tmp_path / "third", words=("bye",)).write() == first


_CRAWL = """
import sys
from vsd2m.core.run import Run, StageLayout
from vsd2m.core.storage import Store
from vsd2m.crawl.config import CrawlConfig
from vsd2m.crawl.stage import CrawlStage
stage = CrawlStage(CrawlConfig(source={"source": "gallery", "site": sys.argv[2]}, words=["hello"]))
stage.write_partition(Run(Store(sys.argv[1]), (StageLayout("crawl", "crawl", "file", stage.spec.writes),)), 0)
"""


def _same_crawl(crawled, folder: Path | str, **config: object) -> Crawl:
    asked = {**crawled.crawl.stage.config.model_dump(), **config}
    return make_crawl(folder, **asked)


def _folder_with_one_picture(folder: Path, planted: str | None = None) -> Path:
    folder = folder / "gallery"
    folder.mkdir()
    (folder / "hello.gif").write_bytes(make_picture(1))
    entry = {"file": "hello.gif", "trigger_words": ["hello"], "planted": planted}
    (folder / "truth.jsonl").write_text(json.dumps(entry))
    return folder


def _children(pid: int, *, named: str = "") -> list[int]:
    children = [int(text) for text in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return [child for child in children if named in Path(f"/proc/{child}/cmdline").read_text()]


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def _wait_for(condition, seconds: float = 30):
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, f"{condition} did not come true; pid {os.getpid()}"
        time.sleep(0.05)
    return value
