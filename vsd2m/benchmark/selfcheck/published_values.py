"""Published check values: the files they need, and how they are computed from these.

N clips, T frames, D features.
"""

import hashlib
import math
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vsd2m.benchmark.distances.frechet import frechet_distance, gaussian_distance
from vsd2m.benchmark.extractors.base import Extractor
from vsd2m.benchmark.extractors.i3d import GIT_BLOB, PYTORCH_GIT_BLOB, SIDE, I3d
from vsd2m.benchmark.extractors.videomae_v2 import FILE, VideoMaeV2
from vsd2m.benchmark.metric import Weights
from vsd2m.benchmark.metrics.video_quality import VideoQuality
from vsd2m.benchmark.metrics.video_quality_faster import VideoQualityFaster
from vsd2m.benchmark.networks.openclip import ClipEncoder
from vsd2m.benchmark.selfcheck.check import Check
from vsd2m.benchmark.suite.clips import JudgedClip, read_file
from vsd2m.benchmark.suite.videos import VIDEOS
from vsd2m.core.errors import StorageError

DEMO_VIDEO = "10053703034.mp4"
EXAMPLES = "example_videos"
NUM_DUMMIES = (128, 256)


@dataclass(frozen=True)
class Needed:
    """A published file or folder, identified by its git hash or, if that is unknown, by its name (a pattern)."""

    name: str
    git_blob: str | None = None
    is_folder: bool = False

    def find(self, folder: Path | None) -> Path | None:
        paths = sorted(path for path in folder.rglob("*") if path.is_dir() == self.is_folder) if folder else []
        if self.git_blob is None:
            return next((path for path in paths if fnmatch(path.name, self.name)), None)
        return next((path for path in paths if git_blob(path) == self.git_blob), None)

    def __str__(self) -> str:
        kind = "folder " if self.is_folder else ""
        return f"{kind}{self.name} (git blob {self.git_blob})" if self.git_blob else f"{kind}{self.name}"


I3D_FILE = Needed("i3d_torchscript.pt", GIT_BLOB)
I3D_STATE = Needed("i3d_pretrained_400.pt", PYTORCH_GIT_BLOB)
CLIP_FOLDER = Needed("*clip-vit-base-patch16*", is_folder=True)


@dataclass(frozen=True)
class Recipe:
    """A published number, the files it needs, and a function of these files in the order of `needs`."""

    name: str
    source: str
    expected: float
    tolerance: float
    needs: tuple[Needed, ...]
    compute: Callable[..., float]

    def run(self, folder: Path | None) -> Check:
        paths = {needed: needed.find(folder) for needed in self.needs}
        missing = [str(needed) for needed, path in paths.items() if path is None]
        if missing:
            return Check(*self._facts, None, f"needs {' and '.join(missing)}")
        return Check(*self._facts, self.compute(*paths.values()))

    @property
    def _facts(self) -> tuple[str, str, float, float]:
        return self.name, self.source, self.expected, self.tolerance


def git_blob(path: Path) -> str:
    """The output of `git hash-object` for the file, by which the weights were published."""
    digest = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def dummy_clips(path: Path) -> float:
    """Uniform noise 0..1 of 16 frames, seeds 1 and 2, covariances over N - 1.

    The text says 256 clips, the published script has 128: the result nearer to the published value is used.
    """
    import torch

    extractor = I3d(Weights({"i3d_torchscript": str(path)}))
    extractor.load()
    features = []
    for seed in (1, 2):
        chance = np.random.RandomState(seed)
        dummies = (chance.rand(16, SIDE, SIDE, 3).astype(np.float32) for _ in range(NUM_DUMMIES[-1]))
        clips = (torch.from_numpy(clip).permute(3, 0, 1, 2)[None] for clip in dummies)
        features.append(np.stack([extractor.logits(clip) for clip in clips]))
    distances = [frechet_distance(features[0][:count], features[1][:count]) for count in NUM_DUMMIES]
    return min(distances, key=lambda value: abs(value - 10.138084766713924))


def black_against_white(path: Path) -> float:
    """8 clips of 30 frames each; all clips of a colour are equal, so one of each is enough."""
    import torch

    extractor = I3d(Weights({"i3d_torchscript": str(path)}))
    extractor.load()
    black, white = (extractor.logits(torch.full((1, 3, 30, SIDE, SIDE), level)) for level in (-1.0, 1.0))
    return float(((black.astype(np.float64) - white) ** 2).sum())


def example_videos(extractor: Extractor, statistics: Path, videos: Path) -> float:
    """cd-fvd's example: its videos, each once, compared with its moments of UCF-101; covariances over N.

    Short side resized to 128, centre crop, the first 16 frames; cd-fvd draws the frames, hence the tolerance.
    """
    extractor.load()
    files = sorted(path for path in videos.rglob("*") if path.suffix.lower() in VIDEOS)
    if len(files) < 2:
        raise StorageError(f"{videos} holds {len(files)} videos; at least 2 expected")
    vectors = np.stack([extractor.vector(_square(read_file(path), 128)) for path in files]).astype(np.float64)
    mean, covariance = read_moments(statistics)
    computed = np.asarray(np.cov(vectors, rowvar=False, ddof=0), np.float64)
    return gaussian_distance(vectors.mean(0), computed, mean, covariance)


