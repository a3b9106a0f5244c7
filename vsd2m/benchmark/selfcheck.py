"""Published numbers computed anew: with the published weights where they are at hand, and always for the arithmetic."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import numpy as np

from vsd2m.benchmark.clips import read_file
from vsd2m.benchmark.extractors.i3d import GIT_BLOB, SIDE, I3d
from vsd2m.benchmark.frechet import frechet_distance
from vsd2m.benchmark.metric import Weights
from vsd2m.benchmark.metrics.video_quality import VideoQuality
from vsd2m.benchmark.metrics.video_quality_faster import VideoQualityFaster
from vsd2m.benchmark.mmd import polynomial_mmd
from vsd2m.core.errors import StorageError

DEMO_VIDEO = "10053703034.mp4"


@dataclass(frozen=True)
class Check:
    """`found` is None where something is missing; `source` says who published `expected`."""

    name: str
    source: str
    expected: float
    tolerance: float
    found: float | None
    missing: str | None = None

    @property
    def passed(self) -> bool | None:
        """None where nothing could be computed."""
        return None if self.found is None else abs(self.found - self.expected) <= self.tolerance


@dataclass(frozen=True)
class _Weights:
    """A published checkpoint: known by its hash, or where none is known by its file name (a pattern)."""

    file_name: str
    git_blob: str | None = None

    def find(self, folder: Path | None) -> Path | None:
        files = sorted(path for path in folder.rglob("*") if path.is_file()) if folder else []
        if self.git_blob is None:
            return next((path for path in files if fnmatch(path.name, self.file_name)), None)
        return next((path for path in files if git_blob(path) == self.git_blob), None)


I3D_FILE = _Weights("i3d_torchscript.pt", GIT_BLOB)
FAST_FILE = _Weights("FAST_VQA_B_1*4.pth")
FASTER_FILE = _Weights("FAST_VQA_3D_1*1.pth")
VIDEO_FILE = _Weights(DEMO_VIDEO)


def selfcheck(weights_folder: Path | None) -> Iterator[Check]:
    """Every check in turn; those whose files are not in `weights_folder` (searched deeply) say what is missing.

    `StorageError` if the folder does not exist.
    """
    if weights_folder is not None and not weights_folder.is_dir():
        raise StorageError(f"{weights_folder} is no folder; give one that holds the published weight files")
    yield from _arithmetic()
    yield _with_files(
        ("FVD of black against white clips", "JunyaoHu/common_metrics_on_video_quality", 151.25648, 0.01),
        (I3D_FILE,),
        weights_folder,
        lambda files: _black_against_white(files[0]),
    )
    yield _with_files(
        (f"FAST-VQA of {DEMO_VIDEO}", "VQAssessment/FAST-VQA-and-FasterVQA", 0.44953, 0.02),
        (FAST_FILE, VIDEO_FILE),
        weights_folder,
        lambda files: _video_quality(VideoQuality, *files),
    )
    yield _with_files(
        (f"FasterVQA of {DEMO_VIDEO}", "VQAssessment/FAST-VQA-and-FasterVQA", 0.42326, 0.02),
        (FASTER_FILE, VIDEO_FILE),
        weights_folder,
        lambda files: _video_quality(VideoQualityFaster, *files),
    )


def git_blob(path: Path) -> str:
    """What `git hash-object` prints for the file, under which the weights were published."""
    found = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            found.update(block)
    return found.hexdigest()


def _arithmetic() -> Iterator[Check]:
    first = np.arange(1.0, 10.0).reshape(3, 3)
    second = np.array([[7, 6, 5], [4, 3, 2], [1, 1, 8], [0, 2, 5]], np.float64)
    for gamma, expected in ((1.0, 2436.5), (None, 270.7)):
        name = f"polynomial MMD, gamma {'1 / D' if gamma is None else '1'}"
        yield Check(name, "oooolga/JEDi", expected, 0.05, polynomial_mmd(first, second, gamma=gamma))
    chance = np.random.default_rng(3)
    halves = chance.normal(size=(500, 400)), chance.normal(size=(500, 400))
    yield Check("Fréchet bias, d = 400, N = 500", "unit Gaussians", 161, 3, frechet_distance(*halves))


def _with_files(
    facts: tuple[str, str, float, float],
    wanted: tuple[_Weights, ...],
    folder: Path | None,
    compute: Callable[[list[Path]], float],
) -> Check:
    files = {weights: weights.find(folder) for weights in wanted}
    missing = [f"{w.file_name} (git blob {w.git_blob})" if w.git_blob else w.file_name for w in wanted if not files[w]]
    if missing:
        return Check(*facts, None, f"needs {' and '.join(missing)}")
    return Check(*facts, compute([path for path in files.values() if path]))


def _black_against_white(path: Path) -> float:
    """8 clips of 30 frames each; all clips of a colour are equal, so that one of each is enough."""
    import torch

    extractor = I3d(Weights({"i3d_torchscript": str(path)}))
    extractor.setup()
    black, white = (extractor.logits(torch.full((1, 3, 30, SIDE, SIDE), level)) for level in (-1.0, 1.0))
    return float(((black.astype(np.float64) - white) ** 2).sum())


def _video_quality(metric_class: type[VideoQuality], weights: Path, video: Path) -> float:
    """The published places of the fragments are not known: hence the tolerance."""
    metric = metric_class(Weights({metric_class.weights_name: str(weights)}))
    metric.setup()
    found = metric.measure(read_file(video))
    return float("nan") if found is None else found
