"""A polynomial MMD that needs no weights from a hub. It is not JEDi, which uses V-JEPA's features."""

from vsd2m.benchmark.distances.feature_distances import PolynomialMmdMetric


class MmdEfficientNetLite0(PolynomialMmdMetric):
    """The distance between EfficientNet-lite0 features, averaged over 8 frames."""

    name = "mmd_efficientnet_lite0"
    extractor_name = "efficientnet_lite0"
