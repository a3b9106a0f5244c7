"""The files beside the shards."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import polars as pl
import pytest
import yaml
from small_run import WORDS, commit_split, hashes, make_gif, make_rows, make_run, write_shards

from vsd2m.core.keys import sticker_key
from vsd2m.pages.previews import MAX_PAGE_BYTES
from vsd2m.shard.publishing.figures import figures, quantiles
from vsd2m.shard.publishing.statistics import StatisticsConfig, StatisticsStage
from vsd2m.shard.split import SplitConfig
from vsd2m.shard.verify import verify


def write_statistics(run, **config) -> StatisticsStage:
    stage = StatisticsStage(StatisticsConfig(**config))
    stage.write_partition(run, 0)
    return stage


@pytest.fixture(scope="module")
def described(tmp_path_factory, rows):
    """A packed run of its own with statistics beside the shards."""
    run = make_run(tmp_path_factory.mktemp("described"), rows)
    write_shards(run)
    write_statistics(run, title="Tiny <stickers>", creator="Nobody", licence="CC0-1.0", url="https://example.org/set")
    return run


@pytest.fixture(scope="module")
def folder(described) -> Path:
    return Path(described.store.path("shards"))


@pytest.fixture(scope="module")
def stats(folder) -> dict:
    return json.loads((folder / "_stats.json").read_text())


def test_the_figures_agree_with_counting_by_hand(stats, rows):
    assert stats["num_stickers"] == len(rows)
    assert stats["num_bytes"] == sum(len(row["media"]) for row in rows)
    assert stats["num_frames"] == {str(n): sum(row["num_frames"] == n for row in rows) for n in range(1, 12)}
    words = {word: sum(word in row["trigger_words"] for row in rows) for word in WORDS}
    assert stats["trigger_words"]["top"] == {word: count for word, count in words.items() if count}
    top = list(stats["trigger_words"]["top"].values())
    assert top == sorted(top, reverse=True)
    assert stats["domains"]["cartoon"] == sum(row["domain"] == "cartoon" for row in rows)
    assert stats["domains"]["none"] == sum(row["domain"] is None for row in rows)
    assert stats["num_with_text"] == sum(row["ocr_num_characters"] > 0 for row in rows)
    assert stats["num_with_caption_zh"] == sum(row["caption_zh"] is not None for row in rows)
    assert stats["frequent_words"]["panda"] == len(rows)
    assert "the" not in stats["frequent_words"] and "of" not in stats["frequent_words"]
    assert stats["description_words"] == {"11-20": len(rows)}
    assert sum(shard["num_stickers"] for shard in stats["shards"]) == len(rows)


def test_the_funnel_lists_every_stage_with_what_it_dropped(tmp_path):
    rows = make_rows(30)
    for row in rows[:12]:
        row["duplicate_group"], row["domain"] = "same", "real"
    run = make_run(tmp_path, rows, split=SplitConfig(max_test_share=0.5))
    write_shards(run)
    write_statistics(run)
    stats = json.loads((tmp_path / "shards" / "_stats.json").read_text())
    assert [stage["stage"] for stage in stats["funnel"]] == ["catalog", "probe", "near", "annotate", "split"]
    split = stats["funnel"][-1]
    assert split["reasons"] == {"near_duplicate_of_test": split["num_dropped"]}
    assert 0 < split["num_dropped"] == 30 - stats["num_stickers"]


def test_the_files_are_the_same_at_every_rebuild(described, folder, tmp_path, rows):
    again = make_run(tmp_path, rows[::-1], partition_size=9)
    write_shards(again)
    write_statistics(again, title="Tiny <stickers>", creator="Nobody", licence="CC0-1.0", url="https://example.org/set")
    assert hashes(tmp_path / "shards") == hashes(folder)
    assert (tmp_path / "stats.html").read_bytes() == (folder.parent / "stats.html").read_bytes()


def test_the_shards_still_verify_and_a_wrong_count_is_found(folder, tmp_path):
    import shutil

    assert verify(str(folder)) == []
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    stats = json.loads((copy / "_stats.json").read_text())
    stats["shards"][0]["num_stickers"] += 1
    (copy / "_stats.json").write_text(json.dumps(stats))
    assert "stickers in vsd2m-train-000000" in "\n".join(map(str, verify(str(copy))))


def test_shards_of_an_earlier_larger_plan_are_removed(tmp_path):
    run = make_run(tmp_path, make_rows(30), split=SplitConfig(stickers_per_shard=4))
    write_shards(run)
    commit_split(run, SplitConfig(stickers_per_shard=100, max_test_share=0))
    for path in (tmp_path / "pack").iterdir():
        path.unlink()
    write_shards(run)
    write_statistics(run)
    assert sorted(path.name for path in (tmp_path / "shards").glob("vsd2m-*")) == [
        "vsd2m-train-000000.parquet",
        "vsd2m-train-000000.tar",
        "vsd2m-train-000000.tar.idx",
    ]


def test_the_digest_follows_columns_counts_and_shards(tmp_path):
    digests = set()
    for number, change in enumerate([{}, {"caption": "Another."}, {"trigger_words": ["new"]}]):
        rows = make_rows(20)
        rows[3] = {**rows[3], **change}
        run = make_run(tmp_path / str(number), rows)
        write_shards(run)
        digests.add(StatisticsStage(StatisticsConfig()).input_digest(run, 0))
    assert len(digests) == 3


class _Page(HTMLParser):
    """Collects what a page refers to, and checks that its tags are closed."""

    def __init__(self) -> None:
        super().__init__()
        self.sources: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.sources += [value for name, value in attrs if name in ("src", "href")]
        if tag not in ("meta", "img", "input", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_is_whole_and_needs_nothing_from_elsewhere(folder):
    text = (folder.parent / "stats.html").read_text()
    page = _Page()
    page.feed(text)
    assert page.open == []
    assert len(page.sources) == 2 * 24  # moving, and still
    assert all(source.startswith("data:image/webp;base64,") for source in page.sources)
    assert "<script" not in text and "http" not in re.sub(r"http://www.w3.org\S+", "", text)
    assert "Tiny &lt;stickers&gt;" in text
    assert "prefers-color-scheme: dark" in text
    assert not re.search(r"\$[a-z]", text)


def test_the_page_is_for_phones_and_dark_screens_too(described, check_page):
    check_page(Path(described.store.path("stats.html")))


def test_a_page_of_the_most_stickers_that_a_sheet_may_have_stays_small(tmp_path, check_page):
    run = make_run(tmp_path, make_rows(240))
    write_shards(run)
    write_statistics(run, num_pictures=200)
    page = tmp_path / "stats.html"
    assert page.read_text().count('<img class="moving"') == 200
    check_page(page)


def test_stickers_that_no_encoder_makes_small_share_the_room_of_the_page(tmp_path):
    rows = make_rows(60)
    for number, row in enumerate(rows):
        row["media"] = make_gif(8, seed=number, size=(70, 70))
        row["key"], row["num_frames"] = sticker_key(row["media"]), 8
    run = make_run(tmp_path, [{**row, "num_bytes": len(row["media"])} for row in rows])
    write_shards(run)
    write_statistics(run, num_pictures=60)
    previews = re.findall(r'="(data:image/webp[^"]*)"', (tmp_path / "stats.html").read_text())
    assert len(previews) == 2 * 60
    assert sum(map(len, previews)) <= MAX_PAGE_BYTES


def test_quantiles_are_values_that_occur():
    assert quantiles(pl.Series([5, 1, 9, None])) == {
        "min": 1.0,
        "p05": 1.0,
        "p25": 5.0,
        "median": 5.0,
        "p75": 9.0,
        "p95": 9.0,
        "max": 9.0,
    }
    assert quantiles(pl.Series([], dtype=pl.Int64)) is None


def test_a_run_without_annotations_still_has_figures():
    table = pl.DataFrame({"key": ["a"], "split": ["train"], "shard": ["s"], "num_bytes": [7]})
    assert figures(table)["num_stickers"] == 1
    assert "domains" not in figures(table)


def test_the_card_has_front_matter_that_the_hub_reads(folder):
    text = (folder / "README.md").read_text()
    _, front, body = text.split("---\n", 2)
    matter = yaml.safe_load(front)
    assert matter["configs"][0]["data_files"][0] == {"split": "train", "path": "vsd2m-train-*.tar"}
    assert matter["license"] == "CC0-1.0"
    assert matter["language"] == ["en", "zh"]
    assert "vsd2m.load(" in body and "{" not in body.replace("{000000..000000}", "")


def test_hugging_face_loads_the_folder_by_its_card(folder, rows, tmp_path):
    datasets = pytest.importorskip("datasets")
    stream = datasets.load_dataset(str(folder), split="train", streaming=True, cache_dir=str(tmp_path))
    found = {sample["__key__"]: sample for sample in stream}
    by_key = {row["key"]: row for row in rows}
    assert found
    for key, sample in found.items():
        assert sample["media"] == by_key[key]["media"]
        assert sample["json"]["durations_ms"] == by_key[key]["durations_ms"]


# rdflib, which mlcroissant parses with, deprecates its own class.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_croissant_validates_and_reads_rows_and_bytes(folder, rows):
    croissant = pytest.importorskip("mlcroissant")
    dataset = croissant.Dataset(str(folder / "croissant.json"))
    by_key = {row["key"]: row for row in rows}
    found = list(dataset.records("stickers"))
    assert len(found) == len(rows)
    for record in found:
        row = by_key[record["stickers/key"].decode()]
        assert record["stickers/caption"].decode() == row["caption"]
        assert record["stickers/num_frames"] == row["num_frames"]


def test_energon_metadata_counts_every_shard(folder, stats):
    info = yaml.safe_load((folder / ".nv-meta" / ".info.yaml").read_text())
    assert info == json.loads((folder / ".nv-meta" / ".info.json").read_text())
    assert info["shard_counts"] == {f"{shard['name']}.tar": shard["num_stickers"] for shard in stats["shards"]}
    split = yaml.safe_load((folder / ".nv-meta" / "split.yaml").read_text())
    assert sorted(split["split_parts"]) == ["train", "vsd_c", "vsd_r"]
    assert sorted(name for names in split["split_parts"].values() for name in names) == sorted(info["shard_counts"])
