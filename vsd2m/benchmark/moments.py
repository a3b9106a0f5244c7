"""Mean and covariance of feature vectors that pass by once: memory does not grow with their number.

D dimensions.
"""

import numpy as np
from numpy.typing import NDArray


class RunningMoments:
    """Sums in float64 around the first vector, which keeps the digits that features far from 0 would lose."""

    def __init__(self) -> None:
        self.num_vectors = 0
        self._origin = np.zeros(0)
        self._sum = np.zeros(0)
        self._outer = np.zeros((0, 0))

    def update(self, vector: NDArray[np.floating]) -> None:
        """Takes in one vector [D]."""
        seen = np.asarray(vector, np.float64)
        if not self.num_vectors:
            self._origin, self._sum, self._outer = seen, np.zeros(seen.size), np.zeros((seen.size, seen.size))
        centred = seen - self._origin
        self.num_vectors += 1
        self._sum += centred
        self._outer += np.outer(centred, centred)

    def merge(self, other: "RunningMoments") -> None:
        """Takes in what another has seen: the moments are those of both, in whatever order they are merged."""
        if not other.num_vectors:
            return
        if not self.num_vectors:
            self._origin, self._sum = other._origin, np.zeros(other._sum.size)
            self._outer = np.zeros(other._outer.shape)
        move = other._origin - self._origin
        cross = np.outer(other._sum, move)
        self._outer += other._outer + cross + cross.T + other.num_vectors * np.outer(move, move)
        self._sum += other._sum + other.num_vectors * move
        self.num_vectors += other.num_vectors

    @property
    def mean(self) -> NDArray[np.float64]:
        """[D]."""
        return self._origin + self._sum / self.num_vectors

    @property
    def covariance(self) -> NDArray[np.float64]:
        """[D, D], with N - 1; at least two vectors."""
        centred = self._outer - np.outer(self._sum, self._sum) / self.num_vectors
        return centred / (self.num_vectors - 1)
