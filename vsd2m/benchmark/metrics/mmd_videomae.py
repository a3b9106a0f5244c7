"""JEDi's distance over VideoMAE features; JEDi itself uses V-JEPA's, hence the other name."""

from vsd2m.benchmark.distances.feature_distances import PolynomialMmdMetric


class MmdVideoMae(PolynomialMmdMetric):
    """Converges with far fewer clips than a Fréchet distance."""

    name = "mmd_videomae"
    extractor_name = "videomae"
