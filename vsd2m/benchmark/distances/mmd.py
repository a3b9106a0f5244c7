"""The maximum mean discrepancy with a polynomial kernel: a distance of feature sets that does not assume Gaussians.

N and M vectors of D dimensions. k(x, y) = (gamma <x, y> + coef)^degree with gamma = 1 / D by default, as in JEDi
(Luo et al., arXiv 2410.05203).
"""

import numpy as np
from numpy.typing import NDArray


def polynomial_mmd(
    first: NDArray[np.floating],
    second: NDArray[np.floating],
    *,
    degree: int = 2,
    coef: float = 0.0,
    gamma: float | None = None,
) -> float:
    """mean k(x, x') + mean k(y, y') - 2 mean k(x, y) over all pairs, including the pairs of a vector with itself."""
    x, y = np.asarray(first, np.float64), np.asarray(second, np.float64)
    scale = 1 / x.shape[1] if gamma is None else gamma
    within_x, within_y, across = (((scale * a @ b.T + coef) ** degree).mean() for a, b in ((x, x), (y, y), (x, y)))
    return float(within_x + within_y - 2 * across)
