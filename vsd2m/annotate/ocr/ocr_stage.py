"""The ocr stage: the text in a sticker, read from several of its frames by PaddleOCR."""

import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import Field, model_validator

from vsd2m.annotate.ocr.ocr_frames import pictures_to_read
from vsd2m.annotate.ocr.ocr_lines import Line, count_characters, is_reliable, is_web_address, merge_lines
from vsd2m.annotate.ocr.ocr_models import (
    PACKAGED_OCR,
    ModelFolder,
    detection_folder,
    folder_digest,
    missing_ocr,
    own_folder,
    recognition_folder,
)
from vsd2m.core.errors import EngineError
from vsd2m.core.registry import import_extra
from vsd2m.core.schema import Column
from vsd2m.core.stage import Batch, Columns, Drop, Resources, StageConfig, StageSpec, StickerStage, neutral
from vsd2m.media.decode import decode

COLUMNS = (
    Column("ocr_text", pa.string(), "recognised lines joined by a newline", in_json=True, in_samples=True),
    Column("ocr_num_characters", pa.int32(), "recognised characters, without white space"),
    Column("ocr_score", pa.float64(), "mean line score; None if there is no line"),
)


class OcrConfig(StageConfig):
    """The models, the frames that are read, and the lines that are accepted."""

    weights: Literal["pp_ocrv4", "pp_ocrv6"] = Field("pp_ocrv4", description="packaged models; no download")
    detection_folder: str | None = neutral(  # its digest is a model version instead
        None, min_length=1, description="folder of a text detector of your own, instead of the packaged one"
    )
    recognition_folder: str | None = neutral(
        None,
        min_length=1,
        description="folder of a text recogniser of your own (fine-tuned), instead of the packaged one",
    )
    max_frames: int = Field(
        3, ge=1, le=32, description="frames read, spread over the clip; identical ones are read once"
    )
    min_side: int = Field(320, ge=32, le=4000, description="smaller pictures are enlarged to this longer side, pixels")
    max_side: int = Field(640, ge=32, le=4000, description="larger pictures are reduced to this longer side, pixels")
    min_score: float = Field(0.6, ge=0, le=1, description="lines recognised with less confidence are ignored")
    min_score_single: float = Field(0.9, ge=0, le=1, description="the same for lines of one character")
    skip_web_addresses: bool = Field(True, description="ignore lines that are a web address: marks of other sites")

    @model_validator(mode="after")
    def _sides_are_in_order(self) -> "OcrConfig":
        if self.min_side > self.max_side:
            raise ValueError(f"min_side {self.min_side} is larger than max_side {self.max_side}")
        return self


