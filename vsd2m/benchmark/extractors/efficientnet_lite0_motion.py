"""The motion of an image classifier's features; its weights are part of a Python package."""

import numpy as np
from numpy.typing import NDArray

from vsd2m.benchmark.extractors.efficientnet_lite0 import EfficientNetLite0
from vsd2m.benchmark.suite.clips import JudgedClip

FRAMES = "spread8"


class EfficientNetLite0Motion(EfficientNetLite0):
    """1280 features: the mean absolute change from frame to frame over 8 frames. Describes motion."""

    def protocol(self) -> dict[str, str | int]:
        return {**super().protocol(), "pool": "mean absolute change between frames"}

    def features(self, clip: JudgedClip) -> NDArray[np.float32]:
        frames = clip.frames_by(FRAMES)
        moved: NDArray[np.float32] = np.abs(np.diff(self._backbone.features(frames), axis=0)).mean(axis=0)
        return moved
