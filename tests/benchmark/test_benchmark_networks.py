"""Published file formats are read, by state dicts of the right names and shapes with random values."""

import numpy as np
import pytest

from vsd2m.benchmark.extractors.i3d import I3d, preprocess
from vsd2m.benchmark.extractors.videomae_v2 import VideoMaeV2, as_transformers
from vsd2m.benchmark.metric import Weights
from vsd2m.benchmark.metrics.clip_similarity import ClipSimilarity
from vsd2m.benchmark.metrics.frame_quality import FrameQuality
from vsd2m.benchmark.networks.openclip import ClipEncoder
from vsd2m.benchmark.selfcheck.stand_ins import (
    SMALL,
    moving_clip,
    randomised,
    write_clip,
    write_i3d,
    write_i3d_torchscript,
    write_videomae_v2,
)
from vsd2m.benchmark.suite.clips import JudgedClip
from vsd2m.benchmark.suite.frame_rules import loop16
from vsd2m.core.errors import EngineError
from vsd2m.networks.torchvision_cpu import allow_torchvision_beside_cpu_torch

torch = pytest.importorskip("torch")
allow_torchvision_beside_cpu_torch()

from vsd2m.benchmark.networks.i3d import I3dNetwork, _pooled  # noqa: E402


def test_the_i3d_has_the_names_and_shapes_of_the_published_state():
    state = I3dNetwork().state_dict()
    assert len(state) == 57 * 6 + 2
    assert state["Conv3d_1a_7x7.conv3d.weight"].shape == (64, 3, 7, 7, 7)
    assert state["Mixed_4d.b2b.bn.running_var"].shape == (64,)
    assert state["Mixed_5c.b1b.conv3d.weight"].shape == (384, 192, 3, 3, 3)
    assert state["logits.conv3d.weight"].shape == (400, 1024, 1, 1, 1)


@pytest.fixture(scope="module")
def i3d_file(tmp_path_factory):
    return write_i3d(tmp_path_factory.mktemp("i3d") / "i3d_pretrained_400.pt")


