"""Metrics that compare the features of generated clips with those of real ones."""

from abc import abstractmethod
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from vsd2m.benchmark.clips import JudgedClip
from vsd2m.benchmark.frechet import frechet_distance
from vsd2m.benchmark.metric import Metric, Score, Weights

NUM_RESAMPLES = 50
ESTIMATOR = "Fréchet, covariance N-1, eigenvalues in float64; basic bootstrap over generated and real clips"


class FrechetMetric(Metric):
    """The Fréchet distance between one feature vector per generated clip and one per real clip."""

    better: ClassVar[Literal["higher", "lower", "neither"]] = "lower"
    compares = True

    def __init__(self, weights: Weights) -> None:
        super().__init__(weights)
        self._generated: list[NDArray[np.float32]] = []
        self._real: list[NDArray[np.float32]] = []

    @abstractmethod
    def features(self, clip: JudgedClip) -> NDArray[np.float32]:
        """The clip's feature vector, float32 [D]."""

    def update(self, clip: JudgedClip) -> None:
        self._generated.append(self.features(clip))

    def update_reference(self, clip: JudgedClip) -> None:
        self._real.append(self.features(clip))

    def compute(self, *, seed: int) -> Score:
        """The interval is the basic bootstrap's: resampling inflates the distance, and this takes it off again."""
        generated, real = np.array(self._generated), np.array(self._real)
        value = frechet_distance(generated, real)
        low, high = self._interval(generated, real, value, np.random.default_rng(seed))
        protocol = {**self.protocol(), "num_real": len(real)}
        return Score(self.name, value, low, high, len(generated), protocol, self.better)

    @staticmethod
    def _interval(
        generated: NDArray[np.float32], real: NDArray[np.float32], value: float, chance: np.random.Generator
    ) -> tuple[float, float]:
        if min(len(generated), len(real)) < 2:
            return float("nan"), float("nan")
        resampled = [
            frechet_distance(chance.choice(generated, len(generated)), chance.choice(real, len(real)))
            for _ in range(NUM_RESAMPLES)
        ]
        low, high = np.percentile(resampled, [2.5, 97.5])
        return float(2 * value - high), float(2 * value - low)
