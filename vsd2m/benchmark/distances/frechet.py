"""The Fréchet distance between Gaussians, and between two sets of features.

N vectors, D dimensions. d^2 = |m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2)) (Dowson and Landau 1982, equation 16).
"""

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]


def gaussian_distance(mean1: Vector, cov1: Matrix, mean2: Vector, cov2: Matrix) -> float:
    """d^2, in float64. The trace of the square root is computed from the eigenvalues of the symmetric S1^(1/2) S2
    S1^(1/2), because `scipy.linalg.sqrtm` of the unsymmetric product has given -1.9e28."""
    values, vectors = np.linalg.eigh(cov1)
    root = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
    cross = np.linalg.eigvalsh(root @ cov2 @ root)
    trace = float(np.sqrt(np.clip(cross, 0, None)).sum())
    difference = mean1 - mean2
    squared = float(difference @ difference + np.trace(cov1) + np.trace(cov2) - 2 * trace)
    return float(np.maximum(0.0, squared))  # rounding can make it negative; nan stays nan


def frechet_distance(first: NDArray[np.floating], second: NDArray[np.floating]) -> float:
    """The distance between feature sets [N, D] and [M, D] (N, M >= 2), covariances with N - 1. Biased upwards at small
    N."""
    if len(first) < 2 or len(second) < 2:
        return float("nan")
    a, b = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if len(a) + len(b) < a.shape[1]:
        a, b = _in_common_subspace(a, b)
    return gaussian_distance(a.mean(0), _covariance(a), b.mean(0), _covariance(b))


def _covariance(features: Matrix) -> Matrix:
    return np.atleast_2d(np.cov(features, rowvar=False))


def _in_common_subspace(a: Matrix, b: Matrix) -> tuple[Matrix, Matrix]:
    """Both sets in an orthonormal basis of all their vectors: the distances are the same, and the matrices are
    small."""
    basis = np.linalg.qr(np.concatenate([a, b]).T)[0]
    return a @ basis, b @ basis