def read_moments(path: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean [D] and covariance [D, D] (over N) from a pickle of StyleGAN's or cd-fvd's `FeatureStats`.

    Only numbers and arrays are unpickled; `StorageError` if there is anything else.
    """
    try:
        with path.open("rb") as file:
            statistics = _NumbersOnly(file).load()
        mean = np.asarray(statistics["raw_mean"], np.float64) / statistics["num_items"]
        covariance = np.asarray(statistics["raw_cov"], np.float64) / statistics["num_items"]
    except (pickle.UnpicklingError, KeyError, TypeError, EOFError) as error:
        raise StorageError(f"{path} does not contain moments of features: {error}") from error
    return mean, covariance - np.outer(mean, mean)


def video_quality(metric_class: type[VideoQuality], weights: Path, video: Path) -> float:
    """The published positions of the fragments are unknown, hence the tolerance."""
    metric = metric_class(Weights({metric_class.weights_name: str(weights)}))
    metric.setup()
    score = metric.measure(read_file(video))
    return float("nan") if score is None else score


def clip_score(folder: Path, *, sides: tuple[str | int, str | int]) -> float:
    """100 times the cosine of two inputs, each a text or the seed of a noise picture."""
    encoder = ClipEncoder(Weights({"clip": str(folder)}))
    encoder.setup()
    one, two = (encoder.text(side) if isinstance(side, str) else encoder.frames(_noise(side))[0] for side in sides)
    return float(100 * one @ two)


FAST_VQA_SOURCE = "VQAssessment/FAST-VQA-and-FasterVQA"
RECIPES = (
    Recipe("FVD of dummy clips", "universome/fvd-comparison", 10.138084766713924, 0.01, (I3D_FILE,), dummy_clips),
    Recipe(
        "FVD of black against white clips",
        "JunyaoHu/common_metrics_on_video_quality",
        151.25648,
        0.15,  # 151.168 in a later revision of the same page
        (I3D_FILE,),
        black_against_white,
    ),
    Recipe(
        "FVD of cd-fvd's example, I3D",
        "songweige/content-debiased-fvd#2",
        3383.964558389454,
        34,
        (I3D_STATE, Needed("i3d_ucf101_*_res128_len16_*.pkl"), Needed(EXAMPLES, is_folder=True)),
        lambda path, *files: example_videos(I3d(Weights({"i3d_pytorch": str(path)})), *files),
    ),
    Recipe(
        "FVD of cd-fvd's example, VideoMAE-v2",
        "songweige/content-debiased-fvd#2",
        1064.615641522972,
        11,
        (Needed(FILE), Needed("videomae_ucf101_*_res128_len16_*.pkl"), Needed(EXAMPLES, is_folder=True)),
        lambda path, *files: example_videos(VideoMaeV2(Weights({"videomae_v2": str(path)})), *files),
    ),
    Recipe(
        f"FAST-VQA of {DEMO_VIDEO}",
        FAST_VQA_SOURCE,
        0.44953,
        0.02,
        (Needed("FAST_VQA_B_1*4.pth"), Needed(DEMO_VIDEO)),
        lambda *files: video_quality(VideoQuality, *files),
    ),
    Recipe(
        f"FasterVQA of {DEMO_VIDEO}",
        FAST_VQA_SOURCE,
        0.42326,
        0.02,
        (Needed("FAST_VQA_3D_1*1.pth"), Needed(DEMO_VIDEO)),
        lambda *files: video_quality(VideoQualityFaster, *files),
    ),
    *(
        Recipe(f"CLIPScore of {what}", "torchmetrics", expected, 0.01, (CLIP_FOLDER,), partial(clip_score, sides=sides))
        for what, expected, sides in (
            ("noise and a text", 24.426, (42, "a photo of a cat")),
            ("two pictures of noise", 99.486, (42, 43)),
            (
                "two texts",
                91.395,
                (
                    "28-year-old chef found dead in San Francisco mall",
                    "A 28-year-old chef who recently moved to San Francisco was found dead.",
                ),
            ),
        )
    ),
)


class _NumbersOnly(pickle.Unpickler):
    """Unpickles arrays and their types, and refuses everything else."""

    def find_class(self, module: str, name: str) -> Any:
        if module.split(".", maxsplit=1)[0] == "numpy" and name in {"_reconstruct", "ndarray", "dtype", "scalar"}:
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"{module}.{name} is neither a number nor an array")


def _noise(seed: int) -> NDArray[np.uint8]:
    """[1, 224, 224, 3], drawn by torch."""
    import torch

    pixels = torch.randint(255, (3, 224, 224), generator=torch.Generator().manual_seed(seed))
    frames: NDArray[np.uint8] = pixels.permute(1, 2, 0).numpy().astype(np.uint8)[None]
    return frames


def _square(clip: JudgedClip, side: int) -> JudgedClip:
    """Its first 16 frames, short side resized to `side` (bilinear, antialiased), centre crop."""
    import torch

    pixels = torch.from_numpy(clip.frames[:16]).permute(0, 3, 1, 2).float()
    height, width = clip.frames.shape[1:3]
    scale = side / min(height, width)
    size = (
        side if height <= width else math.ceil(height * scale),
        side if width <= height else math.ceil(width * scale),
    )
    small = torch.nn.functional.interpolate(pixels, size=size, mode="bilinear", align_corners=False, antialias=True)
    top, left = (size[0] - side) // 2, (size[1] - side) // 2
    cut = small[..., top : top + side, left : left + side].clamp(0, 255).to(torch.uint8)
    return JudgedClip(clip.name, np.ascontiguousarray(cut.permute(0, 2, 3, 1).numpy()), None)
