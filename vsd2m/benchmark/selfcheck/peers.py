"""Compares our numbers with those of independent implementations, on the same random weights and inputs.

Every comparison gives the largest difference, relative to the peer's largest value. A peer that is not installed is
reported. N vectors, D dimensions.
"""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from vsd2m.benchmark.distances.frechet import frechet_distance, gaussian_distance
from vsd2m.benchmark.distances.mmd import polynomial_mmd
from vsd2m.benchmark.distances.moments import RunningMoments
from vsd2m.benchmark.extractors.i3d import I3d
from vsd2m.benchmark.extractors.videomae_v2 import VideoMaeV2
from vsd2m.benchmark.metric import Weights
from vsd2m.benchmark.metrics.clip_similarity import ClipSimilarity
from vsd2m.benchmark.metrics.frame_blur import blur_of
from vsd2m.benchmark.metrics.video_quality import load_weights
from vsd2m.benchmark.networks.fast_vqa_fragments import FAST_VQA, FASTER_VQA, mosaics
from vsd2m.benchmark.networks.openclip import ClipEncoder
from vsd2m.benchmark.selfcheck.check import Check
from vsd2m.benchmark.selfcheck.stand_ins import moving_clip, write_clip, write_fast_vqa, write_i3d, write_videomae_v2
from vsd2m.benchmark.suite.frame_rules import loop16
from vsd2m.networks.torchvision_cpu import allow_torchvision_beside_cpu_torch

TOLERANCE = 1e-4
PROMPTS = ("A cute rabbit setting off fire-crackers", "good night 晚安", "panda")


def compare() -> Iterator[Check]:
    """All comparisons, one after the other."""
    allow_torchvision_beside_cpu_torch()
    for name, packages, difference in COMPARISONS:
        source = ", ".join(_version(package) for package in packages)
        try:
            with tempfile.TemporaryDirectory() as folder:
                yield Check(name, source, 0.0, TOLERANCE, difference(Path(folder)))
        except ModuleNotFoundError as error:
            yield Check(name, source, 0.0, TOLERANCE, None, f"needs {error.name}: pip install {' '.join(packages)}")


def i3d_logits(folder: Path) -> float:
    """From pixels to logits, including resizing; the weights are loaded from a file in the published format."""
    import torch
    from cdfvd.third_party.i3d.utils import load_i3d_model, preprocess_i3d

    path = write_i3d(folder / "i3d_pretrained_400.pt")
    clips = _clips()
    theirs = load_i3d_model(torch.device("cpu"), path)
    with torch.inference_mode():
        expected = theirs(preprocess_i3d(_looped(clips))).numpy()
    ours = I3d(Weights({"i3d_pytorch": path}))
    ours.load()
    return _difference(np.stack([ours.vector(clip) for clip in clips]), expected)


def videomae_v2_features(folder: Path) -> float:
    """From pixels to features, with a small network."""
    import torch
    from cdfvd.third_party.VideoMAEv2.utils import preprocess_videomae
    from cdfvd.third_party.VideoMAEv2.videomaev2_finetune import VisionTransformer

    path = write_videomae_v2(folder / "videomae.pth")
    sizes: dict[str, Any] = {"patch_size": 56, "embed_dim": 32, "depth": 2, "num_heads": 16, "mlp_ratio": 139.7 / 32}
    norm = {"norm_layer": lambda width: torch.nn.LayerNorm(width, eps=1e-6)}
    theirs = VisionTransformer(img_size=224, num_classes=174, qkv_bias=True, **sizes, **norm).eval()
    theirs.load_state_dict(torch.load(path, weights_only=True)["module"])
    clips = _clips()
    with torch.inference_mode():
        expected = theirs.forward_features(preprocess_videomae(_looped(clips))).numpy()
    ours = VideoMaeV2(Weights({"videomae_v2": path}))
    ours.load()
    return _difference(np.stack([ours.vector(clip) for clip in clips]), expected)


def fvd_of_features(_: Path) -> float:
    """cd-fvd divides its covariances by N and takes scipy's square root of their product."""
    from cdfvd.fvd import cdfvd
    from cdfvd.utils.metric_utils import FeatureStats

    first, second = _features(600, 500, 40)
    stats = []
    for vectors in (first, second):
        stats.append(FeatureStats(capture_mean_cov=True))
        stats[-1].append(vectors)
    expected = cdfvd.compute_fvd_from_stats(None, stats[0], stats[1])
    ours = []
    for vectors in (first, second):
        moments = RunningMoments()
        for vector in vectors.astype(np.float32):
            moments.update(vector)
        ours += [moments.mean, moments.covariance * (len(vectors) - 1) / len(vectors)]
    return _difference(gaussian_distance(*ours), expected)


