"""The loss of a clip through GIF's palette."""

import numpy as np

from vsd2m.benchmark.metric import ClipMetric
from vsd2m.benchmark.suite.clips import JudgedClip
from vsd2m.media.clip import Clip
from vsd2m.media.decode import decode
from vsd2m.media.encode import encode


class PaletteError(ClipMetric):
    """Mean absolute change of the colours when the clip is written as a GIF, 0 (none) to 1.

    0 for drawings with few colours; more for gradients, noise and photographs. Outputs that already are GIFs give 0:
    evaluate a model's output before quantisation.
    """

    name = "palette_error"
    better = "lower"

    def protocol(self) -> dict[str, str | int]:
        return {"frames": "all", "encoder": "this package's GIF", "range": "0..1"}

    def measure(self, clip: JudgedClip) -> float | None:
        opaque = np.full((*clip.frames.shape[:3], 1), 255, np.uint8)
        durations = np.full(len(clip.frames), 100, np.int32)
        data = encode(Clip(np.concatenate([clip.frames, opaque], axis=3), durations, 0, "gif"), "gif")
        reduced = decode(data).frames[..., :3].astype(np.float32)
        return float(np.abs(reduced - clip.frames).mean() / 255)
