"""Fréchet Video Distance (Unterthiner et al., arXiv 1812.01717)."""

from vsd2m.benchmark.distances.feature_distances import FrechetMetric


class FrechetVideoDistance(FrechetMetric):
    """FVD over I3D logits."""

    name = "fvd"
    extractor_name = "i3d"
