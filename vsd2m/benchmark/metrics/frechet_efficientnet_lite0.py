"""A Fréchet distance that needs no weights from a hub. It is neither FVD nor FID, hence its own name."""

from vsd2m.benchmark.distances.feature_distances import FrechetMetric


class FrechetEfficientNetLite0(FrechetMetric):
    """The distance between EfficientNet-lite0 features, averaged over 8 frames: of what frames look like, not of
    motion."""

    name = "frechet_efficientnet_lite0"
    extractor_name = "efficientnet_lite0"
