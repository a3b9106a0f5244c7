"""A Fréchet distance of motion that needs no weights from a hub. It is not FVD, hence its own name."""

from vsd2m.benchmark.distances.feature_distances import FrechetMetric


class FrechetEfficientNetLite0Motion(FrechetMetric):
    """The distance between the changes of EfficientNet-lite0 features from frame to frame, averaged over 8 frames."""

    name = "frechet_efficientnet_lite0_motion"
    extractor_name = "efficientnet_lite0_motion"
