"""The reader that the benchmark is given."""

import pickle

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from vsd2m.annotate.ocr.ocr_stage import OcrConfig
from vsd2m.benchmark.metric import Weights
from vsd2m.benchmark.metrics.text_legibility import TextLegibility
from vsd2m.pipelines.suite.frame_text import FrameText


def test_the_protocol_names_the_readers_weights_before_they_are_loaded():
    reader = pickle.loads(pickle.dumps(FrameText()))
    protocol = TextLegibility(Weights({}, reader)).protocol()
    assert "PP-OCRv4" in str(protocol["reader"]) and "sha256:" in str(protocol["reader"])
    other = FrameText(OcrConfig.model_validate({"weights": "pp_ocrv6"}))
    assert TextLegibility(Weights({}, other)).protocol() != protocol


def test_the_text_of_a_frame_is_read_and_the_reader_travels_without_its_models():
    pytest.importorskip("paddleocr")
    pytest.importorskip("rapidocr_onnxruntime")
    picture = Image.new("RGB", (240, 96), "white")
    ImageDraw.Draw(picture).text((20, 20), "GOOD NIGHT", fill="black", font=ImageFont.load_default(32))
    reader = FrameText()
    assert "".join(reader(np.asarray(picture)).split()) == "GOODNIGHT"
    assert len(pickle.dumps(reader)) < 10_000
