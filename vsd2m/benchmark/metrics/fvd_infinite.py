"""FVD without the bias of few clips."""

import numpy as np

from vsd2m.benchmark.distances.extrapolation import MIN_VECTORS_PER_DIMENSION, SHARES, infinite_frechet_distance
from vsd2m.benchmark.distances.feature_distances import MAX_KEPT, DistanceMetric, Features
from vsd2m.benchmark.distances.frechet import frechet_distance

SEED = 0
NUM_RESAMPLES = 50


class FvdInfinite(DistanceMetric):
    """FVD extrapolated to infinitely many clips; nan below 1,600 clips: no line fits the bias of 400 dimensions."""

    name = "fvd_infinite"
    extractor_name = "i3d"
    estimator = (
        f"Fréchet against 1 / share, {len(SHARES)} shares of {SHARES[0]:g} to 1 of both sets, line at 0, seed {SEED}, "
        f"at least {MIN_VECTORS_PER_DIMENSION} vectors per dimension, up to {MAX_KEPT} clips; "
        "bootstrap over both sets of clips"
    )

    def distance(self, generated: Features, real: Features) -> float:
        return infinite_frechet_distance(generated, real, seed=SEED)

    def errors(self, generated: Features, real: Features, kept: float, *, seed: int) -> tuple[float, float]:
        """The bootstrap's: its extrapolations lie around the plain distance, the truth of what they are drawn from.

        The jackknife is of no use here: leaving clips out changes which ones the shares are made of.
        """
        if np.isnan(kept):
            return float("nan"), float("nan")
        chance = np.random.default_rng(seed)
        truth = frechet_distance(generated, real)
        drawn = [
            self.distance(chance.choice(generated, len(generated)), chance.choice(real, len(real)))
            for _ in range(NUM_RESAMPLES)
        ]
        low, high = np.percentile(np.array(drawn) - truth, [2.5, 97.5])
        return float(-high), float(-low)
