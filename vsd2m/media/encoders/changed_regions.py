"""Which part of a frame an encoder has to store."""

import numpy as np
import numpy.typing as npt

Box = tuple[int, int, int, int]
"""left, top, right, bottom; right and bottom are past the end."""


def bounding_box(mask: npt.NDArray[np.bool_]) -> Box:
    """The smallest box around what is set in `mask` (`[H, W]`); one pixel where nothing is."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return (0, 0, 1, 1)
    return (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)


def changed_box(before: npt.NDArray[np.uint8] | None, after: npt.NDArray[np.uint8]) -> Box:
    """The box in which frame `after` (`[H, W, 4]`) differs from `before`; all of it where there is none before."""
    if before is None:
        return (0, 0, after.shape[1], after.shape[0])
    return bounding_box((before != after).any(axis=-1))
