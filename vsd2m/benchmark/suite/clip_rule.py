"""The rule that selects a clip's frames for evaluation, the same for real and generated clips.

T frames, H and W height and width in pixels.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vsd2m.media.frame_indices import flatten, resize, time_indices

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class ClipRule:
    """`num_frames` frames at equal time steps of one loop, resized to a square of `size`, on white.

    If a clip has fewer frames, they are repeated; a still becomes `num_frames` equal frames.
    """

    num_frames: int
    size: int

    def __str__(self) -> str:
        return (
            f"{self.num_frames} moments at equal steps of one loop, bicubic squash {self.size} x {self.size}, on white"
        )

    def cut(self, frames: Pixels, durations: NDArray[np.integer]) -> tuple[Pixels, Pixels | None]:
        """The frames [num_frames, size, size, 3] of uint8 [T, H, W, 3 or 4] with durations [T], and their alpha
        [num_frames, size, size], None if there are only three channels."""
        used, places = np.unique(time_indices(durations, self.num_frames), return_inverse=True)
        chosen = frames[used]
        if chosen.shape[3] == 3:
            return resize(chosen, self.size)[places], None
        return resize(flatten(chosen), self.size)[places], _resized_alpha(chosen[..., 3], self.size)[places]


def _resized_alpha(alpha: Pixels, size: int) -> Pixels:
    """Pillow resizes pictures of three channels, so alpha is copied to each of them."""
    return resize(np.repeat(alpha[..., None], 3, axis=3), size)[..., 0]
