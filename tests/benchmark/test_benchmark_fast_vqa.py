"""FAST-VQA: its Swin against torchvision's, its fragments against their definition, its file format."""

import os
import zipfile
from argparse import Namespace

import numpy as np
import pytest

from vsd2m.benchmark.metric import Weights
from vsd2m.benchmark.metrics import video_quality
from vsd2m.benchmark.metrics.video_quality import VideoQuality, load_weights
from vsd2m.benchmark.networks.fast_vqa_fragments import FAST_VQA, FASTER_VQA, mosaics
from vsd2m.benchmark.suite.clips import JudgedClip
from vsd2m.core.errors import EngineError
from vsd2m.networks.torchvision_cpu import allow_torchvision_beside_cpu_torch

torch = pytest.importorskip("torch")
allow_torchvision_beside_cpu_torch()

from vsd2m.benchmark.networks.fast_vqa import FastVqaNetwork, SwinBackbone, WindowAttention  # noqa: E402

SMALL = {"width": 12, "depths": (2, 2), "num_heads": (3, 6), "window": (2, 3, 3)}
TORCHVISION_NAMES = {
    "patch_embed.": "patch_embed.",
    "layers.0.downsample.": "features.1.",
    "layers.0.blocks.": "features.0.",
    "layers.1.blocks.": "features.2.",
    ".mlp.fc1.": ".mlp.0.",
    ".mlp.fc2.": ".mlp.3.",
}


def randomised(module):
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in module.parameters():
            weight.copy_(torch.randn(weight.shape, generator=generator) * 0.3)
    return module.eval()


def as_torchvision(state):
    """Our names as torchvision's; its Swin has no second table of biases."""
    renamed = {}
    for name, value in state.items():
        theirs = name
        for ours, replacement in TORCHVISION_NAMES.items():
            theirs = theirs.replace(ours, replacement)
        renamed[theirs] = value
    return {name: value for name, value in renamed.items() if "fragment_position" not in name}


@pytest.mark.parametrize("size", [(4, 24, 24), (8, 40, 24), (6, 28, 36)])
def test_the_backbone_agrees_with_torchvisions_video_swin(size):
    """With both tables of biases equal the gate has no effect; shifts, masks, padding and merging remain."""
    from torchvision.models.video.swin_transformer import PatchEmbed3d, SwinTransformer3d

    ours = randomised(SwinBackbone(**SMALL))
    for module in ours.modules():
        if isinstance(module, WindowAttention) and module.fragment_position_bias_table is not None:
            module.fragment_position_bias_table.data.copy_(module.relative_position_bias_table.data)
    theirs = SwinTransformer3d([2, 4, 4], 12, [2, 2], [3, 6], [2, 3, 3], num_classes=1, patch_embed=PatchEmbed3d)
    state = as_torchvision(ours.state_dict())
    missing, unexpected = theirs.load_state_dict(state, strict=False)
    assert not unexpected and set(missing) == {"head.weight", "head.bias"}
    clip = torch.randn((2, 3, *size), generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        theirs.eval()
        tokens = theirs.norm(theirs.features(theirs.pos_drop(theirs.patch_embed(clip))))
        assert torch.allclose(ours(clip), tokens.permute(0, 4, 1, 2, 3), atol=2e-5)


def test_the_bias_between_fragments_follows_the_number_of_seams():
    attention = randomised(WindowAttention(6, 2, (1, 2, 2), is_gated=True))
    seams = torch.tensor([[[0.0, 1, 1, 2], [1, 0, 2, 1], [1, 2, 0, 1], [2, 1, 1, 0]]])
    bias = attention._bias(4, seams)
    places = [(0, 0), (0, 1), (1, 0), (1, 1)]
    for i, (row_i, column_i) in enumerate(places):
        for j, (row_j, column_j) in enumerate(places):
            row = (row_i - row_j + 1) * 3 + (column_i - column_j + 1)
            relative, fragment = (
                attention.relative_position_bias_table[row],
                attention.fragment_position_bias_table[row],
            )
            d = seams[0, i, j]
            assert torch.allclose(bias[0, :, i, j], (1 - d) * fragment + d * relative)


def test_the_network_has_the_names_and_shapes_of_the_published_checkpoint():
    state = FastVqaNetwork().state_dict()
    first = "fragments_backbone.layers.0.blocks.0.attn."
    assert state[f"{first}relative_position_bias_table"].shape == (15 * 13 * 13, 3)
    assert state[f"{first}fragment_position_bias_table"].shape == (15 * 13 * 13, 3)
    assert state[f"{first}relative_position_index"].shape == (392, 392)
    assert "fragments_backbone.layers.3.blocks.1.attn.fragment_position_bias_table" not in state
    assert state["fragments_backbone.layers.2.blocks.5.mlp.fc1.weight"].shape == (4 * 384, 384)
    assert state["fragments_backbone.layers.0.downsample.reduction.weight"].shape == (192, 384)
    assert state["vqa_head.fc_hid.weight"].shape == (64, 768, 1, 1, 1)
    assert state["vqa_head.fc_last.weight"].shape == (1, 64, 1, 1, 1)


@pytest.fixture
def small_weights(tmp_path, monkeypatch):
    """A checkpoint of a small network in the published format, and the metric made to expect its size."""
    import vsd2m.benchmark.networks.fast_vqa as module

    whole = FastVqaNetwork
    monkeypatch.setattr(module, "FastVqaNetwork", lambda: whole(**SMALL))
    torch.save({"state_dict": randomised(whole(**SMALL)).state_dict()}, tmp_path / "fast.pth")
    return Weights({"fast_vqa": str(tmp_path / "fast.pth")})


def noise(seed: int, num_frames: int = 8, side: int = 64) -> JudgedClip:
    frames = np.random.default_rng(seed).integers(0, 255, (num_frames, side, side, 3), np.uint8)
    return JudgedClip("x", frames, None)


def test_a_clips_score_is_the_same_whatever_was_judged_before(small_weights, monkeypatch):
    monkeypatch.setattr(video_quality, "mosaics", lambda *arguments: mosaics(*arguments)[:1, :4])
    metric = VideoQuality(small_weights)
    metric.setup()
    first = metric.measure(noise(1))
    other = metric.measure(noise(2))
    assert metric.measure(noise(1)) == first != other
    assert 0 < first < 1


def test_a_checkpoint_of_something_else_is_refused_in_one_line(tmp_path):
    torch.save({"state_dict": {"a": torch.zeros(1)}}, tmp_path / "other.pth")
    with pytest.raises(EngineError, match="is not the expected checkpoint"):
        load_weights(FastVqaNetwork(**SMALL), str(tmp_path / "other.pth"), name="fast_vqa")


def renamed(path, core):
    """The file as the numpy that calls its scalars `core` would have written it."""
    parts = {}
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            parts[name] = archive.read(name).replace(b"numpy._core.multiarray\n", f"numpy.{core}.multiarray\n".encode())
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)


