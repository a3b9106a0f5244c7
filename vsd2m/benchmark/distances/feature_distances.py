"""Metrics that compare the features of generated clips with those of real ones."""

import heapq
from abc import abstractmethod
from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from vsd2m.benchmark.distances.frechet import frechet_distance, gaussian_distance
from vsd2m.benchmark.distances.mmd import polynomial_mmd
from vsd2m.benchmark.distances.moments import RunningMoments
from vsd2m.benchmark.extractors import extractor_class
from vsd2m.benchmark.metric import Better, Metric, Score, Weights, check_finite
from vsd2m.benchmark.suite.clips import JudgedClip
from vsd2m.core.keys import sticker_key

NUM_GROUPS = 20
STANDARD_ERRORS = 2.02
"""For 95 % of a Student distribution with about 2 x 19 degrees of freedom."""
MAX_KEPT = 4096
"""Feature vectors that are stored for the interval: memory does not grow with more clips."""

Features = NDArray[np.float32]


class FeatureSet:
    """The features of a set of clips: their moments, and the vectors themselves of up to `MAX_KEPT` clips.

    The choice of these clips depends only on the vectors, not on their order or names.
    """

    def __init__(self) -> None:
        self.moments = RunningMoments()
        self._vectors: list[tuple[int, bytes]] = []

    def __len__(self) -> int:
        return self.moments.num_vectors

    def add(self, vector: Features) -> None:
        self.moments.update(vector)
        data = np.asarray(vector, np.float32).tobytes()
        self._keep((-int(sticker_key(data), 16), data))

    def merge(self, other: "FeatureSet") -> None:
        """Adds the clips of another set."""
        self.moments.merge(other.moments)
        for entry in other._vectors:
            self._keep(entry)

    def _keep(self, entry: tuple[int, bytes]) -> None:
        if len(self._vectors) < MAX_KEPT:
            heapq.heappush(self._vectors, entry)
        else:
            heapq.heappushpop(self._vectors, entry)

    @property
    def vectors(self) -> Features:
        """The stored vectors [N, D], in the order of their hashes."""
        return np.array([np.frombuffer(vector, np.float32) for _, vector in sorted(self._vectors)])

    @property
    def is_complete(self) -> bool:
        """Whether `vectors` contains all clips."""
        return len(self) == len(self._vectors)


class DistanceMetric(Metric):
    """A distance between the feature vectors of the generated clips and those of the real ones."""

    better: ClassVar[Better] = "lower"
    compares = "sets"
    extractor_name: ClassVar[str]
    """A name from `EXTRACTORS`, or `module:Class`."""
    estimator: ClassVar[str]

    def __init__(self, weights: Weights) -> None:
        super().__init__(weights)
        self.extractor = extractor_class(self.extractor_name)(weights)
        self._generated = FeatureSet()
        self._real = FeatureSet()

    def missing(self) -> str | None:
        return self.extractor.missing()

    def setup(self) -> None:
        self.extractor.load()

    def protocol(self) -> dict[str, str | int]:
        return {**self.extractor.protocol(), "estimator": self.estimator}

    @abstractmethod
    def distance(self, generated: Features, real: Features) -> float:
        """The distance between features [N, D] and [M, D]."""

    def update(self, clip: JudgedClip) -> None:
        self._add(self._generated, clip)

    def update_reference(self, clip: JudgedClip) -> None:
        self._add(self._real, clip)

    def _add(self, features: FeatureSet, clip: JudgedClip) -> None:
        vector = self.extractor.vector(clip)
        check_finite(vector, clip, self.name)
        features.add(vector)

    def reset(self) -> None:
        self._generated = FeatureSet()
        self._real = FeatureSet()

    def merge_state(self, other: Metric) -> None:
        self._check_same_kind(other)
        if isinstance(other, DistanceMetric):
            self._generated.merge(other._generated)
            self._real.merge(other._real)

    def compute(self, *, seed: int) -> Score:
        """The value decreases with the number of clips, and the interval is for this number: compare equal numbers
        only.

        With more than `MAX_KEPT` clips the interval is computed from the stored vectors and narrowed to the number of
        clips. Like the distance, it is never below 0.
        """
        value, sample_value = self.value(self._generated, self._real)
        low, high = self.errors(self._generated.vectors, self._real.vectors, sample_value, seed=seed)
        shrink = (len(self._generated.vectors) / max(len(self._generated), 1)) ** 0.5
        low, high = (float(np.maximum(0.0, value + end * shrink)) for end in (low, high))
        protocol = {**self.protocol(), "num_clips": len(self._generated), "num_real": len(self._real)}
        return Score(self.name, value, low, high, len(self._generated), protocol, self.better)

    def value(self, generated: FeatureSet, real: FeatureSet) -> tuple[float, float]:
        """The distance over all clips, and over those whose vectors are stored."""
        sample_value = self.distance(generated.vectors, real.vectors)
        return sample_value, sample_value

    def errors(self, generated: Features, real: Features, sample_value: float, *, seed: int) -> tuple[float, float]:
        """Ends of the 95 % interval around 0, by the jackknife over groups of clips.

        A bootstrap repeats vectors, which inflates a distance in many dimensions: at 64 dimensions and 100 clips its
        basic interval never contained the expected value, this one did in 99 of 100 simulations (docs/metrics.md).
        """
        if min(len(generated), len(real)) < 3 or np.isnan(sample_value):
            return float("nan"), float("nan")
        parts = [self.distance(part, real) for part in _without_each_group(generated)]
        others = [self.distance(generated, part) for part in _without_each_group(real)]
        error = STANDARD_ERRORS * (_jackknife_variance(parts) + _jackknife_variance(others)) ** 0.5
        return -error, error


def _without_each_group(vectors: Features) -> Iterator[Features]:
    """The vectors without each of up to `NUM_GROUPS` groups; groups are random, because vectors are ordered by hash."""
    num_groups = min(NUM_GROUPS, len(vectors))
    group = np.arange(len(vectors)) % num_groups
    return (vectors[group != left_out] for left_out in range(num_groups))


def _jackknife_variance(values: list[float]) -> float:
    return float((len(values) - 1) * np.var(values))


class FrechetMetric(DistanceMetric):
    """The Fréchet distance between Gaussians fitted to the features."""

    estimator = f"Fréchet, covariance N-1, eigenvalues in float64; jackknife over {NUM_GROUPS} groups of either"

    def distance(self, generated: Features, real: Features) -> float:
        return frechet_distance(generated, real)

    def value(self, generated: FeatureSet, real: FeatureSet) -> tuple[float, float]:
        sample_value = self.distance(generated.vectors, real.vectors)
        if generated.is_complete and real.is_complete:
            return sample_value, sample_value
        a, b = generated.moments, real.moments
        return gaussian_distance(a.mean, a.covariance, b.mean, b.covariance), sample_value


class PolynomialMmdMetric(DistanceMetric):
    """The polynomial MMD of JEDi, times 100 as in its paper."""

    estimator = (
        f"100 x MMD, kernel (<x, y> / D)^2, all pairs, up to {MAX_KEPT} clips; jackknife over {NUM_GROUPS} groups"
    )

    def distance(self, generated: Features, real: Features) -> float:
        return 100 * polynomial_mmd(generated, real) if min(len(generated), len(real)) else float("nan")