def test_folding_changes_no_logit(i3d_file):
    network = I3dNetwork().eval()
    network.load_state_dict(torch.load(i3d_file, weights_only=True))
    clip = torch.rand((1, 3, 9, 200, 196), generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.inference_mode():
        before = network(clip)
        after = network.fold()(clip)
    assert torch.allclose(before, after, atol=1e-5 * float(before.abs().max()))
    assert not [name for name in network.state_dict() if ".bn." in name]


@pytest.mark.parametrize(("kernel", "stride"), [((1, 3, 3), (1, 2, 2)), ((3, 3, 3), (1, 1, 1)), ((2, 2, 2), (2, 2, 2))])
@pytest.mark.parametrize("size", [(4, 8, 9), (5, 7, 6)])
def test_pooling_along_the_axes_is_torchs_pooling_of_the_padded_clip(kernel, stride, size):
    clip = torch.rand((2, 3, *size), generator=torch.Generator().manual_seed(0))
    sides = []
    for length, side, step in reversed(list(zip(size, kernel, stride, strict=True))):
        total = max(side - (length % step or step), 0)
        sides += [total // 2, total - total // 2]
    expected = torch.nn.functional.max_pool3d(torch.nn.functional.pad(clip, sides), kernel, stride)
    assert torch.equal(_pooled(clip, kernel, stride), expected)


def test_a_frame_that_is_shown_twice_is_the_same_twice():
    clip = moving_clip(0, num_frames=5)
    video = preprocess(clip.frames, loop16(5))
    assert video.shape == (1, 3, 16, 224, 224)
    assert torch.equal(video[:, :, 3], video[:, :, 8]) and not torch.equal(video[:, :, 3], video[:, :, 4])
    assert -1 <= float(video.min()) < float(video.max()) <= 1


@pytest.mark.parametrize("name", ["i3d_pytorch", "i3d_torchscript"])
def test_both_published_files_give_400_logits_that_depend_on_the_clip(name, i3d_file, tmp_path):
    path = i3d_file if name == "i3d_pytorch" else write_i3d_torchscript(tmp_path / "i3d.pt")
    extractor = I3d(Weights({name: path}))
    assert extractor.missing() is None
    extractor.load()
    first, second = (extractor.vector(moving_clip(seed)) for seed in (0, 1))
    assert first.shape == (extractor.num_features,) == (400,) and first.dtype == np.float32
    assert np.abs(first - second).max() > 0.01 * np.abs(first).max()
    assert extractor.protocol()["weights"] != I3d(Weights()).protocol()["weights"] == "missing"


def test_a_file_that_holds_something_else_is_refused_in_one_line(tmp_path):
    torch.save({"a": torch.zeros(1)}, tmp_path / "a.pt")
    for name, extractor in (("i3d_pytorch", I3d), ("videomae_v2", VideoMaeV2), ("i3d_torchscript", I3d)):
        with pytest.raises(EngineError, match=name) as caught:
            extractor(Weights({name: str(tmp_path / "a.pt")})).load()
        assert "\n" not in str(caught.value)
    (tmp_path / "b.pt").write_bytes(b"no checkpoint at all")
    for name, extractor in (("i3d_pytorch", I3d), ("videomae_v2", VideoMaeV2), ("i3d_torchscript", I3d)):
        with pytest.raises(EngineError, match=name):
            extractor(Weights({name: str(tmp_path / "b.pt")})).load()


def test_videomae_v2_is_built_to_the_sizes_of_its_file(tmp_path):
    path = write_videomae_v2(tmp_path / "giant.pth", width=48, depth=3)
    extractor = VideoMaeV2(Weights({"videomae_v2": path}))
    extractor.load()
    vector = extractor.vector(moving_clip(0))
    assert vector.shape == (extractor.num_features,) == (48,)
    state = torch.load(path, weights_only=True)["module"]
    assert len(as_transformers(state)) == len(state) - 4 + 3 * 2  # less norm and head; query, key, value apart
    with pytest.raises(KeyError, match="not one of VideoMAE-v2's"):
        as_transformers({**state, "pos_embed": state["head.bias"]})


@pytest.fixture(scope="module")
def clip_folder(tmp_path_factory):
    pytest.importorskip("open_clip", reason="its list of tokens is needed")
    return write_clip(tmp_path_factory.mktemp("clip"))


def multilingual(kind: str, folder) -> str:
    """A model of another class with random weights, and a tokenizer of words."""
    import tokenizers
    import transformers

    words = tokenizers.Tokenizer(tokenizers.models.WordLevel({"[UNK]": 0, "[PAD]": 1, "晚安": 2, "熊猫": 3}, "[UNK]"))
    words.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    text = {
        **SMALL,
        "vocab_size": 4,
        "max_position_embeddings": 16,
        "pad_token_id": 1,
        "eos_token_id": 1,
        "bos_token_id": 1,
    }
    vision = {**SMALL, "image_size": 32, "patch_size": 8}
    if kind == "chinese_clip":
        model = transformers.ChineseCLIPModel(
            transformers.ChineseCLIPConfig(text_config=text, vision_config=vision, projection_dim=16)
        )
        pictures = transformers.ChineseCLIPImageProcessorPil(size={"height": 32, "width": 32}, do_center_crop=False)
    else:
        model = transformers.SiglipModel(transformers.SiglipConfig(text_config=text, vision_config=vision))
        pictures = transformers.SiglipImageProcessorPil(size={"height": 32, "width": 32})
    randomised(model).save_pretrained(folder)
    pictures.save_pretrained(folder)
    transformers.PreTrainedTokenizerFast(tokenizer_object=words, pad_token="[PAD]", unk_token="[UNK]").save_pretrained(
        folder
    )
    return str(folder)


@pytest.mark.parametrize("kind", ["chinese_clip", "siglip"])
def test_a_multilingual_model_takes_the_place_of_clip(kind, tmp_path):
    encoder = ClipEncoder(Weights({"clip": multilingual(kind, tmp_path)}))
    encoder.setup()
    night, panda = encoder.text("晚安"), encoder.text("熊猫")
    picture = encoder.picture(moving_clip(0))
    assert np.linalg.norm(night) == pytest.approx(1, abs=1e-5) and picture.shape == night.shape
    assert not np.allclose(night, panda)


def test_clips_embeddings_are_unit_vectors_and_their_product_is_the_cosine(clip_folder):
    metric = ClipSimilarity(Weights({"clip": clip_folder}))
    metric.setup()
    clip = moving_clip(0, num_frames=8, prompt="a panda says good night")
    with torch.inference_mode():
        inputs = metric.encoder.tokenizer([clip.prompt], return_tensors="pt")
        found = metric.encoder.model(**inputs, **metric.encoder.processor(list(clip.frames), return_tensors="pt"))
    assert metric.measure(clip) == pytest.approx(float((found.image_embeds @ found.text_embeds.T).mean()), abs=1e-6)
    assert metric.measure(JudgedClip("x", clip.frames, None)) is None
    assert metric.encoder.text("panda " * 500).shape == metric.encoder.text("panda").shape


def test_frame_quality_is_the_share_of_the_good_text(clip_folder):
    metric = FrameQuality(Weights({"clip": clip_folder}))
    metric.setup()
    clip = moving_clip(0, num_frames=1)
    logits = (
        100
        * metric.encoder.frames(clip.frames)
        @ np.stack([metric.encoder.text(t) for t in ("Good photo.", "Bad photo.")]).T
    )
    expected = torch.softmax(torch.from_numpy(logits), dim=-1)[0, 0]
    assert metric.measure(clip) == pytest.approx(float(expected), abs=1e-5)


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(EngineError, match="clip: cannot load"):
        ClipEncoder(Weights({"clip": str(tmp_path)})).setup()
