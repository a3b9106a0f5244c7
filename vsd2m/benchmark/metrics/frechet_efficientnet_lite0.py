"""A Fréchet distance that needs no weights from a hub. It is neither FVD nor FID and is not called so."""

import numpy as np
from numpy.typing import NDArray

from vsd2m.benchmark.clips import JudgedClip
from vsd2m.benchmark.distances import ESTIMATOR, FrechetMetric
from vsd2m.benchmark.frame_rules import FRAME_RULES
from vsd2m.media.backbone import VERSIONS, load_backbone

FRAMES = "spread8"


class FrechetEfficientNetLite0(FrechetMetric):
    """Between EfficientNet-lite0 features, averaged over 8 frames. Sees what frames look like, not how they follow."""

    name = "frechet_efficientnet_lite0"

    def protocol(self) -> dict[str, str | int]:
        return {"frames": FRAMES, "size": "squash 224", "pool": "mean over frames", **VERSIONS, "estimator": ESTIMATOR}

    def setup(self) -> None:
        self._backbone = load_backbone(num_threads=2)

    def features(self, clip: JudgedClip) -> NDArray[np.float32]:
        shown = clip.frames[FRAME_RULES[FRAMES](len(clip.frames))]
        pooled: NDArray[np.float32] = self._backbone.features(shown).mean(axis=0)
        return pooled
