"""Strengths of models from choices of the best of several.

The Bradley-Terry model (1952, Biometrika 39:324) in Luce's form for more than two (1959, Individual Choice Behavior):
P(i is chosen of S) = exp(theta_i) / sum_{j in S} exp(theta_j), with the theta summing to 0.
N choices, K stickers a choice, M models.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vsd2m.core.errors import ConfigError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
MAX_STEPS = 100
TOLERANCE = 1e-10
PRIOR_CHOICES = 0.5


@dataclass(frozen=True)
class Strengths:
    """`theta` [M], `standard_errors` [M] from the observed information; `has_prior`: see `fit_strengths`."""

    theta: Floats
    standard_errors: Floats
    has_prior: bool

    def beats(self) -> Floats:
        """[M, M]: the probability that the row's model is preferred to the column's."""
        return 1.0 / (1.0 + np.exp(self.theta[None, :] - self.theta[:, None]))


def fit_strengths(
    shown_models: Ints, chosen_models: Ints, *, num_models: int, weights: Floats | None = None
) -> Strengths:
    """The maximum likelihood of choices: `shown_models` [N, K], `chosen_models` [N] (one of its row), `weights` [N]
    counts.

    The maximum exists if and only if from every model a chain of choices leads to every other (Ford 1957, Amer. Math.
    Monthly 64:28). If it does not exist, for instance because one model always won, each model is given half a win
    and half a defeat against a model of average strength, and `has_prior` is True.
    """
    weights = np.ones(len(chosen_models)) if weights is None else weights
    if num_models < 2 or not weights.sum() > 0:
        raise ConfigError("strengths need at least two models and one choice")
    counts = _beaten(shown_models, chosen_models, num_models, weights)
    prior = 0.0 if _all_reach_all(counts > 0) else PRIOR_CHOICES
    theta = np.zeros(num_models)
    for _ in range(MAX_STEPS):
        gradient, information = _derivatives(theta, shown_models, chosen_models, weights, prior)
        step = np.linalg.solve(information + 1.0 / num_models, gradient)
        step *= min(1.0, 2.0 / max(float(np.abs(step).max()), 1e-300))  # far from the maximum Newton overshoots
        theta = theta + step
        theta -= theta.mean()
        if np.abs(step).max() < TOLERANCE:
            break
    _, information = _derivatives(theta, shown_models, chosen_models, weights, prior)
    centring = np.eye(num_models) - 1.0 / num_models
    covariance = centring @ np.linalg.inv(information + 1.0 / num_models) @ centring
    return Strengths(theta, np.sqrt(np.diag(covariance)), has_prior=prior > 0)


def log_likelihood(theta: Floats, shown_models: Ints, chosen_models: Ints, weights: Floats | None = None) -> float:
    """Log probability of the choices, without a prior."""
    logits = theta[shown_models]
    largest = logits.max(axis=1)
    total = largest + np.log(np.exp(logits - largest[:, None]).sum(axis=1))
    terms = theta[chosen_models] - total
    return float(terms.sum() if weights is None else terms @ weights)


def _derivatives(
    theta: Floats, shown_models: Ints, chosen_models: Ints, weights: Floats, prior: float
) -> tuple[Floats, Floats]:
    """Gradient [M] and negative Hessian [M, M] of the log likelihood."""
    num_models = len(theta)
    odds = np.exp(theta[shown_models] - theta[shown_models].max(axis=1, keepdims=True))
    p = odds / odds.sum(axis=1, keepdims=True)
    won = np.bincount(chosen_models, weights, num_models)
    expected = np.bincount(shown_models.ravel(), (p * weights[:, None]).ravel(), num_models)
    pairs = (shown_models[:, :, None] * num_models + shown_models[:, None, :]).ravel()
    products = (p[:, :, None] * p[:, None, :] * weights[:, None, None]).ravel()
    shared = np.asarray(np.bincount(pairs, products, num_models**2), np.float64).reshape(num_models, num_models)
    average = 1.0 / (1.0 + np.exp(-theta))
    gradient = won - expected + prior * (1.0 - 2.0 * average)
    return gradient, np.diag(expected + 2.0 * prior * average * (1.0 - average)) - shared


def _beaten(shown_models: Ints, chosen_models: Ints, num_models: int, weights: Floats) -> Floats:
    """[M, M]: how often the row's model was chosen when the column's was shown too."""
    counts = np.zeros((num_models, num_models))
    np.add.at(counts, (chosen_models[:, None], shown_models), weights[:, None])
    np.fill_diagonal(counts, 0.0)
    return counts


def _all_reach_all(edges: NDArray[np.bool_]) -> bool:
    reach = edges | np.eye(len(edges), dtype=bool)
    for _ in range(max(1, int(np.ceil(np.log2(len(edges)))))):
        reach = (reach.astype(np.int64) @ reach.astype(np.int64)) > 0
    return bool(reach.all())