@pytest.mark.parametrize("core", ["core", "_core"])
def test_a_checkpoint_with_numpys_numbers_beside_the_state_is_read(tmp_path, core):
    results = {"srcc": np.float64(0.87), "epoch": np.int64(29), "rmse": np.float32(0.1), "best": np.bool_(True)}
    state = randomised(FastVqaNetwork(**SMALL)).state_dict()
    torch.save({"state_dict": state, "validation_results": results}, tmp_path / "fast.pth")
    renamed(tmp_path / "fast.pth", core)
    found = load_weights(FastVqaNetwork(**SMALL), str(tmp_path / "fast.pth"), name="fast_vqa").state_dict()
    assert all(torch.equal(found[name], value) for name, value in state.items())


class Harmful:
    def __reduce__(self):
        return os.mkdir, ("made by a checkpoint",)


@pytest.mark.parametrize("foreign", [Harmful(), Namespace(lr=1), np.array([object()]), np.zeros(3)])
def test_a_checkpoint_with_anything_else_is_refused_by_its_name(tmp_path, monkeypatch, foreign):
    monkeypatch.chdir(tmp_path)
    torch.save({"state_dict": {}, "more": foreign}, tmp_path / "fast.pth")
    with pytest.raises(EngineError, match=r"fast.pth holds \S+\.\S+; only tensors and numbers are read"):
        load_weights(FastVqaNetwork(**SMALL), str(tmp_path / "fast.pth"), name="fast_vqa")
    assert [path.name for path in tmp_path.iterdir()] == ["fast.pth"]


def coordinates(num_frames: int, height: int, width: int) -> np.ndarray:
    """Frames whose pixels say where they are: frame, row, column."""
    return np.stack(np.broadcast_arrays(*np.ogrid[:num_frames, :height, :width]), axis=-1).astype(np.uint8)


def test_fragments_are_pieces_of_the_cells_as_they_are():
    (mosaic, *_) = mosaics(coordinates(3, 250, 240), FAST_VQA, np.random.default_rng(0))
    for i, j in np.ndindex(7, 7):
        fragment = mosaic[:, i * 32 : (i + 1) * 32, j * 32 : (j + 1) * 32].astype(int)
        top, left = fragment[0, 0, 0, 1:]
        assert 35 * i <= top <= 35 * i + 3 and 34 * j <= left <= 34 * j + 2
        assert (fragment[..., 1] == top + np.arange(32)[:, None]).all()
        assert (fragment[..., 2] == left + np.arange(32)).all()


def test_a_clip_of_8_frames_is_seen_as_the_papers_code_sees_it():
    """FAST-VQA: four clips of frames 0, 2, 4, 6 over and over; FasterVQA: runs of 4 from every frame."""
    fast = FAST_VQA.frame_indices(8)
    assert fast.shape == (4, 32) and set(fast.flat) == {0, 2, 4, 6}
    assert fast[0, :5].tolist() == [0, 2, 4, 6, 0]
    assert FASTER_VQA.frame_indices(8)[0, :8].tolist() == [0, 1, 2, 3, 1, 2, 3, 4]
    assert FAST_VQA.frame_indices(104)[:, 0].tolist() == [5, 15, 25, 35]
    assert FASTER_VQA.frame_indices(80)[0, :5].tolist() == [3, 4, 5, 6, 13]


def test_fragments_stay_in_place_for_as_long_as_the_setting_says():
    frames = coordinates(1, 255, 255)
    (fast,) = {len(np.unique(clip[:, 0, 0, 1])) for clip in mosaics(frames, FAST_VQA, np.random.default_rng(0))}
    (clip,) = mosaics(frames, FASTER_VQA, np.random.default_rng(0))
    runs = clip[:, ::32, ::32].reshape(8, 4, -1)
    assert fast == 1 and (runs == runs[:, :1]).all() and not (runs[0] == runs[1]).all()


def test_small_clips_are_enlarged_and_keep_their_shape():
    assert mosaics(noise(0, side=20).frames, FASTER_VQA, np.random.default_rng(0)).shape == (1, 32, 224, 224, 3)


def test_the_raw_score_is_shown_on_the_published_scale():
    assert FAST_VQA.shown_score(-0.110198185) == 0.5
    assert FASTER_VQA.shown_score(0.14759505 + 0.03613452) == pytest.approx(1 / (1 + np.exp(-1)))
