"""Metrics that write down what they are asked, for runs that are killed. Named `logged_metrics:...` in a config."""

import os
import time

import numpy as np

from vsd2m.benchmark.distances.feature_distances import FrechetMetric
from vsd2m.benchmark.extractors.base import Extractor
from vsd2m.benchmark.metric import ClipMetric, Metric, Score

LOG = "LOGGED_METRICS"
PAUSE = "LOGGED_METRICS_PAUSE"
NAN = "LOGGED_METRICS_NAN"


def log(line):
    time.sleep(float(os.environ.get(PAUSE, "0")))
    with open(os.environ[LOG], "a") as file:
        file.write(line + "\n")


def broken(clip):
    """nan for the clip that the environment names."""
    return float("nan") if clip.name == os.environ.get(NAN) else 0.0


class Brightness(ClipMetric):
    name = "brightness"
    better = "higher"

    def protocol(self):
        return {"frames": "all"}

    def measure(self, clip):
        log(f"brightness {clip.name}")
        return float(clip.frames.mean()) + broken(clip)


class Corners(Extractor):
    @property
    def num_features(self):
        return 3

    def setup(self):
        pass

    def protocol(self):
        return {"extractor": "mean colour"}

    def features(self, clip):
        log(f"corners {clip.name}")
        return clip.frames.mean(axis=(0, 1, 2)).astype(np.float32) + np.float32(broken(clip))


class CornerDistance(FrechetMetric):
    name = "corner_distance"
    extractor_name = "logged_metrics:Corners"

    def compute(self, *, seed):
        log("compute corner_distance")
        return super().compute(seed=seed)


class Longest(Metric):
    """Cannot be taken apart: sees every clip itself."""

    name = "longest"
    better = "neither"

    def __init__(self, weights):
        super().__init__(weights)
        self._most = 0

    def protocol(self):
        return {"frames": "all"}

    def update(self, clip):
        self._most = max(self._most, len(clip.frames))

    def reset(self):
        self._most = 0

    def merge_state(self, other):
        self._most = max(self._most, other._most)

    def compute(self, *, seed):
        return Score(self.name, self._most, self._most, self._most, 1, self.protocol(), self.better)
