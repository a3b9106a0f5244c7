"""The content-debiased FVD (Ge et al., arXiv 2404.12391), as cd-fvd computes it."""

from vsd2m.benchmark.distances.feature_distances import FrechetMetric


class FvdVideoMaeV2(FrechetMetric):
    """FVD over the features of VideoMAE-v2's giant, which are more sensitive to motion than I3D's."""

    name = "fvd_videomae_v2"
    extractor_name = "videomae_v2"
