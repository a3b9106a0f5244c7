import math
import re
from xml.etree import ElementTree

import pytest

from vsd2m.labelling.charts import bars, dots, radar
from vsd2m.labelling.choices import Estimate

ESTIMATES = [Estimate(0.6, 0.5, 0.7), Estimate(0.3, 0.2, 0.4), Estimate(0.1, 0.0, 0.2)]
NAMES = ["sti", "<i2v & co>", "真实"]


def test_bars_are_as_long_as_their_shares():
    drawn = ElementTree.fromstring(bars(NAMES, ESTIMATES, reference=1 / 3, reference_name="by chance"))
    widths = [float(bar.get("width")) for bar in drawn.iter("rect")]
    assert [width / widths[0] for width in widths] == pytest.approx([1, 0.5, 1 / 6], abs=2e-3)
    assert [name for name in NAMES if name in [text.text for text in drawn.iter("text")]] == NAMES


def test_dots_stand_between_the_ends_of_their_whiskers():
    drawn = ElementTree.fromstring(dots(NAMES, ESTIMATES, reference=0.0, reference_name="average"))
    for dot, whisker in zip(drawn.iter("circle"), drawn.iter("path"), strict=True):
        low, high = (float(end) for end in re.match(r"M([\d.]+) \d+H([\d.]+)", whisker.get("d")).groups())
        assert float(dot.get("cx")) == pytest.approx((low + high) / 2, abs=0.2)


def test_the_radar_puts_each_mean_at_its_distance_and_leaves_out_what_nobody_rated():
    drawn = ElementTree.fromstring(
        radar(list("abcde"), ["m", "n"], [[5, 1], [3, 1], [5, 1], [5, None], [1, 1]], largest=5)
    )
    outlines = [shape for shape in drawn.iter("polygon") if "outline" in shape.get("class")]
    points = [[tuple(map(float, pair.split(","))) for pair in shape.get("points").split()] for shape in outlines]
    centre = points[1][0]
    distances = [math.dist(point, centre) for point in points[0]]
    assert [distance / distances[0] for distance in distances] == pytest.approx([1, 0.5, 1, 1, 0], abs=2e-3)
    assert len(points[1]) == 4
