"""How good the frames look one by one, without a reference: CLIP-IQA (Wang et al., arXiv 2207.12396)."""

import numpy as np

from vsd2m.benchmark.metric import ClipMetric
from vsd2m.benchmark.networks.openclip import FRAMES, EncodedMetric
from vsd2m.benchmark.suite.clips import JudgedClip

GOOD, BAD = "Good photo.", "Bad photo."
SCALE = 100.0


class FrameQuality(EncodedMetric, ClipMetric):
    """Probability of "Good photo." against "Bad photo." by CLIP, 0 to 1, mean over 8 frames.

    Designed for photographs; among drawings it can at most rank within one style. The paper omits CLIP's position
    embedding; we keep it, so that any CLIP can be used, and absolute values differ: compare within one table.
    """

    name = "frame_quality"
    better = "higher"
    reading = f"softmax of {SCALE:g} x cosine, {GOOD!r} against {BAD!r}"

    def setup(self) -> None:
        super().setup()
        self._texts = np.stack([self.encoder.text(GOOD), self.encoder.text(BAD)])

    def measure(self, clip: JudgedClip) -> float | None:
        frames = clip.frames_by(FRAMES)
        good, bad = self._texts.astype(np.float64) @ self.encoder.frames(frames).T.astype(np.float64)
        return float((1 / (1 + np.exp(SCALE * (bad - good)))).mean())
