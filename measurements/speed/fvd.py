"""The Fréchet video distance compared with cd-fvd's, on the same random weights and clips, in one process.

    python measurements/speed/fvd.py --num-clips 48

Processor seconds of one thread. Both sides take turns, chunk by chunk, so that a busy machine slows both. The memory
part runs every count of clips in a separate process. Needs the package cd-fvd. Prints Markdown; writes nothing.
"""

import argparse
import copy
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from vsd2m.networks.torchvision_cpu import allow_torchvision_beside_cpu_torch

allow_torchvision_beside_cpu_torch()

import torch  # noqa: E402

from vsd2m.benchmark.distances.feature_distances import FrechetMetric  # noqa: E402
from vsd2m.benchmark.distances.frechet import gaussian_distance  # noqa: E402
from vsd2m.benchmark.distances.moments import RunningMoments  # noqa: E402
from vsd2m.benchmark.extractors.base import Extractor  # noqa: E402
from vsd2m.benchmark.extractors.i3d import I3d, preprocess  # noqa: E402
from vsd2m.benchmark.metric import Weights  # noqa: E402
from vsd2m.benchmark.selfcheck.stand_ins import moving_clip, write_i3d  # noqa: E402
from vsd2m.benchmark.suite.clips import JudgedClip  # noqa: E402
from vsd2m.benchmark.suite.frame_rules import loop16  # noqa: E402

CHUNK = 8
FULL = 2048
DIMENSIONS = 400
COUNTS = (256, 2048, 8192)
MIB = 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--num-clips", type=int, default=48, help="clips on each side whose features are computed")
    parser.add_argument("--only-memory", action="store_true")
    parser.add_argument("--memory-of", type=int, help="used by the program itself")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.memory_of:
        print(streamed(arguments.memory_of))
        return
    if not arguments.only_memory:
        from_features(*features(arguments.num_clips))
    memory()


def features(num_clips: int) -> tuple[float, float]:
    """Prints rates and differences; processor seconds of one clip, cd-fvd's and ours."""
    from cdfvd.third_party.i3d.utils import load_i3d_model, preprocess_i3d

    with tempfile.TemporaryDirectory() as folder:
        path = write_i3d(Path(folder) / "i3d.pt")
        theirs = load_i3d_model(torch.device("cpu"), path)
        ours = I3d(Weights({"i3d_pytorch": path}))
        ours.load()
    half = in_bfloat16(ours._network)
    sides = (
        lambda clips: theirs(preprocess_i3d(np.stack([clip.frames[loop16(8)] for clip in clips]))).numpy(),
        lambda clips: np.stack([ours.features(clip) for clip in clips]),
        lambda clips: np.concatenate([half(halved(clip)).numpy() for clip in clips]),
    )
    seconds = dict.fromkeys(("cd-fvd 0.1.1", "vsd2m, float32", "vsd2m, bfloat16"), 0.0)
    vectors_by_name: dict[str, list[np.ndarray]] = {name: [] for name in seconds}
    for start in range(0, 2 * num_clips, CHUNK):
        clips = [moving_clip(seed, num_frames=8, height=256, width=256) for seed in range(start, start + CHUNK)]
        for name, compute in zip(seconds, sides, strict=True):
            with torch.inference_mode():
                began = time.process_time()
                vectors_by_name[name].append(compute(clips))
                seconds[name] += time.process_time() - began
    report(num_clips, seconds, {name: np.concatenate(parts) for name, parts in vectors_by_name.items()})
    return seconds["cd-fvd 0.1.1"] / num_clips / 2, seconds["vsd2m, float32"] / num_clips / 2


def in_bfloat16(network):
    """The network in bfloat16, except for its last convolution, which gives the logits."""
    half = copy.deepcopy(network).bfloat16()
    half.logits.float()
    half.Mixed_5c.register_forward_hook(lambda _, __, output: output.float())
    return half


def halved(clip: JudgedClip) -> torch.Tensor:
    return preprocess(clip.frames, loop16(len(clip.frames))).to(torch.bfloat16)


