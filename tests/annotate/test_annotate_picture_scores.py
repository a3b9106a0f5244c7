"""The unsafe and watermark stages with a tiny real ViT classifier, whose verdict is known because it was set by hand."""

import numpy as np
import pytest

from vsd2m.annotate.engines.quiet import load_transformers
from vsd2m.annotate.picture_scores import load_classifier
from vsd2m.annotate.unsafe import UnsafeConfig, UnsafeStage
from vsd2m.annotate.watermark import WatermarkConfig, WatermarkStage
from vsd2m.core.errors import EngineError
from vsd2m.core.stage import Batch
from vsd2m.media.clip import Clip
from vsd2m.media.encode import encode


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    """A ViT without layers, which answers "nsfw" the surer the brighter the picture; patches are averaged to a grey level."""
    transformers, torch = load_transformers()
    folder = tmp_path_factory.mktemp("tiny-vit")
    config = transformers.ViTConfig(
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=1,
        intermediate_size=8,
        image_size=16,
        patch_size=8,
        id2label={0: "normal", 1: "nsfw"},
        label2id={"normal": 0, "nsfw": 1},
    )
    model = transformers.ViTForImageClassification(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        embeddings = model.vit.embeddings.patch_embeddings.projection
        embeddings.weight[0] = 1 / embeddings.weight[0].numel()  # mean of the patch, -1..1
        for name, parameter in model.named_parameters():
            if "norm" in name and name.endswith("weight"):
                parameter.fill_(1)
            if name.endswith(("v_proj.weight", "value.weight", "o_proj.weight", "attention.output.dense.weight")):
                parameter.copy_(torch.eye(8))
        model.classifier.weight[1, 0] = 3
    model.save_pretrained(folder)
    transformers.ViTImageProcessor(size={"height": 16, "width": 16}).save_pretrained(folder)
    return folder


def sticker(*greys) -> bytes:
    frames = np.full((len(greys), 24, 24, 4), 255, np.uint8)
    for frame, grey in zip(frames, greys, strict=True):
        frame[..., :3] = grey
    return encode(Clip(frames, np.full(len(greys), 100, np.int32), 0, "apng"), "apng" if len(greys) > 1 else "png")


def scores(stage, *stickers):
    stage.setup()
    return [columns[stage.column] for columns in stage.process(Batch([{}] * len(stickers), stickers))]


def test_the_score_is_the_probability_of_the_label_and_the_worst_frame_counts(classifier):
    stage = UnsafeStage(UnsafeConfig(model=str(classifier)))
    dark, bright, flash = scores(stage, sticker(0), sticker(255), sticker(0, 0, 255))
    assert 0 <= dark < 0.5 < bright <= 1
    assert flash == bright
    assert scores(stage, sticker(255)) == [bright]


def test_a_classifier_saved_in_half_precision_is_computed_in_single_precision(classifier, tmp_path):
    transformers, torch = load_transformers()
    for file in classifier.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    network = transformers.AutoModelForImageClassification.from_pretrained(classifier, dtype=torch.bfloat16)
    network.save_pretrained(tmp_path)
    loaded = load_classifier(UnsafeConfig(model=str(tmp_path)), num_threads=1)
    assert {weights.dtype for weights in loaded._network.parameters()} == {torch.float32}


def test_labels_that_cover_all_classes_have_probability_one(classifier):
    stage = UnsafeStage(UnsafeConfig(model=str(classifier), labels=("Normal", "NSFW")))
    assert scores(stage, sticker(90)) == [1.0]


def test_a_classifier_without_the_labels_is_refused_with_those_it_has(classifier):
    stage = WatermarkStage(WatermarkConfig(model=str(classifier)))
    with pytest.raises(EngineError, match="none of the labels watermark.*it has normal, nsfw"):
        stage.setup()


def test_the_weights_are_part_of_the_stages_identity(classifier):
    (version,) = UnsafeStage(UnsafeConfig(model=str(classifier))).model_versions().values()
    assert version.startswith("sha256:")


def test_a_folder_without_a_model_is_one_clear_line(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(EngineError, match="transformers cannot load the classifier"):
        UnsafeStage(UnsafeConfig(model=str(tmp_path))).setup()
