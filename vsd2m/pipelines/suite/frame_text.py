"""Reads the text in single frames with the annotators' OCR, for the benchmark."""

from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vsd2m.annotate.ocr.ocr_frames import pictures_to_read
from vsd2m.annotate.ocr.ocr_lines import is_reliable
from vsd2m.annotate.ocr.ocr_models import PACKAGED_OCR, detection_folder, recognition_folder
from vsd2m.annotate.ocr.ocr_stage import OcrConfig, load_reader

_PACKAGES = ("paddleocr", "onnxruntime", "rapidocr_onnxruntime")


class FrameText:
    """A callable that returns the text in a frame uint8 [H, W, 3]; the models are loaded at the first call.

    It is pickled without its models. Its name, which becomes part of a protocol, names their weights.
    """

    def __init__(self, config: OcrConfig | None = None) -> None:
        self._config = config or OcrConfig.model_validate({})
        self._reader: Any = None
        versions = PACKAGED_OCR[self._config.weights].versions()
        self.__qualname__ = "PaddleOCR, " + ", ".join(f"{name} {version}" for name, version in versions.items())

    def __call__(self, frame: NDArray[np.uint8]) -> str:
        config = self._config
        if self._reader is None:
            folders = detection_folder(config.weights), recognition_folder(config.weights)
            self._reader = load_reader(*folders, num_threads=1)
        opaque = np.concatenate([frame, np.full((*frame.shape[:2], 1), 255, np.uint8)], axis=2)[None]
        (prepared_frame,) = pictures_to_read(opaque, max_frames=1, min_side=config.min_side, max_side=config.max_side)
        lines = [line for line in self._reader.read(prepared_frame) if self._counts(line)]
        return " ".join(line.text for line in lines)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_reader": None}

    def _counts(self, line: Any) -> bool:
        return is_reliable(line, min_score=self._config.min_score, min_score_single=self._config.min_score_single)


def frame_text() -> FrameText | None:
    """A reader, if the packages for one are installed."""
    return FrameText() if all(map(find_spec, _PACKAGES)) else None
