"""Measures how light a clip is."""

from vsd2m.benchmark.metric import ClipMetric
from vsd2m.benchmark.suite.clips import JudgedClip


class Lightness(ClipMetric):
    """Mean of all pixels, 0..1."""

    name = "lightness"
    better = "neither"

    def protocol(self) -> dict[str, str | int]:
        return {"frames": "all", "range": "0..1"}

    def measure(self, clip: JudgedClip) -> float | None:
        return float(clip.frames.mean()) / 255
