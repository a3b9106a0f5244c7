"""Features of an image classifier whose weights are part of a Python package."""

import numpy as np
from numpy.typing import NDArray

from vsd2m.benchmark.extractors.base import Extractor
from vsd2m.benchmark.suite.clips import JudgedClip
from vsd2m.networks.efficientnet_lite0 import NUM_FEATURES, VERSIONS, load_backbone

FRAMES = "spread8"


class EfficientNetLite0(Extractor):
    """1280 pooled features, averaged over 8 frames: describes what frames look like, not their motion."""

    @property
    def num_features(self) -> int:
        return NUM_FEATURES

    def protocol(self) -> dict[str, str | int]:
        return {"frames": FRAMES, "size": "squash 224", "pool": "mean over frames", **VERSIONS}

    def setup(self) -> None:
        # one thread, as Ray gives each observer one core: two threads took many times as long on a busy machine
        self._backbone = load_backbone(num_threads=1)

    def features(self, clip: JudgedClip) -> NDArray[np.float32]:
        frames = clip.frames_by(FRAMES)
        pooled: NDArray[np.float32] = self._backbone.features(frames).mean(axis=0)
        return pooled
