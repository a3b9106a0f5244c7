"""The share of clips without motion."""

from vsd2m.benchmark.metric import ClipMetric
from vsd2m.benchmark.stillness import STILL, is_frozen
from vsd2m.benchmark.suite.clips import JudgedClip


class FrozenShare(ClipMetric):
    """Share of the clips that show one picture all the time, 0 (all move) to 1; a single frame counts as frozen."""

    name = "frozen_share"
    better = "lower"
    is_share = True

    def protocol(self) -> dict[str, str | int]:
        return {"frames": "all", "frozen": STILL}

    def measure(self, clip: JudgedClip) -> float | None:
        return float(is_frozen(clip.frames))
