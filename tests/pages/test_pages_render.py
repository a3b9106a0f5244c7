"""The templates, and how their stickers move in a real Chromium."""

import jinja2
import numpy as np
import pytest

from vsd2m.media.clip import Clip
from vsd2m.pages.contact_sheet import SheetPicture
from vsd2m.pages.numbers import bytes_text, number
from vsd2m.pages.previews import make_preview
from vsd2m.pages.render import render

STATS = {
    "title": "Tiny <stickers>",
    "description": "<script>alert(1)</script>",
    "tiles": [("9", "stickers")],
    "funnel": "",
    "reasons": [("probe: <truncated>", "3")],
    "words": [("cat & dog", 4, 1.2)],
    "charts": [],
    "quantiles": [],
    "splits": [],
    "shards": [],
}
DISPLAYED = "return ['moving', 'still'].filter((name) => document.querySelector('.' + name).checkVisibility())"


@pytest.fixture
def page(tmp_path):
    frames = np.full((2, 20, 20, 4), 255, np.uint8)
    frames[1, :10] = (200, 0, 0, 255)
    preview = make_preview(Clip(frames, np.array([100, 100], np.int32), 0, "gif"), max_bytes=9999)
    pictures = [
        SheetPicture("a blinking square", ["a note"], "ab" * 16, ["tag"], preview),
        SheetPicture("b", [], missing="no bytes"),
    ]
    (tmp_path / "page.html").write_text(render("statistics.html", **STATS, pictures=pictures), encoding="utf-8")
    return tmp_path / "page.html"


def test_values_are_escaped(page):
    text = page.read_text()
    assert "<script" not in text and "&lt;script&gt;" in text
    assert "Tiny &lt;stickers&gt;" in text and "probe: &lt;truncated&gt;" in text and "cat &amp; dog" in text


def test_a_name_that_a_template_lacks_is_an_error():
    with pytest.raises(jinja2.UndefinedError, match="description"):
        render("statistics.html", title="no more than a title")


def test_stickers_move_until_they_are_paused(open_page, page):
    browser = open_page(page)
    assert browser.execute_script(DISPLAYED) == ["moving"]
    browser.execute_script("document.getElementById('pause').click()")
    assert browser.execute_script(DISPLAYED) == ["still"]
    browser.execute_script("document.getElementById('pause').click()")
    assert browser.execute_script(DISPLAYED) == ["moving"]


def test_who_prefers_reduced_motion_sees_stills_until_asking_for_more(open_page, page):
    browser = open_page(page, motion="reduce")
    assert browser.execute_script(DISPLAYED) == ["still"]
    assert browser.execute_script("return document.getElementById('pause').checkVisibility()") is False
    browser.execute_script("document.getElementById('play').click()")
    assert browser.execute_script(DISPLAYED) == ["moving"]


def test_pausing_works_by_keyboard(open_page, page):
    from selenium.webdriver.common.keys import Keys

    browser = open_page(page)
    browser.switch_to.active_element.send_keys(Keys.TAB)
    browser.switch_to.active_element.send_keys(Keys.SPACE)
    assert browser.execute_script(DISPLAYED) == ["still"]


def test_the_page_is_for_phones_and_dark_screens_too(check_page, page):
    check_page(page)


def test_numbers_are_short_but_counts_are_whole():
    assert [number(v) for v in (3.0, 1234567.0, 0.123456, 1e-7, 2.5)] == ["3", "1,234,567", "0.1235", "1e-07", "2.5"]
    assert [bytes_text(v) for v in (999, 1000, 2_500_000_000, 3 * 10**12)] == ["999 B", "1.0 kB", "2.5 GB", "3.0 TB"]
