"""A polynomial MMD that needs no weights from a hub. It is not JEDi, whose features are V-JEPA's."""

from vsd2m.benchmark.distances.feature_distances import PolynomialMmdMetric


class MmdEfficientNetLite0(PolynomialMmdMetric):
    """Between EfficientNet-lite0 features, averaged over 8 frames."""

    name = "mmd_efficientnet_lite0"
    extractor_name = "efficientnet_lite0"
