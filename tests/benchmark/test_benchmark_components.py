"""Metrics and extractors by name: the package's own are documented, and anybody's own are used without a change to it."""

import re
from pathlib import Path

import pytest
from benchmark_builders import write_outputs, write_shards
from pydantic import ValidationError

from vsd2m.benchmark.config import BenchmarkConfig
from vsd2m.benchmark.distances.feature_distances import DistanceMetric
from vsd2m.benchmark.extractors import EXTRACTORS, extractor_class
from vsd2m.benchmark.metric import Weights
from vsd2m.benchmark.metrics import METRICS, metric_class
from vsd2m.benchmark.results import REAL
from vsd2m.benchmark.runner import run_benchmark
from vsd2m.benchmark.suite.test_sets import splits_of
from vsd2m.core.errors import ConfigError

DOCS = Path(__file__).parents[2] / "docs" / "metrics.md"

OWN = """
import numpy as np

from vsd2m.benchmark.distances.feature_distances import FrechetMetric
from vsd2m.benchmark.extractors.base import Extractor
from vsd2m.benchmark.metric import ClipMetric


class Redness(ClipMetric):
    name = "redness"
    better = "neither"

    def protocol(self):
        return {"frames": "all"}

    def measure(self, clip):
        return float(clip.frames[..., 0].mean())


class MeanColour(Extractor):
    num_features = 3

    def setup(self):
        pass

    def protocol(self):
        return {"extractor": "mean colour"}

    def features(self, clip):
        return clip.frames.mean(axis=(0, 1, 2)).astype(np.float32)


class ColourDistance(FrechetMetric):
    name = "colour_distance"
    extractor_name = "own_benchmark_parts:MeanColour"
"""


@pytest.fixture
def own_parts(tmp_path, monkeypatch):
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "own_benchmark_parts.py").write_text(OWN)
    monkeypatch.syspath_prepend(str(tmp_path / "package"))


def test_a_metric_and_an_extractor_of_ones_own_are_scored_in_a_run(own_parts, tmp_path):
    config = BenchmarkConfig(
        generated={"mine": str(write_outputs(tmp_path / "model", ["a", "b", "c"]))},
        shards=write_shards(tmp_path / "shards", num_stickers=8),
        size=24,
        metrics=("own_benchmark_parts:Redness", "own_benchmark_parts:ColourDistance", "motion_amount"),
    )
    scores = run_benchmark(config, str(tmp_path / "out")).scores
    for model in (REAL, "mine"):
        assert [score.metric for score in scores[model]] == ["redness", "colour_distance", "motion_amount"]
    redness, distance, _ = scores["mine"]
    assert 0 < redness.value < 255 and redness.num_clips == 3
    assert distance.value > 0 and distance.protocol["extractor"] == "mean colour"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("flickr", "metrics.*unknown metric 'flickr' .did you mean 'flicker'"),
        ("nowhere_at_all:Metric", "cannot import the metric 'nowhere_at_all:Metric'"),
        ("own_benchmark_parts:Blueness", "cannot import the metric"),
        ("own_benchmark_parts:MeanColour", "is not a metric: expected a subclass of vsd2m.benchmark.metric:Metric"),
    ],
)
def test_a_wrong_metric_is_refused_by_the_config(own_parts, name, message):
    with pytest.raises(ValidationError, match=f"(?s){message}"):
        BenchmarkConfig(generated={"m": "x"}, shards="s", metrics=(name,))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("i3", "unknown extractor 'i3' .did you mean 'i3d'"),
        ("own_benchmark_parts:Redness", "expected a subclass of vsd2m.benchmark.extractors.base:Extractor"),
    ],
)
def test_a_wrong_extractor_is_refused(own_parts, name, message):
    with pytest.raises(ConfigError, match=message):
        extractor_class(name)


def test_a_wrong_suite_is_refused_with_the_nearest_known_one():
    with pytest.raises(ConfigError, match="unknown suite 'vsdr' .did you mean 'vsd-r'"):
        splits_of("vsdr")


def test_every_registered_name_leads_to_its_class():
    for name in METRICS:
        assert metric_class(name).name == name
    used = {metric_class(name).extractor_name for name in METRICS if issubclass(metric_class(name), DistanceMetric)}
    assert used == set(EXTRACTORS)
    for name in EXTRACTORS:
        assert extractor_class(name)(Weights()).protocol()


@pytest.mark.parametrize(
    ("registry", "head"), [(METRICS, "| metric | question |"), (EXTRACTORS, "| extractor | features |")]
)
def test_every_registered_name_has_its_row_in_the_documentation(registry, head):
    rows = DOCS.read_text("utf-8").partition(head)[2].partition("\n\n")[0]
    assert sorted(re.findall(r"^\| `(\w+)` \|", rows, re.MULTILINE)) == sorted(registry)