def fid(_: Path) -> float:
    """torchmetrics' whole class, with a network that returns the pixels."""
    import torch
    from torchmetrics.image.fid import FrechetInceptionDistance

    first, second = _features(300, 200, 12)
    theirs = FrechetInceptionDistance(feature=_pixels(12), input_img_size=(3, 2, 2)).set_dtype(torch.float64)
    for vectors, is_real in ((first, True), (second, False)):
        theirs.update(torch.tensor(vectors.reshape(-1, 3, 2, 2)), real=is_real)
    return _difference(frechet_distance(first, second), float(theirs.compute()))


def kid(_: Path) -> float:
    """KID excludes the pairs of a vector with itself; the difference is added."""
    import torch
    from torchmetrics.image.kid import poly_mmd

    first, second = (vectors / 5 for vectors in _features(90, 90, 12))
    theirs = float(poly_mmd(torch.tensor(first), torch.tensor(second), degree=3, coef=1.0))
    kernels = [(vectors @ vectors.T / 12 + 1) ** 3 for vectors in (first, second)]
    difference = sum(kernel.mean() - (kernel.sum() - np.trace(kernel)) / (90 * 89) for kernel in kernels)
    return _difference(polynomial_mmd(first, second, degree=3, coef=1), theirs + difference)


def matrix_root(_: Path) -> float:
    """The distance by `scipy.linalg.sqrtm` of the product of the covariances."""
    from scipy.linalg import sqrtm

    first, second = _features(300, 200, 30)
    one, two = np.cov(first, rowvar=False), np.cov(second, rowvar=False)
    mean = ((first.mean(0) - second.mean(0)) ** 2).sum()
    return _difference(frechet_distance(first, second), mean + np.trace(one + two - 2 * sqrtm(one @ two).real))


def polynomial_kernel(_: Path) -> float:
    """The MMD from scikit-learn's kernel."""
    from sklearn.metrics.pairwise import polynomial_kernel

    x, y = _features(60, 50, 9)
    means = [polynomial_kernel(a, b, degree=2, gamma=None, coef0=0).mean() for a, b in ((x, x), (y, y), (x, y))]
    return _difference(polynomial_mmd(x, y), means[0] + means[1] - 2 * means[2])


def blur(_: Path) -> float:
    """The blur of a picture with edges and noise."""
    from skimage.measure import blur_effect

    grey = moving_clip(1).frames[0].mean(axis=2) + np.random.default_rng(0).normal(0, 3, (40, 56))
    return _difference(blur_of(grey), blur_effect(grey))


def clip_score(folder: Path) -> float:
    """torchmetrics' score of a still is 100 times our cosine, or 0 if that is negative."""
    import torch
    import transformers
    from torchmetrics.functional.multimodal.clip_score import clip_score as theirs

    ours = ClipSimilarity(Weights({"clip": write_clip(folder)}))
    ours.setup()
    processor = transformers.CLIPProcessor(ours.encoder.processor, ours.encoder.tokenizer)
    clips = [moving_clip(seed, num_frames=1, prompt=prompt) for seed in range(4) for prompt in PROMPTS]
    pictures = [torch.from_numpy(clip.frames[0]).permute(2, 0, 1) for clip in clips]
    expected = [
        float(theirs(picture, clip.prompt, lambda: (_Bare(ours), processor)))
        for picture, clip in zip(pictures, clips, strict=True)
    ]
    return _difference([max(0.0, 100 * (ours.measure(clip) or 0)) for clip in clips], expected)


