import json
import warnings

import numpy as np
import pytest

from vsd2m.benchmark.clips import read_folder
from vsd2m.benchmark.config import BenchmarkConfig
from vsd2m.benchmark.metric import Weights
from vsd2m.benchmark.metrics.clip_similarity import ClipSimilarity
from vsd2m.benchmark.metrics.fvd import FrechetVideoDistance
from vsd2m.benchmark.results import REAL, read_results
from vsd2m.benchmark.runner import run_benchmark
from vsd2m.benchmark.tables import as_csv, as_markdown
from vsd2m.core.errors import ConfigError, EngineError, StorageError
from vsd2m.media.clip import Clip
from vsd2m.media.encode import encode

PLAIN = ("motion_amount", "flicker", "loop_closure")


def write_gif(path, *, seed: int, num_frames: int = 5) -> None:
    frames = np.random.default_rng(seed).integers(0, 255, (num_frames, 16, 16, 4), np.uint8)
    frames[..., 3] = 255
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode(Clip(frames, np.full(num_frames, 100, np.int32), 0, "gif"), "gif"))


@pytest.fixture
def outputs(tmp_path):
    for number in range(4):
        write_gif(tmp_path / "model" / f"{number}.gif", seed=number)
    return tmp_path / "model"


def test_real_and_generated_stickers_are_scored_and_read_back(sticker_run, outputs, tmp_path):
    shards = sticker_run.store.path("shards")
    config = BenchmarkConfig(generated={"noise": str(outputs)}, shards=shards, splits=("train",), size=32)
    results = run_benchmark(config, str(tmp_path / "out"))
    by_name = {score.metric: score for score in results.scores["noise"]}
    assert by_name["flicker"].value == pytest.approx(np.sqrt(2), abs=0.35)  # uniform noise in a palette
    real = {score.metric: score for score in results.scores[REAL]}
    assert real["motion_amount"].value < by_name["motion_amount"].value
    assert real["frechet_efficientnet_lite0"].value < by_name["frechet_efficientnet_lite0"].value
    assert {skipped.metric for skipped in results.skipped} == {
        "text_legibility",
        "video_quality",
        "video_quality_faster",
        "fvd",
        "fvd_infinite",
        "fvd_videomae",
        "mmd_videomae",
        "clip_similarity",
        "clip_retrieval",
    }
    assert as_markdown(read_results(str(tmp_path / "out"))) == as_markdown(results)
    assert as_csv(results).count("\n") == 1 + sum(map(len, results.scores.values()))


def test_a_skipped_metric_is_named_with_the_weights_it_needs(sticker_run, outputs, tmp_path):
    shards = sticker_run.store.path("shards")
    config = BenchmarkConfig(
        generated={"m": str(outputs)}, shards=shards, splits=("train",), size=32, metrics=("motion_amount", "fvd")
    )
    table = as_markdown(run_benchmark(config, str(tmp_path / "out")))
    assert "- skipped: `fvd` needs weights `i3d_torchscript`" in table
    assert "| fvd" not in table


def test_numbers_with_different_protocols_are_refused_in_one_table(sticker_run, outputs, tmp_path):
    shards = sticker_run.store.path("shards")
    config = BenchmarkConfig(
        generated={"m": str(outputs)}, shards=shards, splits=("train",), size=32, metrics=("motion_amount",)
    )
    run_benchmark(config, str(tmp_path / "one"))
    lines = (tmp_path / "one" / "results.jsonl").read_text().splitlines()
    other = [{**json.loads(line), "model": "other", "protocol": {"frames": "first 4"}} for line in lines]
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "results.jsonl").write_text("".join(json.dumps(line) + "\n" for line in other))
    with pytest.raises(ConfigError, match="motion_amount of 'other' was measured with another protocol"):
        as_markdown(read_results(str(tmp_path / "one"), str(tmp_path / "two")))


def test_a_folder_is_read_whole_or_not_at_all(outputs):
    assert [clip.name for clip in read_folder(outputs)] == ["0.gif", "1.gif", "2.gif", "3.gif"]
    (outputs / "broken.gif").write_bytes(b"GIF89a")
    with pytest.raises(StorageError, match="cannot judge .*broken.gif"):
        list(read_folder(outputs))


def test_a_folder_without_animations_is_refused(tmp_path):
    with pytest.raises(StorageError, match="holds no animations"):
        list(read_folder(tmp_path))


def test_prompts_come_from_the_manifest(outputs):
    rows = [{"file": "1.gif", "prompt": "a cat"}, {"file": "3.gif", "prompt": "a dog"}]
    (outputs / "manifest.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert [(clip.name, clip.prompt) for clip in read_folder(outputs)] == [("1.gif", "a cat"), ("3.gif", "a dog")]


def test_a_video_file_is_read_like_an_animation(tmp_path):
    av = pytest.importorskip("av")
    with av.open(str(tmp_path / "x.mp4"), "w") as container:
        stream = container.add_stream("mpeg4", rate=8, width=32, height=32, pix_fmt="yuv420p")
        for level in (0, 120, 240):
            frame = av.VideoFrame.from_ndarray(np.full((32, 32, 3), level, np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    (clip,) = read_folder(tmp_path)
    assert clip.frames.shape == (3, 32, 32, 3)
    assert clip.frames.mean(axis=(1, 2, 3)) == pytest.approx([0, 120, 240], abs=6)


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
    for clip in read_folder(outputs):
        metric.update(clip)
        metric.update_reference(clip)
    score = metric.compute(seed=0)
    assert score.value == pytest.approx(0, abs=1e-9) and score.num_clips == 4


def test_a_file_that_is_no_torchscript_is_refused_in_one_line(tmp_path):
    (tmp_path / "i3d.pt").write_bytes(b"nothing")
    with pytest.raises(EngineError, match="is no TorchScript file"):
        FrechetVideoDistance(Weights({"i3d_torchscript": str(tmp_path / "i3d.pt")})).setup()


def test_clip_similarity_is_the_cosine_of_any_clip_checkpoint(tmp_path):
    torch = pytest.importorskip("torch")
    checkpoint = tiny_clip(tmp_path / "clip")
    metric = ClipSimilarity(Weights({"clip": str(checkpoint)}))
    metric.setup()
    write_gif(tmp_path / "out" / "a.gif", seed=0, num_frames=8)
    (tmp_path / "out" / "manifest.jsonl").write_text('{"file": "a.gif", "prompt": "a cat"}\n')
    (clip,) = read_folder(tmp_path / "out")
    found = metric.measure(clip)
    with torch.inference_mode():
        pixels = metric.encoder.pictures(list(clip.frames), return_tensors="pt")["pixel_values"]
        tokens = metric.encoder.tokenizer(["a cat"], return_tensors="pt")
        picture = metric.encoder.model.visual_projection(metric.encoder.model.vision_model(pixels).pooler_output)
        text = metric.encoder.model.text_projection(metric.encoder.model.text_model(**tokens).pooler_output)
    expected = torch.nn.functional.cosine_similarity(picture, text).mean()
    assert found == pytest.approx(float(expected), abs=1e-5)


def tiny_clip(folder):
    """A CLIP of transformers' own classes with random weights."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    from vsd2m.core.torchvision_cpu import allow_torchvision_beside_cpu_torch

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
