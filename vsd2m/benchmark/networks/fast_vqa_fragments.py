"""The input of FAST-VQA (Wu et al., arXiv 2207.02595) and FasterVQA (arXiv 2210.05357): a mosaic of fragments.

T frames, H and W height and width in pixels. A frame is divided into 7 x 7 cells, and a fragment of 32 x 32 pixels is
copied from each cell, at a position that stays the same for some frames. If a sticker has too few frames, they are
repeated from the start.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vsd2m.media.frame_indices import resize

GRID = 7
SIDE = 32
CLIP_LENGTH = 32
MOSAIC = GRID * SIDE


@dataclass(frozen=True)
class FragmentSetting:
    """`frames_per_place`: the number of successive frames with the same positions."""

    num_clips: int
    frames_per_place: int
    mean: float
    deviation: float
    """Mean and deviation of the raw scores; a raw score s is reported as sigmoid((s - mean) / deviation)."""

    def frame_indices(self, num_frames: int) -> NDArray[np.int64]:
        """Frame indices [num_clips, 32]. With one position per clip: every second frame of evenly spread clips; else
        short runs."""
        if self.frames_per_place == CLIP_LENGTH:
            indices = _every_second(num_frames, self.num_clips)
        else:
            indices = _short_runs(num_frames, self.frames_per_place)
        return indices % num_frames

    def shown_score(self, raw: float) -> float:
        """0 (bad) to 1."""
        return float(1 / (1 + np.exp(-(raw - self.mean) / self.deviation)))


FAST_VQA = FragmentSetting(num_clips=4, frames_per_place=32, mean=-0.110198185, deviation=0.04178565)
FASTER_VQA = FragmentSetting(num_clips=1, frames_per_place=4, mean=0.14759505, deviation=0.03613452)


def mosaics(frames: NDArray[np.uint8], setting: FragmentSetting, chance: np.random.Generator) -> NDArray[np.uint8]:
    """The mosaics [num_clips, 32, 224, 224, 3] of uint8 [T, H, W, 3]; `chance` draws the positions within the cells.

    Frames with a side below 224 are enlarged first, keeping their aspect ratio.
    """
    large = _at_least_mosaic(frames)
    chosen = [large[indices] for indices in setting.frame_indices(len(frames))]
    return np.stack([_mosaic(clip, setting.frames_per_place, chance) for clip in chosen])


def _mosaic(clip: NDArray[np.uint8], frames_per_place: int, chance: np.random.Generator) -> NDArray[np.uint8]:
    tops, lefts = (_starts(length) for length in clip.shape[1:3])
    free = [max(length // GRID - SIDE, 1) for length in clip.shape[1:3]]
    result = np.empty((len(clip), MOSAIC, MOSAIC, 3), np.uint8)
    for first in range(0, len(clip), frames_per_place):
        part = slice(first, first + frames_per_place)
        moves = chance.integers(0, free, (GRID, GRID, 2))
        for i, j in np.ndindex(GRID, GRID):
            top, left = tops[i] + moves[i, j, 0], lefts[j] + moves[i, j, 1]
            place = (part, slice(i * SIDE, (i + 1) * SIDE), slice(j * SIDE, (j + 1) * SIDE))
            result[place] = clip[part, top : top + SIDE, left : left + SIDE]
    return result


def _starts(length: int) -> NDArray[np.int64]:
    starts: NDArray[np.int64] = np.minimum(np.arange(GRID) * (length // GRID), length - SIDE)
    return starts


def _at_least_mosaic(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = frames.shape[1:3]
    factor = MOSAIC / min(height, width)
    return resize(frames, (round(height * factor), round(width * factor))) if factor > 1 else frames


def _every_second(num_frames: int, num_clips: int) -> NDArray[np.int64]:
    spare = max(num_frames - 2 * CLIP_LENGTH + 1, 0) / num_clips
    starts = (np.arange(num_clips) * spare + spare / 2).astype(np.int64)
    return starts[:, None] + 2 * np.arange(CLIP_LENGTH)


def _short_runs(num_frames: int, run: int) -> NDArray[np.int64]:
    num_runs = CLIP_LENGTH // run
    step = num_frames // num_runs
    starts = np.arange(num_runs) * step + max(step - run, 0) // 2
    return (starts[:, None] + np.arange(run)).reshape(1, -1)
