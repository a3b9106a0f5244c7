"""The Fréchet distance extrapolated to infinitely many samples (Chong and Forsyth, arXiv 1911.07023).

N and M vectors of D dimensions. The bias of the estimate falls as 1 / N: a line through the distances of subsets of
both sets against 1 / share has its value without bias at 1 / share = 0.
"""

import numpy as np
from numpy.typing import NDArray

from vsd2m.benchmark.distances.frechet import frechet_distance

SHARES = np.linspace(0.5, 1.0, 8)
MIN_VECTORS_PER_DIMENSION = 2
"""In the smallest subset; with fewer, the bias is no longer linear in 1 / N."""


def infinite_frechet_distance(first: NDArray[np.floating], second: NDArray[np.floating], *, seed: int) -> float:
    """May be a little below 0 for equal distributions; nan for fewer than 4 D vectors in either set."""
    if min(len(first), len(second)) * SHARES[0] < MIN_VECTORS_PER_DIMENSION * first.shape[1]:
        return float("nan")
    chance = np.random.default_rng(seed)
    distances = [frechet_distance(_part(first, s, chance), _part(second, s, chance)) for s in SHARES]
    _, intercept = np.polyfit(1 / SHARES, distances, 1)
    return float(intercept)


def _part(vectors: NDArray[np.floating], share: float, chance: np.random.Generator) -> NDArray[np.floating]:
    return vectors[chance.permutation(len(vectors))[: round(share * len(vectors))]]
