"""Intervals for answers that share labellers and prompts, and so are not independent."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
CONFIDENCE = 0.95
Z = 1.959963984540054


def crossed_weights(
    labellers: Sequence[str], prompts: Sequence[int], *, num_resamples: int, seed: int
) -> NDArray[np.int64]:
    """[num_resamples, N]: how often each answer counts when both labellers and prompts are resampled.

    The pigeonhole bootstrap (Owen 2007, Ann. Appl. Stat. 1:386): the weight of an answer is the number of times that
    its labeller was drawn, times that of its prompt. It generalises to new labellers and new prompts, and is slightly
    conservative.
    """
    rng = np.random.default_rng(seed)
    counts = []
    for groups in (np.asarray(labellers), np.asarray(prompts)):
        names, member = np.unique(groups, return_inverse=True)
        num_draws = rng.multinomial(len(names), np.full(len(names), 1.0 / len(names)), size=num_resamples)
        counts.append(num_draws[:, member])
    return np.asarray(counts[0] * counts[1], dtype=np.int64)


def interval(statistic: Callable[[Floats], Floats], weights: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """The 95 % percentile interval of `statistic(weights of the answers)`; resamples without answers are left out.

    An entry that is NaN in a resample (its model was not drawn) is left out of that entry's interval.
    """
    values = np.stack([statistic(row.astype(np.float64)) for row in weights if row.any()])
    low, high = np.nanquantile(values, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2], axis=0)
    return low, high


def wilson(successes: float, trials: float) -> tuple[float, float]:
    """The 95 % score interval of a share (Wilson 1927, J. Amer. Stat. Assoc. 22:209); (0, 1) without trials."""
    if trials == 0:
        return 0.0, 1.0
    p, z2 = successes / trials, Z * Z
    centre = (p + z2 / (2 * trials)) / (1 + z2 / trials)
    half = Z / (1 + z2 / trials) * float(np.sqrt(p * (1 - p) / trials + z2 / (4 * trials * trials)))
    return max(0.0, centre - half), min(1.0, centre + half)
