"""FVD without the bias of few clips."""

import numpy as np

from vsd2m.benchmark.distances.extrapolation import MIN_VECTORS_PER_DIMENSION, SHARES, infinite_frechet_distance
from vsd2m.benchmark.distances.feature_distances import MAX_KEPT, DistanceMetric, Features
from vsd2m.benchmark.distances.frechet import frechet_distance

SEED = 0
NUM_RESAMPLES = 50


class FvdInfinite(DistanceMetric):
    """FVD extrapolated to infinitely many clips; nan below 1,600 clips: the bias in 400 dimensions is not linear."""

    name = "fvd_infinite"
    extractor_name = "i3d"
    estimator = (
        f"Fréchet against 1 / share, {len(SHARES)} shares of {SHARES[0]:g} to 1 of both sets, line at 0, seed {SEED}, "
        f"at least {MIN_VECTORS_PER_DIMENSION} vectors per dimension, up to {MAX_KEPT} clips; "
        "bootstrap over both sets of clips"
    )

    def distance(self, generated: Features, real: Features) -> float:
        return infinite_frechet_distance(generated, real, seed=SEED)

    def errors(self, generated: Features, real: Features, sample_value: float, *, seed: int) -> tuple[float, float]:
        """The ends of the bootstrap interval: its extrapolations are distributed around the distance of the stored
        vectors.

        The jackknife cannot be used here: leaving out clips changes the subsets.
        """
        if np.isnan(sample_value):
            return float("nan"), float("nan")
        chance = np.random.default_rng(seed)
        truth = frechet_distance(generated, real)
        resamples = [
            self.distance(chance.choice(generated, len(generated)), chance.choice(real, len(real)))
            for _ in range(NUM_RESAMPLES)
        ]
        low, high = np.percentile(np.array(resamples) - truth, [2.5, 97.5])
        return float(-high), float(-low)
