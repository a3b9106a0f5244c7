"""The Fréchet distance of FVD over features that are sensitive to motion."""

from vsd2m.benchmark.distances.feature_distances import FrechetMetric


class FvdVideoMae(FrechetMetric):
    """FVD over VideoMAE features."""

    name = "fvd_videomae"
    extractor_name = "videomae"
