import base64
import re
import sys
from pathlib import Path

import pytest
from filter_run import finished_run, pictures

from vsd2m.core.errors import StageError, StorageError
from vsd2m.core.keys import sticker_key
from vsd2m.core.run import Run
from vsd2m.filter import rejects_page, report
from vsd2m.filter.rule import Check
from vsd2m.pages.contact_sheet import Sample, contact_sheet
from vsd2m.pages.histogram import histogram
from vsd2m.pages.html import number

FILES = pictures()


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Run:
    return finished_run(tmp_path_factory.mktemp("report") / "run")


def shown(page: str) -> set[bytes]:
    return {base64.b64decode(data) for data in re.findall(r"base64,([A-Za-z0-9+/=]+)", page)}


def test_the_report_has_every_limit_of_every_rule_with_its_pictures_inside(run, tmp_path):
    page = report.write_report(run, tmp_path / "report.html").read_text()
    assert re.findall(r"<h2>(.*?)</h2>", page) == ["filter: size", "filter: aspect_ratio", "filter: entropy"]
    assert page.count("<svg") == 3
    assert shown(page) == set(FILES[:15])
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")
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
    kept = found.nearest(kept=True, count=4)
    distances = [found.values[i] - found.check.limit for i in kept]
    assert distances == sorted(distances)
    assert distances[0] == min(v for v in found.values if found.check.passes(v)) - found.check.limit
    assert not set(kept) & set(found.nearest(kept=False, count=99))


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
    page = rejects_page.write_page(run, tmp_path / "rejects.html").read_text()
    sections = re.findall(r"<h2>(.*?)</h2>", page)
    assert sections == [
        "pictures: http_error", "probe: not_an_image", "probe: truncated", "filter: aspect_ratio_too_high",
        "filter: entropy_too_low", "near_duplicates: near_duplicate",
    ]  # fmt: skip
    assert "6 rejects" in page
    assert {FILES[12], FILES[13], FILES[14], FILES[15]} <= shown(page)
    assert FILES[0] in shown(page)  # what was kept for the near duplicate stands beside it
    assert FILES[16] not in shown(page)
    assert "alert(1)" not in page
    assert "memory://&lt;gone&gt;" in page


def test_pages_are_the_same_each_time(run, tmp_path):
    for write in (report.write_report, rejects_page.write_page):
        assert write(run, tmp_path / "a.html").read_bytes() == write(run, tmp_path / "b.html").read_bytes()


def test_a_picture_that_cannot_be_shown_is_named(run):
    gone = {"media_tar": "pictures/gone.bin", "media_offset": 0, "num_bytes": 10}
    large = {**gone, "num_bytes": 9_000_000}
    sheet = contact_sheet(run, [Sample("a", gone, []), Sample("b", large, []), Sample(None, None, ["<b>"])])
    assert [word in sheet for word in ("not readable", "8789 KiB", "no bytes", "&lt;b&gt;")] == [True] * 4


@pytest.mark.parametrize("values", [[5.0], [1.0, 1.0], [0.0, 1e9], [-3.0, 2.0, 2.5]])
def test_a_histogram_holds_every_value_and_its_limit(values):
    check = Check("entropy", lambda row: row["entropy"], 2.0, "min", "entropy_too_low")
    drawn = histogram(values, limit=check.limit, passes=check.passes)
    assert sum(int(count) for count in re.findall(r": (\d+)</title>", drawn)) == len(values)
    assert "limit 2" in drawn
    assert "nan" not in drawn


def test_numbers_are_short_but_counts_are_whole():
    assert [number(v) for v in (3.0, 1234567.0, 0.123456, 1e-7, 2.5)] == ["3", "1,234,567", "0.1235", "1e-07", "2.5"]


def test_a_page_appears_whole_or_not_at_all(tmp_path: Path):
    assert report.write_text(tmp_path / "new" / "page.html", "text").read_text() == "text"
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["page.html"]
