"""A Fréchet distance that needs no weights from a hub. It is neither FVD nor FID and is not called so."""

from vsd2m.benchmark.distances.feature_distances import FrechetMetric


class FrechetEfficientNetLite0(FrechetMetric):
    """Between EfficientNet-lite0 features, averaged over 8 frames. Sees what frames look like, not how they follow."""

    name = "frechet_efficientnet_lite0"
    extractor_name = "efficientnet_lite0"