def clip_features(folder: Path) -> float:
    """open_clip's network with our weights under its names, and its own tokens and preprocessing."""
    import open_clip
    import torch
    from open_clip.model import CLIP
    from PIL import Image

    ours = ClipEncoder(Weights({"clip": write_clip(folder)}))
    ours.setup()
    vision = {"layers": 2, "width": 32, "head_width": 16, "patch_size": 8, "image_size": 32, "mlp_ratio": 2.0}
    text = {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2, "mlp_ratio": 2.0}
    theirs = CLIP(16, vision, text, quick_gelu=True).eval()
    theirs.load_state_dict(_as_open_clip(ours.model.state_dict()))
    prepare = open_clip.image_transform(32, is_train=False)
    clip = moving_clip(3)
    pictures = torch.stack([prepare(Image.fromarray(frame)) for frame in clip.frames])
    with torch.inference_mode():
        picture_vectors = theirs.encode_image(pictures, normalize=True).numpy()
        text_vectors = theirs.encode_text(open_clip.tokenize(list(PROMPTS)), normalize=True).numpy()
    texts = np.stack([ours.text(prompt) for prompt in PROMPTS])
    return max(_difference(ours.frames(clip.frames), picture_vectors), _difference(texts, text_vectors))


def fast_vqa_network(folder: Path) -> float:
    """The authors' network at full size, on 32 frames of noise; the weights are loaded from a file."""
    import torch
    from vsreval._vendor.dover.models.head import VQAHead
    from vsreval._vendor.dover.models.swin_backbone import SwinTransformer3D

    from vsd2m.benchmark.networks.fast_vqa import FastVqaNetwork

    ours = load_weights(FastVqaNetwork(), write_fast_vqa(folder / "fast.pth"), name="fast_vqa")
    theirs = torch.nn.ModuleDict({"fragments_backbone": SwinTransformer3D(), "vqa_head": VQAHead()}).eval()
    theirs.load_state_dict(ours.state_dict())
    clip = torch.randn((1, 3, 32, 224, 224), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected = theirs["vqa_head"](theirs["fragments_backbone"](clip))
        return _difference(ours(clip).numpy(), expected.numpy())


def fragments(_: Path) -> float:
    """The authors' fragments of clips of 250 x 310 pixels, at positions that torch draws for both."""
    sampling = _dover_datasets()
    import torch

    frames = np.random.default_rng(0).integers(0, 256, (40, 250, 310, 3), np.uint8)
    differences = []
    for setting in (FAST_VQA, FASTER_VQA):
        chosen = torch.from_numpy(frames[setting.frame_indices(40).ravel()])
        torch.manual_seed(5)
        theirs = sampling.get_spatial_fragments(chosen.permute(3, 0, 1, 2), aligned=setting.frames_per_place)
        torch.manual_seed(5)
        places = _Places(len(chosen) // setting.frames_per_place, (250 // 7 - 32, 310 // 7 - 32))
        fragments = mosaics(frames, setting, cast("np.random.Generator", places)).reshape(-1, 224, 224, 3)
        differences.append(_difference(fragments, theirs.permute(1, 2, 3, 0)))
    return max(differences)


def frame_choice(_: Path) -> float:
    """The authors' choice of frames for FAST-VQA, for clips of 8 to 300 frames."""
    from vsreval._vendor.fastvqa import sample_frame_indices

    lengths = (8, 30, 64, 65, 104, 300)
    ours = [FAST_VQA.frame_indices(length).ravel() for length in lengths]
    return _difference(ours, [sample_frame_indices(length, 32, 4, frame_interval=2) for length in lengths])


COMPARISONS: tuple[tuple[str, tuple[str, ...], Callable[[Path], float]], ...] = (
    ("I3D logits from pixels", ("cd-fvd",), i3d_logits),
    ("VideoMAE-v2 features from pixels", ("cd-fvd",), videomae_v2_features),
    ("Fréchet distance, covariances over N", ("cd-fvd",), fvd_of_features),
    ("Fréchet distance, covariances over N - 1", ("torchmetrics",), fid),
    ("Fréchet distance by a matrix square root", ("scipy",), matrix_root),
    ("polynomial MMD, degree 3, coef 1", ("torchmetrics",), kid),
    ("polynomial MMD, degree 2, gamma 1 / D", ("scikit-learn",), polynomial_kernel),
    ("CLIPScore", ("torchmetrics",), clip_score),
    ("CLIP features from pixels and prompts", ("open-clip-torch",), clip_features),
    ("FAST-VQA network", ("vsreval",), fast_vqa_network),
    ("FAST-VQA and FasterVQA fragments", ("vsreval", "decord", "opencv-python-headless"), fragments),
    ("FAST-VQA choice of frames", ("vsreval",), frame_choice),
    ("blur of a frame", ("scikit-image",), blur),
)
"""A comparison: its name, the packages it needs, and its function."""


class _Places:
    """Replaces the random generator: returns positions drawn by torch, rows before columns, `count` times."""

    def __init__(self, count: int, free: tuple[int, int]) -> None:
        import torch

        rows, columns = (torch.randint(side, (7, 7, count)) for side in free)
        self._places = iter(torch.stack([rows, columns], dim=-1).permute(2, 0, 1, 3).numpy())

    def integers(self, *_: Any) -> NDArray[np.int64]:
        places: NDArray[np.int64] = next(self._places)
        return places


class _Bare:
    """Adapts a CLIP of transformers 5 to torchmetrics, which expects features as tensors, not as output objects."""

    def __init__(self, metric: ClipSimilarity) -> None:
        self._model = metric.encoder.model
        self.config = self._model.config

    def to(self, _: Any) -> "_Bare":
        return self

    def get_image_features(self, pixels: Any) -> Any:
        return self._model.get_image_features(pixels).pooler_output.detach()

    def get_text_features(self, tokens: Any, mask: Any) -> Any:
        return self._model.get_text_features(tokens, mask).pooler_output.detach()


def _pixels(size: int) -> Any:
    """A network for torchmetrics' FID that returns its input as features."""
    import torch

    class Pixels(torch.nn.Module):  # type: ignore[misc]
        num_features = size

        def forward(self, pictures: Any) -> Any:
            return pictures.flatten(1).to(torch.float64)

    return Pixels()


def _as_open_clip(state: Mapping[str, Any]) -> dict[str, Any]:
    """Renames transformers' weights to open_clip's, whose attention has one matrix for query, key and value."""
    import torch

    renamed = {
        "logit_scale": state["logit_scale"],
        "token_embedding.weight": state["text_model.embeddings.token_embedding.weight"],
        "positional_embedding": state["text_model.embeddings.position_embedding.weight"],
        "text_projection": state["text_projection.weight"].T,
        "visual.class_embedding": state["vision_model.embeddings.class_embedding"],
        "visual.conv1.weight": state["vision_model.embeddings.patch_embedding.weight"],
        "visual.positional_embedding": state["vision_model.embeddings.position_embedding.weight"],
        "visual.proj": state["visual_projection.weight"].T,
    }
    norms = {
        "ln_final": "text_model.final_layer_norm",
        "visual.ln_pre": "vision_model.pre_layrnorm",
        "visual.ln_post": "vision_model.post_layernorm",
    }
    layers = {"": "text_model", "visual.": "vision_model"}
    for prefix, model in layers.items():
        for i in range(2):
            block, layer = f"{prefix}transformer.resblocks.{i}", f"{model}.encoder.layers.{i}"
            norms |= {
                f"{block}.ln_1": f"{layer}.layer_norm1",
                f"{block}.ln_2": f"{layer}.layer_norm2",
                f"{block}.mlp.c_fc": f"{layer}.mlp.fc1",
                f"{block}.mlp.c_proj": f"{layer}.mlp.fc2",
                f"{block}.attn.out_proj": f"{layer}.self_attn.out_proj",
            }
            for kind in ("weight", "bias"):
                parts = [state[f"{layer}.self_attn.{part}_proj.{kind}"] for part in "qkv"]
                renamed[f"{block}.attn.in_proj_{kind}"] = torch.cat(parts)
    for theirs, ours in norms.items():
        renamed |= {f"{theirs}.{kind}": state[f"{ours}.{kind}"] for kind in ("weight", "bias")}
    return renamed


def _clips() -> list[Any]:
    return [moving_clip(seed, num_frames=frames) for seed, frames in enumerate((8, 20))]


def _looped(clips: list[Any]) -> NDArray[np.uint8]:
    return np.stack([clip.frames[loop16(len(clip.frames))] for clip in clips])


def _features(num_first: int, num_second: int, size: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    chance = np.random.default_rng(num_first)
    return (
        chance.normal(size=(num_first, size)) @ chance.normal(size=(size, size)),
        chance.normal(size=(num_second, size)) + 0.3,
    )


def _difference(computed: Any, expected: Any) -> float:
    one, two = np.asarray(computed, np.float64), np.asarray(expected, np.float64)
    return float(np.abs(one - two).max() / np.abs(two).max())


def _dover_datasets() -> Any:
    import vsreval._vendor.dover.datasets.dover_datasets as module

    return module


def _version(package: str) -> str:
    try:
        return f"{package} {metadata.version(package)}"
    except metadata.PackageNotFoundError:
        return package
