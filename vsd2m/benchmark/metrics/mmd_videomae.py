"""JEDi's distance over VideoMAE features; JEDi itself takes V-JEPA's, so it is not called so."""

from vsd2m.benchmark.distances.feature_distances import PolynomialMmdMetric


class MmdVideoMae(PolynomialMmdMetric):
    """Needs far fewer clips than a Fréchet distance to settle."""

    name = "mmd_videomae"
    extractor_name = "videomae"
