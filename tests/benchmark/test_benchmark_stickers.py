"""Metrics of what stickers need: palettes, transparency, text; and of what they show, by tiny networks."""

from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vsd2m.benchmark.extractors.base import weights_digest
from vsd2m.benchmark.extractors.videomae import VideoMae
from vsd2m.benchmark.metric import Weights
from vsd2m.benchmark.metrics.clip_retrieval import ClipRetrieval
from vsd2m.benchmark.metrics.palette_error import PaletteError
from vsd2m.benchmark.metrics.text_legibility import TextLegibility, expected_text
from vsd2m.benchmark.metrics.transparency import Transparency
from vsd2m.benchmark.networks.openclip import ClipEncoder
from vsd2m.benchmark.suite.clips import JudgedClip, list_folder
from vsd2m.core.errors import EngineError
from vsd2m.media.clip import Clip
from vsd2m.media.encode import encode
from vsd2m.networks.torchvision_cpu import allow_torchvision_beside_cpu_torch


def flat(*levels: int, prompt: str | None = None) -> JudgedClip:
    return JudgedClip("x", np.array([np.full((4, 4, 3), level) for level in levels], np.uint8), prompt)


def test_a_drawing_survives_as_a_gif_and_noise_does_not():
    drawing = np.zeros((3, 16, 16, 3), np.uint8)
    drawing[:, 4:8, 4:8] = (200, 30, 7)
    noise = np.random.default_rng(0).integers(0, 255, (3, 64, 64, 3), np.uint8)
    metric = PaletteError(Weights())
    assert metric.measure(JudgedClip("x", drawing, None)) == 0
    assert 0.01 < metric.measure(JudgedClip("x", noise, None)) < 0.3


def test_transparency_is_the_free_share_of_pixels_of_what_has_alpha(tmp_path):
    frames = np.full((2, 4, 4, 4), 255, np.uint8)
    frames[0, :2] = 0
    (tmp_path / "a.webp").write_bytes(encode(Clip(frames, np.full(2, 50, np.int32), 0, "webp"), "webp"))
    (clip,) = [found.load() for found in list_folder(tmp_path)]
    assert Transparency(Weights()).measure(clip) == 0.25
    assert (clip.frames[0, 0] == 255).all()
    assert Transparency(Weights()).measure(flat(0, 1)) is None


@settings(deadline=None)
@given(st.text("abcd", min_size=1, max_size=12), st.text("abcd", min_size=1, max_size=12))
def test_legibility_is_one_minus_the_character_error_rate_of_torchmetrics(reading, asked):
    pytest.importorskip("torch")
    allow_torchvision_beside_cpu_torch()
    from torchmetrics.functional.text import char_error_rate

    metric = TextLegibility(Weights(read_text=lambda frame: reading))
    expected = max(0.0, 1 - float(char_error_rate(reading, asked)))
    assert metric.measure(flat(0, prompt=f'a sign "{asked}"')) == pytest.approx(expected, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize(
    ("prompt", "asked"),
    [
        ('A cat says "Good  Night"', "goodnight"),
        ("写着“你好”的猫", "你好"),
        ("「早」と「安」", "早安"),
        ("it's a cat's", ""),
    ],
)
def test_the_expected_text_stands_between_quotes(prompt, asked):
    assert expected_text(prompt) == asked


def test_legibility_is_that_of_the_best_frame():
    written = {0: "", 9: "G00D night", 20: "good night"}

    def read(frame):
        return written[int(frame[0, 0, 0])]

    metric = TextLegibility(Weights(read_text=read))
    assert metric.missing() is None
    assert metric.measure(flat(0, 9, 20, prompt='"Good night"')) == 1
    assert metric.measure(flat(0, 9, prompt='"Good night"')) == pytest.approx(1 - 2 / 9)
    assert metric.measure(flat(0, 0, prompt='"Good night"')) == 0
    assert metric.measure(flat(0, 9, prompt="a cat")) is None
    assert "read_text" in TextLegibility(Weights()).missing()


class Table(ClipEncoder):
    """An encoder whose pictures and texts are looked up."""

    texts: ClassVar = {"cat": [1.0, 0.0], "dog": [0.0, 1.0], "bird": [0.7, 0.7]}

    def picture(self, clip):
        level = float(clip.frames[0, 0, 0, 0]) / 100
        return np.array([level, 1 - level], np.float32)

    def text(self, prompt):
        return np.array(self.texts[prompt], np.float32)


def recall(generated, real=()) -> float:
    metric = ClipRetrieval(Weights())
    metric.encoder = Table(Weights())
    for clip in generated:
        metric.update(clip)
    for clip in real:
        metric.update_reference(clip)
    score = metric.compute(seed=0)
    assert score.protocol["num_candidates"] == len({clip.prompt for clip in (*generated, *real)} - {None})
    return score.value


def test_retrieval_counts_the_clips_that_find_their_own_text():
    assert recall([flat(100, prompt="cat"), flat(0, prompt="dog")]) == 1
    assert recall([flat(0, prompt="cat"), flat(0, prompt="dog")]) == 0.5
    assert recall([flat(60, prompt="cat")], [flat(0, prompt="bird")]) == 0
    assert recall([flat(60, prompt="cat"), flat(60, prompt=None)], [flat(0, prompt="dog")]) == 1


def test_a_clip_equally_like_two_texts_has_found_half_of_its_own():
    assert recall([flat(50, prompt="cat")], [flat(0, prompt="dog")]) == 0.5


def tiny_videomae(folder, **changes):
    """A VideoMAE of transformers' own class with random weights."""
    pytest.importorskip("torch")
    allow_torchvision_beside_cpu_torch()
    from transformers import VideoMAEConfig, VideoMAEForVideoClassification

    small = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = VideoMAEConfig(**small, image_size=32, patch_size=16, num_frames=16, num_labels=3, **changes)
    VideoMAEForVideoClassification(config).save_pretrained(folder)
    return str(folder)


def test_videomae_features_are_what_the_classifier_reads(tmp_path):
    torch = pytest.importorskip("torch")
    extractor = VideoMae(Weights({"videomae": tiny_videomae(tmp_path)}))
    extractor.setup()
    frames = np.random.default_rng(0).integers(0, 255, (16, 32, 32, 3), np.uint8)
    found = extractor.features(JudgedClip("x", frames, None))
    seen = []
    extractor._network.classifier.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    from transformers import VideoMAEImageProcessor

    imagenet = {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}  # as in published checkpoints
    processor = VideoMAEImageProcessor(do_resize=False, do_center_crop=False, **imagenet)
    pixels = processor(list(frames), return_tensors="pt")
    with torch.inference_mode():
        extractor._network(pixels["pixel_values"])
    assert found == pytest.approx(seen[0][0].numpy(), abs=1e-5)


def test_a_videomae_that_is_not_fine_tuned_is_refused(tmp_path):
    path = tiny_videomae(tmp_path, use_mean_pooling=False)
    with pytest.raises(EngineError, match="is not a fine-tuned VideoMAE of 16 frames"):
        VideoMae(Weights({"videomae": path})).setup()


def test_the_digest_of_weights_tells_contents_apart(tmp_path):
    (tmp_path / "a.pt").write_bytes(b"one")
    (tmp_path / "note.txt").write_bytes(b"x")
    before = weights_digest(str(tmp_path))
    (tmp_path / "note.txt").write_bytes(b"y")
    assert weights_digest(str(tmp_path)) == before
    (tmp_path / "a.pt").write_bytes(b"two")
    assert weights_digest(str(tmp_path)) != before
    assert weights_digest("openai/clip") == "openai/clip"
