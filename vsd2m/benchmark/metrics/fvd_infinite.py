"""FVD without the bias of few clips."""

from vsd2m.benchmark.distances import MAX_KEPT, DistanceMetric, Features
from vsd2m.benchmark.extractors.i3d import I3d
from vsd2m.benchmark.extrapolation import MIN_VECTORS_PER_DIMENSION, SHARES, infinite_frechet_distance

SEED = 0


class FvdInfinite(DistanceMetric):
    """FVD extrapolated to infinitely many clips; nan below 1,600 clips: no line fits the bias of 400 dimensions."""

    name = "fvd_infinite"
    extractor_class = I3d
    estimator = (
        f"Fréchet against 1 / share, {len(SHARES)} shares of {SHARES[0]:g} to 1 of both sets, line at 0, seed {SEED}, "
        f"at least {MIN_VECTORS_PER_DIMENSION} vectors per dimension, up to {MAX_KEPT} clips; "
        "basic bootstrap over both sets of clips"
    )

    def distance(self, generated: Features, real: Features) -> float:
        return infinite_frechet_distance(generated, real, seed=SEED)
