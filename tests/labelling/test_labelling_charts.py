import math
import re
from xml.etree import ElementTree

import pytest

from vsd2m.labelling.preference.results.charts import radar, share_chart, strength_chart
from vsd2m.labelling.statistics.estimate import Estimate

SVG = "{http://www.w3.org/2000/svg}"
ESTIMATES = [Estimate(0.6, 0.5, 0.7), Estimate(0.3, 0.2, 0.4), Estimate(0.1, 0.0, 0.2)]
NAMES = ["sti", "<i2v & co>", "真实"]


def numbers(path) -> list[tuple[float, float]]:
    values = list(map(float, re.findall(r"-?[\d.]+", path.get("d"))))
    return list(zip(values[::2], values[1::2], strict=True))


def named(root) -> dict[str, ElementTree.Element]:
    """Tip -> the group that has it."""
    groups = root.iter(f"{SVG}g")
    return {group.find(f"{SVG}title").text: group for group in groups if group.find(f"{SVG}title") is not None}


def whiskers(root) -> list[tuple[float, float]]:
    """Left and right end of every horizontal line in the colour of texts."""
    lines = [
        path for path in root.iter(f"{SVG}path") if "stroke: var(--ink); stroke-width: 1.3" in path.get("style", "")
    ]
    return [(numbers(line)[0][0], numbers(line)[-1][0]) for line in lines]


def test_bars_are_as_long_as_their_shares_and_whiskers_end_where_intervals_end():
    root = ElementTree.fromstring(share_chart(NAMES, ESTIMATES, reference=1 / 3, reference_name="by chance"))
    bars = [numbers(group.find(f"{SVG}path")) for group in named(root).values()]
    left = min(x for x, _ in bars[0])
    widths = [max(x for x, _ in bar) - left for bar in bars]
    assert [width / widths[0] for width in widths] == pytest.approx([1, 0.5, 1 / 6], abs=2e-3)
    scale = widths[0] / 0.6
    expected = [(left + scale * e.low, left + scale * e.high) for e in ESTIMATES]
    assert whiskers(root) == [pytest.approx(ends, abs=0.1) for ends in expected]
    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert [name for name in NAMES if name in texts] == NAMES and "by chance" in texts and "60.0%" in texts


def test_dots_stand_between_the_ends_of_their_whiskers():
    root = ElementTree.fromstring(strength_chart(NAMES, ESTIMATES, reference=0.0, reference_name="average"))
    dots = [float(group.find(f".//{SVG}use").get("x")) for group in named(root).values()]
    assert list(named(root)) == [
        "sti: +0.60 [+0.50, +0.70]", "<i2v & co>: +0.30 [+0.20, +0.40]", "真实: +0.10 [+0.00, +0.20]",
    ]  # fmt: skip
    for dot, (low, high) in zip(dots, whiskers(root), strict=True):
        assert dot == pytest.approx((low + high) / 2, abs=0.2)


def test_the_radar_puts_each_mean_at_its_distance_and_leaves_out_what_nobody_rated():
    means = [[5, 1], [3, 1], [5, 1], [5, None], [1, 1]]
    root = ElementTree.fromstring(radar(list("abcde"), ["m", "n"], means, largest=5))
    outlines = {name: numbers(group.find(f"{SVG}path")) for name, group in named(root).items()}
    centre = outlines["n"][0]
    distances = [math.dist(point, centre) for point in outlines["m"]]
    assert [distance / distances[0] for distance in distances] == pytest.approx([1, 0.5, 1, 1, 0, 1], abs=2e-3)
    assert len(outlines["n"]) == 4 + 1  # and back to the first
    assert set("abcde") <= {text.text for text in root.iter(f"{SVG}text")}
