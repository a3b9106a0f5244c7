"""One-time preparations of a machine, done in advance: compiled code, and weights converted for the libraries."""

from collections.abc import Callable, Iterator
from importlib.util import find_spec

import numpy as np
import polars as pl

from vsd2m.core.stage import Batch
from vsd2m.media.clip import Clip
from vsd2m.media.encode import encode

LANGUAGE_MODEL = "smollm2-135m-instruct"
_OCR_PACKAGES = ("onnxruntime", "rapidocr_onnxruntime")


def prepare() -> Iterator[str]:
    """Does all missing preparations on this machine; yields the name of each part before it starts."""
    for name, part in _parts().items():
        yield name
        part()


def _parts() -> dict[str, Callable[[], object]]:
    from vsd2m.annotate.engines.packaged import converted_folder, is_installed
    from vsd2m.annotate.ocr.ocr_models import detection_folder, recognition_folder

    parts: dict[str, Callable[[], object]] = {"machine code of the probe and of near duplicates": compile_loops}
    if is_installed(LANGUAGE_MODEL) and find_spec("transformers"):
        parts["the language model of the captions"] = lambda: converted_folder(LANGUAGE_MODEL)
    if all(map(find_spec, _OCR_PACKAGES)):
        parts["the text models"] = lambda: (detection_folder("pp_ocrv4"), recognition_folder("pp_ocrv4"))
    return parts


def compile_loops() -> None:
    """Runs the probe and near duplicates on stickers of each kind, which compiles their loops."""
    from vsd2m.filter.near_duplicates import NearDuplicatesConfig, NearDuplicatesStage
    from vsd2m.media.probe import ProbeConfig, ProbeStage

    media = [encode(clip, media_format) for clip in (_clip(0), _clip(255)) for media_format in ("gif", "webp", "apng")]
    stage = ProbeStage(ProbeConfig.model_validate({}))
    stage.setup()
    rows = [
        {name: columns[name] for name in ("fingerprint", "width", "height", "num_distinct_frames")}
        | {"key": f"{number:032x}", "num_bytes": len(media[number])}
        for number, columns in enumerate(stage.process(Batch([{}] * len(media), media)))
        if isinstance(columns, dict)
    ]
    table = pl.DataFrame(rows, schema_overrides={"fingerprint": pl.List(pl.UInt64)})
    NearDuplicatesStage(NearDuplicatesConfig.model_validate({})).process_table(table)


def _clip(background: int) -> Clip:
    """A moving square on a transparent (0) or white (255) background."""
    frames = np.full((3, 80, 72, 4), background, np.uint8)
    for t in range(len(frames)):
        frames[t, 20 + 8 * t : 50 + 8 * t, 20:50] = (200, 60, 20 * t, 255)
    return Clip(frames, np.full(len(frames), 100, np.int32), 0, "apng")
