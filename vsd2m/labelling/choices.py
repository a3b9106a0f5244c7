"""What the choices of the best say: how often each model was chosen, and the strengths behind it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vsd2m.labelling.agreement import fleiss_kappa, krippendorff_alpha, observed_agreement
from vsd2m.labelling.bradley_terry import Strengths, fit_strengths
from vsd2m.labelling.resampling import Z, crossed_weights, interval, wilson
from vsd2m.labelling.responses import Choice

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class ModelChoices:
    """`win_rate`: share of the choices that named the model where it was shown; `strength`: Bradley-Terry."""

    model: str
    num_shown: int
    num_chosen: int
    win_rate: Estimate
    strength: Estimate


@dataclass(frozen=True)
class ChoiceResult:
    """One question: its models, and how far to trust it.

    `preferred` [M][M]: probability that a row's model is preferred to a column's. `kappa` is Fleiss', None where
    not equally many labellers judged every prompt. `same_choice`: probability that two
    labellers chose the same of the same stickers. `by_place`: share of choices of each place from the left, all
    1/k if place does not matter.
    """

    question: str
    num_choices: int
    chance: float
    models: list[ModelChoices]
    preferred: list[list[float]]
    has_prior: bool
    alpha: float | None
    kappa: float | None
    same_choice: float | None
    by_place: list[float]


def analyse_choices(
    question: str, choices: Sequence[Choice], models: Sequence[str], *, num_resamples: int, seed: int
) -> ChoiceResult:
    """The result of one question, of the models shown so far; `choices` holds at least one."""
    models = [model for model in models if any(model in choice.shown for choice in choices)]
    index = {model: place for place, model in enumerate(models)}
    shown = np.array([[index[model] for model in choice.shown] for choice in choices])
    chosen = np.array([index[choice.chosen] for choice in choices])
    weights = crossed_weights(
        [choice.labeller for choice in choices],
        [choice.prompt for choice in choices],
        num_resamples=num_resamples,
        seed=seed,
    )
    num_shown, num_chosen = (
        np.bincount(shown.ravel(), minlength=len(models)),
        np.bincount(chosen, minlength=len(models)),
    )
    units = _units(choices)
    fit = fit_strengths(shown, chosen, num_models=len(models))
    lows, highs = _strength_intervals(shown, chosen, fit, weights)
    rates = _win_rates(shown, chosen, len(models), weights)
    return ChoiceResult(
        question=question,
        num_choices=len(choices),
        chance=1.0 / shown.shape[1],
        models=[
            ModelChoices(
                model, int(num_shown[m]), int(num_chosen[m]), rates[m], _estimate(fit.theta[m], lows[m], highs[m])
            )
            for m, model in enumerate(models)
        ],
        preferred=[[round(float(p), 6) for p in row] for row in fit.beats()],
        has_prior=fit.has_prior,
        alpha=krippendorff_alpha(units, level="nominal"),
        kappa=fleiss_kappa(units),
        same_choice=observed_agreement(units),
        by_place=[round(float(share), 6) for share in (shown == chosen[:, None]).mean(axis=0)],
    )


def _strength_intervals(
    shown: NDArray[np.int64], chosen: NDArray[np.int64], fit: Strengths, weights: NDArray[np.int64]
) -> tuple[Floats, Floats]:
    """Never narrower than that of independent answers, which a bootstrap falls short of where a model always lost."""
    num_models = len(fit.theta)
    lows, highs = interval(lambda w: fit_strengths(shown, chosen, num_models=num_models, weights=w).theta, weights)
    half = Z * fit.standard_errors
    return np.minimum(lows, fit.theta - half), np.maximum(highs, fit.theta + half)


def _win_rates(
    shown: NDArray[np.int64], chosen: NDArray[np.int64], num_models: int, weights: NDArray[np.int64]
) -> list[Estimate]:
    """Never narrower than Wilson's interval, which a bootstrap falls short of near 0 and 1."""

    def rates(w: Floats) -> Floats:
        times = np.bincount(shown.ravel(), np.repeat(w, shown.shape[1]), num_models)
        wins = np.bincount(chosen, w, num_models)
        return np.asarray(np.divide(wins, times, out=np.full(num_models, np.nan), where=times > 0))

    everything = np.ones(len(chosen))
    lows, highs = interval(rates, weights)
    found = []
    for m, value in enumerate(rates(everything)):
        low, high = wilson(float((chosen == m).sum()), float((shown == m).sum()))
        found.append(_estimate(value, np.fmin(low, lows[m]), np.fmax(high, highs[m])))
    return found


def _units(choices: Sequence[Choice]) -> list[list[str]]:
    """The models chosen by labellers who saw the same stickers."""
    units: dict[tuple[int, frozenset[str]], list[str]] = {}
    for choice in choices:
        units.setdefault((choice.prompt, frozenset(choice.shown)), []).append(choice.chosen)
    return list(units.values())


def _estimate(value: float, low: float, high: float) -> Estimate:
    return Estimate(*(round(float(number), 6) for number in (value, low, high)))
