import re
import sys
from pathlib import Path

import pytest
from filter_run import finished_run, pictures

from vsd2m.core.errors import StageError, StorageError
from vsd2m.core.keys import sticker_key
from vsd2m.core.run import Run
from vsd2m.filter import rejects_page, report
from vsd2m.pages.contact_sheet import Sample, sheet_pictures
from vsd2m.pages.previews import MAX_PAGE_BYTES
from vsd2m.pages.write import write_page

FILES = pictures()


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Run:
    return finished_run(tmp_path_factory.mktemp("report") / "run")


def drawn_keys(page: str) -> set[str]:
    """The first letters of the keys of all stickers that have a preview."""
    return set(re.findall(r'<img class="moving"[^>]* alt="sticker (\w{8})', page))


def short_keys(*places: int) -> set[str]:
    return {sticker_key(FILES[place])[:8] for place in places}


def test_the_report_has_every_limit_of_every_rule_with_its_pictures_inside(run, tmp_path):
    page = report.write_report(run, tmp_path / "report.html").read_text()
    assert re.findall(r"<h2>(.*?)</h2>", page) == ["filter: size", "filter: aspect_ratio", "filter: entropy"]
    assert page.count("<svg") == 3
    assert drawn_keys(page) == short_keys(*range(15))
    assert "http" not in re.sub(r"http://www.w3.org[\w/]+", "", page)
    assert "<script" not in page


def test_the_counts_at_other_limits_are_those_of_running_the_rule_again(run):
    for found in report.check_reports(run):
        assert len(found.values) == 15  # dropped stickers are counted too
        for limit in [*report.other_limits(found), 0.0, 1.0, 2.5, 100.0]:
            bound = found.check.kind == "max"
            expected = sum(value > limit if bound else value < limit for value in found.values)
            assert found.num_dropped(limit) == expected


def test_what_the_filter_dropped_is_what_its_limits_drop(run):
    dropped = {
        found.rows[i]["key"]
        for found in report.check_reports(run)
        for i, value in enumerate(found.values)
        if not found.check.passes(value)
    }
    rejects = {key for stage, part in run.all_rejects() if stage == "filter" for key in part["key"]}
    assert dropped == rejects == {sticker_key(FILES[13]), sticker_key(FILES[14])}


def test_samples_are_the_nearest_to_the_limit_on_their_side(run):
    found = next(f for f in report.check_reports(run) if f.rule == "entropy")
    kept = found.nearest(passing=True, count=4)
    distances = [found.values[i] - found.check.limit for i in kept]
    assert distances == sorted(distances)
    assert distances[0] == min(v for v in found.values if found.check.passes(v)) - found.check.limit
    assert not set(kept) & set(found.nearest(passing=False, count=99))


def test_no_model_module_is_loaded_for_a_report(run, tmp_path):
    before = set(sys.modules)
    report.write_report(run, tmp_path / "r.html")
    assert not {name.split(".")[0] for name in set(sys.modules) - before} & {"torch", "paddle", "transformers", "timm"}


def test_a_run_without_a_filter_has_nothing_to_report(tmp_path):
    with pytest.raises(StageError, match="no finished filter stage"):
        report.write_report(finished_run(tmp_path / "run", with_filter=False), tmp_path / "report.html")


def test_a_folder_is_no_place_for_a_report(run, tmp_path):
    with pytest.raises(StorageError, match=r"it is a folder; give the name of a file"):
        report.write_report(run, tmp_path)


def test_the_rejects_page_shows_every_stage_and_reason(run, tmp_path):
    page = rejects_page.write_rejects(run, tmp_path / "rejects.html").read_text()
    sections = re.findall(r"<h2>(.*?)</h2>", page)
    assert sections == [
        "pictures: http_error", "probe: not_an_image", "probe: truncated", "filter: aspect_ratio_too_high",
        "filter: entropy_too_low", "near_duplicates: near_duplicate",
    ]  # fmt: skip
    assert "6 rejects" in page
    # what was kept for the near duplicate, the first, stands beside it
    assert drawn_keys(page) == short_keys(0, 12, 13, 14)
    assert "cannot be decoded: truncated" in page and "cannot be decoded: not an image" in page
    assert "alert(1)" not in page
    assert "memory://&lt;gone&gt;" in page


