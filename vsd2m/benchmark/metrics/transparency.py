"""The amount of transparency of a sticker."""

from vsd2m.benchmark.metric import ClipMetric
from vsd2m.benchmark.suite.clips import JudgedClip


class Transparency(ClipMetric):
    """Share of fully transparent pixels over all frames, 0 (opaque) to 1; videos have no alpha and do not count.

    Neither high nor low is good by itself: a model's value should be close to that of its training stickers.
    """

    name = "transparency"
    better = "neither"

    def protocol(self) -> dict[str, str | int]:
        return {"frames": "all", "transparent": "alpha 0"}

    def measure(self, clip: JudgedClip) -> float | None:
        return None if clip.alpha is None else float((clip.alpha == 0).mean())
