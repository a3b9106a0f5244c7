"""Results of the ratings: the mean of each aspect of each model."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vsd2m.labelling.preference.responses import Rating
from vsd2m.labelling.statistics.agreement import krippendorff_alpha
from vsd2m.labelling.statistics.estimate import Estimate
from vsd2m.labelling.statistics.resampling import crossed_weights, interval

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ModelRatings:
    """The mean rating from 1 to 5; None for a model that nobody rated."""

    model: str
    num_ratings: int
    mean: Estimate | None


@dataclass(frozen=True)
class AspectResult:
    """One aspect; `alpha` treats ratings as an interval scale."""

    aspect: str
    num_ratings: int
    models: list[ModelRatings]
    alpha: float | None


def analyse_ratings(
    aspect: str, ratings: Sequence[Rating], models: Sequence[str], *, num_resamples: int, seed: int
) -> AspectResult:
    """The result of one aspect; `ratings` has at least one."""
    index = {model: position for position, model in enumerate(models)}
    rated = np.array([index[rating.model] for rating in ratings])
    values = np.array([rating.value for rating in ratings], dtype=np.float64)
    weights = crossed_weights(
        [rating.labeller for rating in ratings],
        [rating.prompt for rating in ratings],
        num_resamples=num_resamples,
        seed=seed,
    )

    def means(w: Floats) -> Floats:
        times, totals = np.bincount(rated, w, len(models)), np.bincount(rated, w * values, len(models))
        return np.asarray(np.divide(totals, times, out=np.full(len(models), np.nan), where=times > 0))

    rated_models = np.flatnonzero(np.bincount(rated, minlength=len(models)))
    lows, highs = interval(lambda w: means(w)[rated_models], weights)
    whole = means(np.ones(len(values)))
    estimates = {
        int(m): Estimate.rounded(whole[m], low, high) for m, low, high in zip(rated_models, lows, highs, strict=True)
    }
    return AspectResult(
        aspect=aspect,
        num_ratings=len(ratings),
        models=[ModelRatings(model, int((rated == m).sum()), estimates.get(m)) for m, model in enumerate(models)],
        alpha=_alpha(ratings),
    )


def _alpha(ratings: Sequence[Rating]) -> float | None:
    units: dict[tuple[int, str], list[int]] = {}
    for rating in ratings:
        units.setdefault((rating.prompt, rating.model), []).append(rating.value)
    return krippendorff_alpha(units.values(), level="interval")