def test_pages_are_the_same_each_time(run, tmp_path):
    for write in (report.write_report, rejects_page.write_rejects):
        assert write(run, tmp_path / "a.html").read_bytes() == write(run, tmp_path / "b.html").read_bytes()


def test_a_picture_that_cannot_be_drawn_is_named_with_the_reason(run):
    gone = {"media_tar": "pictures/gone.bin", "media_offset": 0, "num_bytes": 10}
    there = {"media_tar": "pictures/media.bin", "media_offset": 0, "num_bytes": len(FILES[0])}
    samples = [Sample("a", gone, []), Sample("b", there, []), Sample(None, None, ["<b>"])]
    pictures = sheet_pictures(run, samples, max_bytes=100)
    assert [picture.missing for picture in pictures] == ["not readable", "too large for this page", "no bytes"]
    assert [picture.alt for picture in pictures] == ["sticker a", "sticker b", "a sticker without bytes: <b>"]
    assert sheet_pictures(run, samples[1:2], max_bytes=48_000)[0].preview


@pytest.fixture(scope="module")
def large_run(tmp_path_factory) -> Run:
    """300 stickers of noise, which no encoder makes small, all rejected by one rule."""
    rules = {"size": {"min_side": 500}, "aspect_ratio": {"max_ratio": 3}}
    return finished_run(tmp_path_factory.mktemp("large") / "run", source="NoisyPictures", rules=rules)


def preview_bytes(page: str) -> list[int]:
    """Of every picture of a page, as it stands there."""
    return [len(url) for url in re.findall(r'="(data:image/webp[^"]*)"', page)]


def test_pages_of_many_stickers_stay_small_and_say_what_they_leave_out(large_run, tmp_path, check_page):
    rejects = rejects_page.write_rejects(large_run, tmp_path / "rejects.html")
    text = rejects.read_text()
    assert "300 stickers, 40 of them drawn" in text and "100 more" in text
    assert "160 further ones are in filter/rejects-*.parquet." in text
    assert len(drawn_keys(text)) == 40
    assert len(preview_bytes(text)) == 2 * 40 and sum(preview_bytes(text)) <= MAX_PAGE_BYTES
    check_page(rejects)
    filter_page = report.write_report(large_run, tmp_path / "filter.html")
    text = filter_page.read_text()
    assert len(drawn_keys(text)) == 20
    assert len(preview_bytes(text)) == 2 * 2 * 20 and sum(preview_bytes(text)) <= MAX_PAGE_BYTES
    check_page(filter_page)


def test_pages_of_a_small_run_are_for_phones_and_dark_screens_too(run, tmp_path, check_page):
    check_page(report.write_report(run, tmp_path / "filter.html"))
    check_page(rejects_page.write_rejects(run, tmp_path / "rejects.html"))


def test_many_reasons_share_the_pictures_of_a_page():
    rows = [{"key": str(number)} for number in range(50)]
    reasons = [rejects_page.Reason("stage", name, 50, rows, []) for name in "abcdefgh"]
    assert rejects_page._num_drawn(reasons[:2]) == 40
    assert rejects_page._num_drawn(reasons) == 20
    pairs = [rejects_page.Reason("stage", "near_duplicate", 50, rows, [])]
    assert rejects_page._num_drawn([*reasons[:6], *pairs]) == 20


def test_a_page_appears_whole_or_not_at_all(tmp_path: Path):
    assert write_page(tmp_path / "new" / "page.html", "text").read_text() == "text"
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["page.html"]