def report(num_clips: int, seconds: dict[str, float], vectors: dict[str, np.ndarray]) -> None:
    expected = vectors["cd-fvd 0.1.1"]
    reference = distance(expected[:num_clips], expected[num_clips:])
    slowest = seconds["cd-fvd 0.1.1"]
    print(f"\nFeatures of 2 x {num_clips} clips of 8 frames, 256 x 256, played to 16 and stretched to 224 x 224\n")
    print(
        "| | clips per processor second | times cd-fvd | largest difference of logits, relative | FVD | its difference |"
    )
    print("|---|---|---|---|---|---|")
    for name, spent in seconds.items():
        own_distance = distance(vectors[name][:num_clips], vectors[name][num_clips:])
        off = np.abs(vectors[name] - expected).max() / np.abs(expected).max()
        print(
            f"| {name} | {2 * num_clips / spent:.2f} | {slowest / spent:.2f} | {off:.1e} | {own_distance:.6g} | "
            f"{abs(own_distance - reference) / reference:.1e} |",
            flush=True,
        )


def distance(first: np.ndarray, second: np.ndarray) -> float:
    return gaussian_distance(*moments(first), *moments(second))


def moments(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    running = RunningMoments()
    for vector in vectors:
        running.update(vector)
    return running.mean, running.covariance


def from_features(their_second: float, our_second: float) -> None:
    """The arithmetic alone, at full size, of correlated features; and what both make of the whole."""
    from cdfvd.fvd import cdfvd
    from cdfvd.utils.metric_utils import FeatureStats

    chance = np.random.default_rng(0)
    mixing = chance.normal(size=(DIMENSIONS, DIMENSIONS)) * np.geomspace(1, 0.01, DIMENSIONS)[:, None]
    sets = [(chance.normal(size=(FULL, DIMENSIONS)) @ mixing + shift).astype(np.float32) for shift in (0, 0.1)]
    began = time.process_time()
    stats = []
    for vectors in sets:
        stats.append(FeatureStats(capture_mean_cov=True))
        for start in range(0, FULL, 16):
            stats[-1].append(vectors[start : start + 16])
    theirs = float(cdfvd.compute_fvd_from_stats(None, *stats))
    their_time = time.process_time() - began
    began = time.process_time()
    ours_n1 = distance(*sets)
    our_time = time.process_time() - began
    shrink = (FULL - 1) / FULL
    pairs = [moments(vectors) for vectors in sets]
    ours = gaussian_distance(pairs[0][0], pairs[0][1] * shrink, pairs[1][0], pairs[1][1] * shrink)
    print(f"\nFrom 2 x {FULL} feature vectors of {DIMENSIONS} to the distance\n")
    print("| | processor seconds | times cd-fvd | distance |\n|---|---|---|---|")
    print(f"| cd-fvd 0.1.1 | {their_time:.2f} | 1.00 | {theirs:.9g} |")
    print(f"| vsd2m | {our_time:.2f} | {their_time / our_time:.2f} | {ours_n1:.9g} |")
    print(f"| vsd2m, covariances over N as there | | | {ours:.9g} (difference {abs(ours - theirs) / theirs:.1e}) |")
    whole = [2 * FULL * their_second + their_time, 2 * FULL * our_second + our_time]
    print(
        f"\nThe whole of 2 x {FULL} clips, from the rates above: {whole[0]:.0f} processor seconds for cd-fvd, "
        f"{whole[1]:.0f} for vsd2m, {whole[0] / whole[1]:.2f} times."
    )


def memory() -> None:
    print("\nPeak memory of a process that streams clips through a Fréchet metric of 400 features\n")
    print("| clips on each side | their pixels, MiB | peak, MiB |\n|---|---|---|")
    for count in COUNTS:
        command = [sys.executable, __file__, "--memory-of", str(count)]
        peak = subprocess.run(command, capture_output=True, check=True, text=True).stdout.split()[-1]
        print(f"| {count} | {2 * count * 16 * 32 * 32 * 3 / MIB:.0f} | {int(peak) / MIB:.0f} |", flush=True)


class Pixels(Extractor):
    num_features = DIMENSIONS

    def setup(self) -> None:
        pass

    def protocol(self):
        return {}

    def features(self, clip: JudgedClip) -> np.ndarray:
        return clip.frames.reshape(-1)[:DIMENSIONS].astype(np.float32)


class Distance(FrechetMetric):
    name = "pixels"
    extractor_name = f"{__name__}:Pixels"


def streamed(count: int) -> int:
    """Peak resident bytes of this process."""
    metric = Distance(Weights())
    chance = np.random.default_rng(0)
    for number in range(count):
        for update in (metric.update, metric.update_reference):
            update(JudgedClip(f"{number}", chance.integers(0, 256, (16, 32, 32, 3), np.uint8), None))
    metric.value(metric._generated, metric._real)
    status = Path("/proc/self/status").read_text()  # getrusage would give the parent's peak where that was higher
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


if __name__ == "__main__":
    main()
