"""Public checkpoints under the names of the published files."""

import warnings

import pytest
from benchmark_builders import write_outputs

from vsd2m.benchmark.metric import Weights
from vsd2m.benchmark.metrics.clip_similarity import ClipSimilarity
from vsd2m.benchmark.metrics.fvd import FrechetVideoDistance
from vsd2m.benchmark.networks.openclip import ClipEncoder
from vsd2m.benchmark.suite.clips import list_folder
from vsd2m.benchmark.suite.frame_rules import FRAME_RULES
from vsd2m.core.errors import EngineError


@pytest.fixture
def outputs(tmp_path):
    return write_outputs(tmp_path / "model", ["a cat"] * 4)


def test_fvd_runs_a_torchscript_file_called_like_the_published_one(tmp_path, outputs):
    torch = pytest.importorskip("torch")

    class Tiny(torch.nn.Module):
        def forward(self, x: torch.Tensor, rescale: bool, resize: bool, return_features: bool) -> torch.Tensor:
            assert not rescale and not resize and return_features
            assert x.shape[1:] == torch.Size([3, 16, 224, 224])
            return torch.stack([x.mean(dim=(1, 2, 3, 4)), x.abs().mean(dim=(1, 2, 3, 4))], dim=1)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.script(Tiny()).save(str(tmp_path / "i3d.pt"))
    metric = FrechetVideoDistance(Weights({"i3d_torchscript": str(tmp_path / "i3d.pt")}))
    metric.setup()
    for clip in (found.load() for found in list_folder(outputs)):
        metric.update(clip)
        metric.update_reference(clip)
    score = metric.compute(seed=0)
    assert score.value == pytest.approx(0, abs=1e-9) and score.num_clips == 4


def test_a_file_that_is_no_torchscript_is_refused_in_one_line(tmp_path):
    (tmp_path / "i3d.pt").write_bytes(b"nothing")
    with pytest.raises(EngineError, match="is not a TorchScript file"):
        FrechetVideoDistance(Weights({"i3d_torchscript": str(tmp_path / "i3d.pt")})).setup()


def test_clip_similarity_is_the_cosine_of_any_clip_checkpoint(tmp_path):
    torch = pytest.importorskip("torch")
    checkpoint = tiny_clip(tmp_path / "clip")
    metric = ClipSimilarity(Weights({"clip": str(checkpoint)}))
    metric.setup()
    (clip,) = [found.load() for found in list_folder(write_outputs(tmp_path / "out", ["a cat"]))]
    found = metric.measure(clip)
    with torch.inference_mode():
        pixels = metric.encoder.processor(
            list(clip.frames[FRAME_RULES["spread8"](len(clip.frames))]), return_tensors="pt"
        )["pixel_values"]
        tokens = metric.encoder.tokenizer(["a cat"], return_tensors="pt")
        picture = metric.encoder.model.visual_projection(metric.encoder.model.vision_model(pixels).pooler_output)
        text = metric.encoder.model.text_projection(metric.encoder.model.text_model(**tokens).pooler_output)
    expected = torch.nn.functional.cosine_similarity(picture, text).mean()
    assert found == pytest.approx(float(expected), abs=1e-5)


def tiny_clip(folder):
    """A CLIP of transformers' own classes with random weights."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    from vsd2m.networks.torchvision_cpu import allow_torchvision_beside_cpu_torch

    allow_torchvision_beside_cpu_torch()
    from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel, PreTrainedTokenizerFast

    words = Tokenizer(models.WordLevel({"a": 0, "cat": 1, "[EOS]": 2, "[UNK]": 3}, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=words, eos_token="[EOS]", pad_token="[EOS]", unk_token="[UNK]", model_max_length=8
    )
    small = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = CLIPConfig(
        text_config={**small, "vocab_size": 4, "max_position_embeddings": 8, "eos_token_id": 2},
        vision_config={**small, "image_size": 16, "patch_size": 8},
        projection_dim=8,
    )
    CLIPModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    CLIPImageProcessorPil(size={"shortest_edge": 16}, crop_size={"height": 16, "width": 16}).save_pretrained(folder)
    return folder


def test_weights_saved_in_half_precision_are_judged_with_in_single_precision(tmp_path):
    torch = pytest.importorskip("torch")
    folder = tiny_clip(tmp_path)
    from transformers import CLIPModel

    CLIPModel.from_pretrained(folder, dtype=torch.bfloat16).save_pretrained(folder)
    encoder = ClipEncoder(Weights({"clip": str(folder)}))
    encoder.setup()
    assert {weights.dtype for weights in encoder.model.parameters()} == {torch.float32}
