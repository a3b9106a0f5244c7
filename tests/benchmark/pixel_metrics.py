"""Distances over an extractor that needs no weights."""

import numpy as np

from vsd2m.benchmark.distances.feature_distances import FrechetMetric, PolynomialMmdMetric
from vsd2m.benchmark.extractors.base import Extractor


class FirstPixels(Extractor):
    """The first four pixels of the first frame, as they are."""

    num_features = 4

    def setup(self):
        pass

    def protocol(self):
        return {"extractor": "first pixels"}

    def features(self, clip):
        return clip.frames[0, 0, :4, 0].astype(np.float32)


class Frechet(FrechetMetric):
    name = "frechet"
    extractor_name = "pixel_metrics:FirstPixels"


class Mmd(PolynomialMmdMetric):
    name = "mmd"
    extractor_name = "pixel_metrics:FirstPixels"
