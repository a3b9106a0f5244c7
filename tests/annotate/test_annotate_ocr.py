import csv
import gc
import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from pydantic import ValidationError
from real_stickers import NO_STICKERS, STICKERS

from vsd2m.annotate.engines.onnx_session import onnx_session
from vsd2m.annotate.ocr.ocr_models import PACKAGED_OCR, detection_folder, recognition_folder
from vsd2m.annotate.ocr.ocr_stage import OcrConfig, OcrStage
from vsd2m.core.errors import EngineError
from vsd2m.core.stage import Batch, Columns
from vsd2m.media.clip import Clip
from vsd2m.media.encode import encode

pytest.importorskip("paddleocr")
pytestmark = pytest.mark.filterwarnings("ignore")  # paddle's own

_ROOT = Path(__file__).parents[2]
_FONTS = _ROOT / "samples" / "vsd2m_samples" / "fonts"


@pytest.fixture(scope="module")
def stage() -> OcrStage:
    made = OcrStage(OcrConfig())
    made.setup()
    return made


def _frame(text: str, *, ink: str, ground: tuple[int, int, int, int]) -> NDArray[np.uint8]:
    picture = Image.new("RGBA", (200, 160), ground)
    name = "sticker-latin.ttf" if text.isascii() else "sticker-hanzi.ttf"
    ImageDraw.Draw(picture).text((20, 60), text, font=ImageFont.truetype(str(_FONTS / name), 30), fill=ink)
    return np.asarray(picture)


def _sticker(frames: Sequence[NDArray[np.uint8]]) -> bytes:
    durations = np.full(len(frames), 100, np.int32)
    return encode(Clip(np.stack(frames), durations, 0, "apng"), "apng" if len(frames) > 1 else "png")


def _read(stage: OcrStage, *stickers: bytes) -> list[Columns]:
    outcomes = stage.process(Batch([{}] * len(stickers), stickers))
    assert all(isinstance(columns, dict) for columns in outcomes)
    return outcomes  # type: ignore[return-value]


@pytest.mark.parametrize(("text", "ink"), [("good night", "white"), ("good night", "black"), ("生日快乐", "white")])
def test_text_on_nothing_is_read_in_white_and_in_black(stage: OcrStage, text: str, ink: str) -> None:
    (columns,) = _read(stage, _sticker([_frame(text, ink=ink, ground=(0, 0, 0, 0))]))
    assert columns["ocr_text"].replace(" ", "").lower() == text.replace(" ", "")
    assert columns["ocr_num_characters"] == len(text.replace(" ", ""))
    assert 0.6 <= columns["ocr_score"] <= 1


def test_text_that_appears_late_and_another_line_that_goes_early_are_both_read(stage: OcrStage) -> None:
    ground = (230, 240, 250, 255)
    first, blank, last = (_frame(text, ink="navy", ground=ground) for text in ("hello", "", "thank you"))
    (columns,) = _read(stage, _sticker([first] * 4 + [blank] * 4 + [last] * 4))
    assert columns["ocr_text"].lower().replace(" ", "").split("\n") == ["hello", "thankyou"]


def test_a_sticker_without_text_has_an_empty_text_and_no_score(stage: OcrStage) -> None:
    (columns,) = _read(stage, _sticker([_frame("", ink="black", ground=(255, 220, 0, 255))]))
    assert columns == {"ocr_text": "", "ocr_num_characters": 0, "ocr_score": None}


def test_a_sticker_reads_the_same_alone_and_in_company(stage: OcrStage) -> None:
    stickers = [
        _sticker([_frame(text, ink="black", ground=(255, 255, 255, 255))]) for text in ("so tired", "", "晚安", "lol")
    ]
    alone = [_read(stage, sticker)[0] for sticker in stickers]
    assert _read(stage, *stickers) == alone
    assert _read(stage, *stickers[::-1]) == alone[::-1]


def test_the_written_columns_are_the_declared_ones(stage: OcrStage) -> None:
    (columns,) = _read(stage, _sticker([_frame("ok", ink="black", ground=(255, 255, 255, 255))]))
    assert set(columns) == set(stage.spec.writes)


def test_model_versions_are_the_digests_of_the_files_that_are_loaded() -> None:
    versions = OcrStage(OcrConfig()).model_versions()
    for folder in (detection_folder("pp_ocrv4"), recognition_folder("pp_ocrv4")):
        digest = hashlib.sha256((folder.path / "inference.onnx").read_bytes()).hexdigest()
        assert versions[folder.model_name].endswith(f"sha256:{digest}")


def test_both_packaged_pairs_lie_in_the_users_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for weights in PACKAGED_OCR:
        for folder in (detection_folder(weights), recognition_folder(weights)):
            assert folder.path.is_relative_to(tmp_path)
            assert sorted(path.name for path in folder.path.iterdir()) == ["inference.onnx", "inference.yml"]
            assert folder.is_onnx
    assert not [path for path in tmp_path.rglob("*") if path.name.startswith(".")], "nothing temporary is left"


def test_a_folder_of_ones_own_stands_in_for_the_packaged_model_and_its_bytes_are_its_version() -> None:
    own = recognition_folder("pp_ocrv4").path
    stage = OcrStage(OcrConfig(recognition_folder=str(own)))
    assert stage.model_versions()["recognition"].startswith("sha256:")
    assert stage.model_versions() != OcrStage(OcrConfig()).model_versions()


def test_a_folder_that_holds_no_model_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"no OCR model at .*expected a folder with inference\.yml"):
        OcrStage(OcrConfig(detection_folder=str(tmp_path))).model_versions()


def test_sides_in_the_wrong_order_are_refused() -> None:
    with pytest.raises(ValidationError, match="min_side 700 is larger than max_side 640"):
        OcrConfig(min_side=700)


def test_long_texts_of_real_stickers_pass_40_characters_and_short_ones_do_not(stage: OcrStage) -> None:
    index = STICKERS / "index.csv"
    if not index.exists():
        pytest.skip(NO_STICKERS)
    with index.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if int(row["num_bytes"]) < 150_000]
    long = [row["file"] for row in rows if row["text_label"] == "long"][:4]
    short = [row["file"] for row in rows if row["text_label"] == "exact" and 0 < len(row["text"]) <= 40][:6]
    counts = [c["ocr_num_characters"] for c in _read(stage, *[(STICKERS / f).read_bytes() for f in long + short])]
    assert min(counts[: len(long)]) > 40
    assert max(counts[len(long) :]) <= 40


def test_no_thread_of_the_ocr_spins(stage: OcrStage) -> None:
    sessions = [thing for thing in gc.get_objects() if isinstance(thing, onnxruntime.InferenceSession)]
    assert len(sessions) >= 2  # detection and recognition
    assert {session.get_session_options().intra_op_num_threads for session in sessions} == {1}
    recogniser = onnx_session(recognition_folder("pp_ocrv4").path / "inference.onnx", num_threads=2)
    for pool in ("intra_op", "inter_op"):
        entry = recogniser.get_session_options().get_session_config_entry(f"session.{pool}.allow_spinning")
        assert entry == "0"
