"""Running mean and covariance of feature vectors: memory does not grow with their number.

D dimensions.
"""

import numpy as np
from numpy.typing import NDArray

BLOCK = 64
"""Vectors that are collected before they are added: one matrix product instead of many outer products."""


class RunningMoments:
    """Sums in float64 relative to the first vector, so that features far from 0 do not lose precision."""

    def __init__(self) -> None:
        self.num_vectors = 0
        self._origin = np.zeros(0)
        self._sum = np.zeros(0)
        self._outer = np.zeros((0, 0))
        self._waiting: list[NDArray[np.float64]] = []

    def update(self, vector: NDArray[np.floating]) -> None:
        """Adds a vector [D]."""
        exact = np.asarray(vector, np.float64)
        if not self.num_vectors:
            self._origin, self._sum, self._outer = exact, np.zeros(exact.size), np.zeros((exact.size, exact.size))
        self._waiting.append(exact - self._origin)
        self.num_vectors += 1
        if len(self._waiting) == BLOCK:
            self._flush()

    def _flush(self) -> None:
        if self._waiting:
            block = np.array(self._waiting)
            self._sum += block.sum(axis=0)
            self._outer += block.T @ block
            self._waiting = []

    def merge(self, other: "RunningMoments") -> None:
        """Adds the vectors of another; the order of merging does not matter."""
        if not other.num_vectors:
            return
        if not self.num_vectors:
            self._origin, self._sum = other._origin, np.zeros(other._sum.size)
            self._outer = np.zeros(other._outer.shape)
        self._flush()
        other._flush()
        move = other._origin - self._origin
        cross = np.outer(other._sum, move)
        self._outer += other._outer + cross + cross.T + other.num_vectors * np.outer(move, move)
        self._sum += other._sum + other.num_vectors * move
        self.num_vectors += other.num_vectors

    def packed(self) -> NDArray[np.float64]:
        """The state as one matrix [D + 1, D + 1], for storage and transfer; without vectors it is [1, 1]."""
        self._flush()
        return np.block([[np.array([[self.num_vectors]]), self._sum[None]], [self._origin[:, None], self._outer]])

    @classmethod
    def unpacked(cls, matrix: NDArray[np.float64]) -> "RunningMoments":
        """The inverse of `packed`; a matrix of zeros means no vectors."""
        moments = cls()
        moments.num_vectors = int(matrix[0, 0])
        moments._sum, moments._origin = matrix[0, 1:].copy(), matrix[1:, 0].copy()
        moments._outer = matrix[1:, 1:].copy()
        return moments

    @property
    def mean(self) -> NDArray[np.float64]:
        """The mean [D]."""
        self._flush()
        return self._origin + self._sum / self.num_vectors

    @property
    def covariance(self) -> NDArray[np.float64]:
        """The covariance [D, D], with N - 1; needs at least two vectors."""
        self._flush()
        centred = self._outer - np.outer(self._sum, self._sum) / self.num_vectors
        return centred / (self.num_vectors - 1)
