"""How an image classifier's features move, with weights that come with a registry package."""

import numpy as np
from numpy.typing import NDArray

from vsd2m.benchmark.extractors.efficientnet_lite0 import EfficientNetLite0
from vsd2m.benchmark.suite.clips import JudgedClip

FRAMES = "spread8"


class EfficientNetLite0Motion(EfficientNetLite0):
    """1280 features: the mean absolute change from frame to frame over 8 frames. Sees how frames follow each other."""

    def protocol(self) -> dict[str, str | int]:
        return {**super().protocol(), "pool": "mean absolute change between frames"}

    def features(self, clip: JudgedClip) -> NDArray[np.float32]:
        shown = clip.shown(FRAMES)
        moved: NDArray[np.float32] = np.abs(np.diff(self._backbone.features(shown), axis=0)).mean(axis=0)
        return moved
