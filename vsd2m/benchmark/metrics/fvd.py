"""Fréchet Video Distance (Unterthiner et al., arXiv 1812.01717)."""

from vsd2m.benchmark.distances.feature_distances import FrechetMetric
from vsd2m.benchmark.extractors.i3d import I3d


class FrechetVideoDistance(FrechetMetric):
    """FVD over I3D logits."""

    name = "fvd"
    extractor_class = I3d
