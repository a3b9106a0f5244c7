"""Reads pictures of lines with an exported recogniser, as PaddleOCR reads them with ONNX Runtime.

S places along the line, N characters of the dictionary with the blank.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vsd2m.annotate.engines.onnx_session import onnx_session
from vsd2m.annotate.ocr_training.ocr_pictures import Floats, Pixels, prepare

BLANK = 0


class LineReader:
    """The recogniser of an `inference.onnx`, and `table`, the characters of its N outputs."""

    def __init__(self, model: Path, table: Sequence[str], *, num_threads: int) -> None:
        self._session = onnx_session(model, num_threads=num_threads)
        self._table = table

    def read(self, pictures: Iterable[Pixels]) -> list[str]:
        """The text on each picture, uint8 [H, W, 3], RGB; each is read alone, so the batch has no effect."""
        return [decode_places(self.probabilities(prepare(picture)), self._table) for picture in pictures]

    def probabilities(self, prepared: Floats) -> Floats:
        """[S, N] of one prepared picture [3, 48, W]."""
        name = self._session.get_inputs()[0].name
        return np.asarray(self._session.run(None, {name: prepared[None]})[0][0], np.float32)


def decode_places(probabilities: NDArray[np.float32], table: Sequence[str]) -> str:
    """The most probable character at each position [S, N], repeats merged, blanks removed."""
    best = probabilities.argmax(axis=1)
    is_new = np.append(True, best[1:] != best[:-1])
    return "".join(table[index] for index in best[is_new & (best != BLANK)])
