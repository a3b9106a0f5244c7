"""Charts as SVG, read back as XML."""

import re
from xml.etree import ElementTree

import pytest

from vsd2m.pages.charts import bar_chart, column_chart, funnel_chart, limit_histogram
from vsd2m.pages.svg import COLOURS, chart

SVG = "{http://www.w3.org/2000/svg}"
STAGES = [
    {"stage": "probe", "num_read": 9, "num_kept": 5, "num_dropped": 3, "num_failed": 1},
    {"stage": "filter", "num_read": 5, "num_kept": 5, "num_dropped": 0, "num_failed": 0},
]


def tips(svg: str) -> list[str]:
    return [title.text for title in ElementTree.fromstring(svg).iter(f"{SVG}title")]


def texts(svg: str) -> list[str]:
    return [text.text for text in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def boxes(svg: str) -> dict[str, tuple[float, float, float, float]]:
    """Tip -> left, top, width and height of the bar that it belongs to."""
    found = {}
    for group in ElementTree.fromstring(svg).iter(f"{SVG}g"):
        title, path = group.find(f"{SVG}title"), group.find(f"{SVG}path")
        if title is not None and path is not None:
            numbers = list(map(float, re.findall(r"-?[\d.]+", path.get("d"))))
            x, y = numbers[::2], numbers[1::2]
            found[title.text] = (min(x), min(y), max(x) - min(x), max(y) - min(y))
    return found


@pytest.mark.parametrize(
    "svg",
    [
        bar_chart({"a & b": 3, "<c>": 0, "晚安": 1}, label="<words> & 词"),
        bar_chart({}, label="none"),
        column_chart([("1", 5), ("2", 0), (">2", 7)], label="frames"),
        column_chart([], label="none"),
        funnel_chart(STAGES, label="stages"),
        funnel_chart([], label="none"),
    ],
)
def test_charts_are_well_formed_and_named_and_have_no_colours_but_those_of_the_style_sheet(svg):
    root = ElementTree.fromstring(svg)
    assert root.get("role") == "img" and root.get("aria-label")
    assert not re.search(r"#[0-9a-f]{6}", re.sub(r"url\(#\w+\)", "", svg))
    assert "nan" not in svg and "<!--" not in svg


def test_the_same_data_gives_the_same_bytes_whatever_the_user_has_set_in_matplotlib():
    import matplotlib as mpl

    first = bar_chart({"one": 2, "two": 1}, label="bars")
    with mpl.rc_context({"font.size": 30, "axes.grid": True, "svg.hashsalt": "another", "axes.facecolor": "red"}):
        assert bar_chart({"one": 2, "two": 1}, label="bars") == first
        assert mpl.rcParams["font.size"] == 30  # and what is set stays set


def test_bars_are_as_long_as_their_counts_from_top_to_bottom():
    drawn = boxes(bar_chart({"twelve": 12, "six": 6, "three": 3}, label="bars"))
    assert list(drawn) == ["twelve: 12", "six: 6", "three: 3"]
    widths = [width for _, _, width, _ in drawn.values()]
    assert [width / widths[0] for width in widths] == pytest.approx([1, 0.5, 0.25], abs=1e-3)
    tops = [top for _, top, _, _ in drawn.values()]
    assert tops == sorted(tops)
    assert {left for left, *_ in drawn.values()} == {drawn["six: 6"][0]}


def test_columns_are_as_high_as_their_counts():
    drawn = boxes(column_chart([("1", 8), ("2", 2)], label="frames"))
    assert drawn["1: 8"][3] == pytest.approx(4 * drawn["2: 2"][3], rel=1e-3)
    assert "frames" in texts(column_chart([("1", 8)], label="frames"))


def test_what_a_stage_kept_dropped_and_failed_on_is_as_long_as_what_it_read():
    drawn = boxes(funnel_chart(STAGES, label="stages"))
    widths = {tip: width for tip, (_, _, width, _) in drawn.items()}
    probe = widths["probe: 5 kept"] + widths["probe: 3 dropped"] + widths["probe: 1 failed"]
    assert probe == pytest.approx(widths["filter: 5 kept"] * 9 / 5, rel=1e-3)
    assert {"−4", "5"} <= set(texts(funnel_chart(STAGES, label="stages")))


def test_dropped_follows_kept_and_failed_follows_dropped():
    drawn = boxes(funnel_chart(STAGES, label="stages"))
    kept, dropped, failed = (drawn[f"probe: {tip}"] for tip in ("5 kept", "3 dropped", "1 failed"))
    assert dropped[0] == pytest.approx(kept[0] + kept[2], abs=0.01)
    assert failed[0] == pytest.approx(dropped[0] + dropped[2], abs=0.01)
    assert kept[0] == drawn["filter: 5 kept"][0]


def test_texts_are_texts_and_no_formulas():
    drawn = texts(bar_chart({"$x$ <b>": 1, "晚安": 2}, label="bars"))
    assert "$x$ <b>" in drawn and "晚安" in drawn


@pytest.mark.parametrize("values", [[5.0], [1.0, 1.0], [0.0, 1e9], [-3.0, 2.0, 2.5]])
def test_a_histogram_holds_every_value_and_its_limit(values):
    svg = limit_histogram(values, limit=2.0, passes=lambda value: value >= 2.0, label="entropy")
    assert sum(int(tip.rpartition(": ")[2]) for tip in tips(svg)) == len(values)
    assert "limit 2" in texts(svg)
    assert "nan" not in svg


def test_columns_of_a_histogram_have_the_colour_of_their_side_of_the_limit():
    svg = limit_histogram([0.5, 1.0, 9.0], limit=2.0, passes=lambda value: value <= 2.0, label="ratio")
    assert svg.count("fill: var(--kept)") == 2 and svg.count("fill: var(--dropped)") == 1


def test_a_standalone_chart_brings_its_colours_and_a_chart_of_a_page_does_not():
    for standalone in (True, False):
        with chart(40, "empty", standalone=standalone) as drawn:
            drawn.axes(left=4, bottom=4).axhline(0, color=COLOURS["ink"])
        assert ("prefers-color-scheme: dark" in drawn.svg) == standalone
