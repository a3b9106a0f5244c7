"""The leaderboard in a real Chromium."""

import pytest

from vsd2m.benchmark.metric import Score
from vsd2m.benchmark.tables.curves import Curve
from vsd2m.benchmark.tables.leaderboard import leaderboard
from vsd2m.benchmark.tables.side_by_side import Examples, side_by_side
from vsd2m.benchmark.tables.table import Column, Number, Row, Table

ROWS = (
    Row("one", (Score("a", 10, 9, 11, 9, {}, "higher"), None)),
    Row("two", (Score("a", 9.99999, 8, 10, 9, {}, "higher"), Number(0.5))),
    Row("three", (Number(100), Number(0.25)), "paper"),
    Row("real stickers", (Score("a", *[float("nan")] * 3, 1, {}, "higher"), Number(1e-3)), "real"),
)
NAMES = "return [...document.querySelectorAll('tbody tr')].map((row) => row.children[0].dataset.value)"


@pytest.fixture
def opened(chromium, tmp_path):
    page = leaderboard(
        [Table("A table", "model", (Column("a", "higher"), Column("b", "lower")), ROWS)],
        Examples(("m",), (("x", (None,)),)),
    )
    (tmp_path / "page.html").write_text(page, encoding="utf-8")
    chromium.get((tmp_path / "page.html").as_uri())
    return chromium


def test_columns_sort_by_their_numbers_both_ways_and_what_has_none_stays_below(opened):
    def click(column):
        opened.execute_script("document.querySelectorAll('thead th')[arguments[0]].click()", column)
        return opened.execute_script(NAMES)

    assert click(1) == ["two", "one", "three (paper)", "real stickers"]
    assert click(1) == ["three (paper)", "one", "two", "real stickers"]
    assert click(2) == ["real stickers", "three (paper)", "two", "one"]
    assert click(0) == ["one", "real stickers", "three (paper)", "two"]
    assert opened.execute_script("return document.querySelectorAll('[aria-sort]').length") == 1


def test_the_page_loads_nothing_and_complains_of_nothing(opened):
    assert opened.execute_script("return performance.getEntriesByType('resource').length") == 0
    assert [entry for entry in opened.get_log("browser") if entry["level"] == "SEVERE"] == []


def test_the_page_is_for_phones_and_dark_screens_too(check_page, tmp_path):
    from benchmark_builders import write_outputs

    prompts = [f"a square, number {number}" for number in range(60)]
    folders = {name: write_outputs(tmp_path / name, prompts, first_seed=seed) for seed, name in enumerate("abcdefghi")}
    examples = side_by_side(folders, {}, count=60)
    scores = [curve(metric, series) for metric in ("fvd", "flicker") for series in ("sti", "frame")]
    columns = tuple(Column(f"metric {number}", "lower") for number in range(14))
    table = Table("A table", "model", columns, (Row("one", (Score("m", 10, 9, 11, 9, {}, "lower"),) * 14),))
    page = tmp_path / "page.html"
    page.write_text(leaderboard([table], examples, curves=scores), encoding="utf-8")
    assert page.read_text().count('<img class="moving"') == 9 * len(examples.rows) == 9 * 18
    check_page(page)


def curve(metric, series):
    points = [(step, Score(metric, 1000 / step, 900 / step, 1100 / step, 20, {}, "lower")) for step in (10, 20, 40)]
    return Curve(metric, series, tuple(points), None)