class OcrStage(StickerStage[OcrConfig]):
    """Writes the text seen in the sticker, the number of its characters and the mean confidence."""

    Config = OcrConfig

    @property
    def spec(self) -> StageSpec:
        return StageSpec(
            name="ocr",
            version=1,
            reads=(),
            columns=COLUMNS,
            reads_media=True,
            batch_size=16,
            resources=Resources(num_cpus=1),  # two threads on cores shared with others took 3 to 10 times as long
        )

    def model_versions(self) -> dict[str, str]:
        versions = PACKAGED_OCR[self.config.weights].versions()
        folders = (("detection", self.config.detection_folder), ("recognition", self.config.recognition_folder))
        return versions | {
            kind: f"sha256:{folder_digest(own_folder(path))}" for kind, path in folders if path is not None
        }

    def packages(self) -> Mapping[str, str]:
        onnx = {"onnxruntime": "annotate"} if self._is_onnx() else {"paddle": "annotate"}
        return {"paddleocr": "annotate", "paddlex": "annotate", "rapidfuzz": "annotate", **onnx}

    def _is_onnx(self) -> bool:
        folders = (self.config.detection_folder, self.config.recognition_folder)
        return any(path is None or (Path(path).expanduser() / "inference.onnx").is_file() for path in folders)

    def missing(self) -> list[str]:
        return [
            *missing_ocr(self.config.weights, self.config.detection_folder, kind="detection"),
            *missing_ocr(self.config.weights, self.config.recognition_folder, kind="recognition"),
        ]

    def seconds_per_sticker(self) -> float:
        return 0.15

    def setup(self) -> None:
        self._reader = load_reader(
            own_folder(self.config.detection_folder)
            if self.config.detection_folder
            else detection_folder(self.config.weights),
            own_folder(self.config.recognition_folder)
            if self.config.recognition_folder
            else recognition_folder(self.config.weights),
            num_threads=self.spec.resources.num_cpus,
        )

    def process(self, batch: Batch) -> list[Columns | Drop]:
        return [self._columns(decode(data).frames) for data in batch.media]

    def _columns(self, frames: NDArray[np.uint8]) -> Columns:
        config = self.config
        pictures = pictures_to_read(
            frames, max_frames=config.max_frames, min_side=config.min_side, max_side=config.max_side
        )
        lines = merge_lines([[line for line in self._reader.read(p) if self._counts(line)] for p in pictures])
        score = round(sum(line.score for line in lines) / len(lines), 4) if lines else None
        text = "\n".join(line.text for line in lines)
        return {"ocr_text": text, "ocr_num_characters": count_characters(text), "ocr_score": score}

    def _counts(self, line: Line) -> bool:
        config = self.config
        if config.skip_web_addresses and is_web_address(line.text):
            return False
        return is_reliable(line, min_score=config.min_score, min_score_single=config.min_score_single)


class Reader:
    """PaddleOCR's pipeline: text detection, then recognition of each detected line."""

    def __init__(self, pipeline: Any) -> None:
        self._pipeline = pipeline

    def read(self, picture: NDArray[np.uint8]) -> list[Line]:
        """The lines of an opaque picture uint8 [H, W, 3], RGB, from top to bottom."""
        (result,) = self._pipeline.predict(np.ascontiguousarray(picture[..., ::-1]))
        pairs = zip(result["rec_texts"], result["rec_scores"], strict=True)
        return [Line(text.strip(), round(float(score), 4)) for text, score in pairs]


def load_reader(detection: ModelFolder, recognition: ModelFolder, *, num_threads: int) -> Reader:
    """PaddleOCR over two model folders, without its document models and without network."""
    engine = _engine(detection, recognition, num_threads)
    os.environ.setdefault("PADDLE_PDX_DISABLE_MODEL_SOURCE_CHECK", "True")
    os.environ.setdefault("GLOG_minloglevel", "2")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # paddle's imports emit warnings that users cannot act on
        paddleocr = import_extra("paddleocr", extra="annotate")
        paddleocr.logger.setLevel("WARNING")
        import_extra("paddlex", extra="annotate").utils.logging.setup_logging("WARNING")
        pipeline = paddleocr.PaddleOCR(
            text_detection_model_name=detection.model_name,
            text_detection_model_dir=str(detection.path),
            text_recognition_model_name=recognition.model_name,
            text_recognition_model_dir=str(recognition.path),
            use_doc_orientation_classify=False,
            use_doc_unwarping=False,
            use_textline_orientation=False,
            text_det_limit_side_len=64,
            text_det_limit_type="min",  # pictures already have the right size
            device="cpu",
            **engine,
        )
    return Reader(pipeline)


def _engine(detection: ModelFolder, recognition: ModelFolder, num_threads: int) -> dict[str, Any]:
    if detection.is_onnx != recognition.is_onnx:
        raise EngineError(
            f"{detection.path} and {recognition.path}: both must hold inference.onnx, or both Paddle's own files; "
            "give both folders, or convert one"
        )
    if detection.is_onnx:
        return {"engine": "onnxruntime", "engine_config": {"intra_op_num_threads": num_threads}}
    return {"engine": "paddle_static", "cpu_threads": num_threads, "enable_mkldnn": False}
