"""Results of the choices: how often each model was chosen, and the strengths of the models."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vsd2m.labelling.preference.responses import Choice
from vsd2m.labelling.statistics.agreement import fleiss_kappa, krippendorff_alpha, observed_agreement
from vsd2m.labelling.statistics.bradley_terry import Strengths, fit_strengths
from vsd2m.labelling.statistics.estimate import Estimate
from vsd2m.labelling.statistics.resampling import Z, crossed_weights, interval, wilson

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ModelChoices:
    """`win_rate`: share of the choices with the model that chose it; `strength`: Bradley-Terry."""

    model: str
    num_shown: int
    num_chosen: int
    win_rate: Estimate
    strength: Estimate


@dataclass(frozen=True)
class ChoiceResult:
    """One question: its models, and how reliable the result is.

    `preferred` [M][M]: probability that a row's model is preferred to a column's. `kappa` is Fleiss', None unless
    the same number of labellers judged every prompt. `same_choice`: probability that two
    labellers chose the same one of the same stickers. `by_place`: share of choices of each position from the left,
    all 1/k if position does not matter.
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
    """The result of one question, of the models shown so far; `choices` has at least one."""
    models = [model for model in models if any(model in choice.shown_models for choice in choices)]
    index = {model: number for number, model in enumerate(models)}
    shown_models = np.array([[index[model] for model in choice.shown_models] for choice in choices])
    chosen_models = np.array([index[choice.chosen_model] for choice in choices])
    weights = crossed_weights(
        [choice.labeller for choice in choices],
        [choice.prompt for choice in choices],
        num_resamples=num_resamples,
        seed=seed,
    )
    num_shown, num_chosen = (
        np.bincount(shown_models.ravel(), minlength=len(models)),
        np.bincount(chosen_models, minlength=len(models)),
    )
    units = _units(choices)
    fit = fit_strengths(shown_models, chosen_models, num_models=len(models))
    intervals = _strength_intervals(shown_models, chosen_models, fit, weights)
    strengths = [Estimate.rounded(*numbers) for numbers in zip(fit.theta, *intervals, strict=True)]
    rates = _win_rates(shown_models, chosen_models, len(models), weights)
    return ChoiceResult(
        question=question,
        num_choices=len(choices),
        chance=1.0 / shown_models.shape[1],
        models=[
            ModelChoices(model, int(num_shown[m]), int(num_chosen[m]), rates[m], strengths[m])
            for m, model in enumerate(models)
        ],
        preferred=[[round(float(p), 6) for p in row] for row in fit.beats()],
        has_prior=fit.has_prior,
        alpha=krippendorff_alpha(units, level="nominal"),
        kappa=fleiss_kappa(units),
        same_choice=observed_agreement(units),
        by_place=[round(float(share), 6) for share in (shown_models == chosen_models[:, None]).mean(axis=0)],
    )


def _strength_intervals(
    shown_models: NDArray[np.int64], chosen_models: NDArray[np.int64], fit: Strengths, weights: NDArray[np.int64]
) -> tuple[Floats, Floats]:
    """Intervals at least as wide as for independent answers; a bootstrap is narrower if a model always lost."""
    num_models = len(fit.theta)
    lows, highs = interval(
        lambda w: fit_strengths(shown_models, chosen_models, num_models=num_models, weights=w).theta, weights
    )
    half = Z * fit.standard_errors
    return np.minimum(lows, fit.theta - half), np.maximum(highs, fit.theta + half)


def _win_rates(
    shown_models: NDArray[np.int64], chosen_models: NDArray[np.int64], num_models: int, weights: NDArray[np.int64]
) -> list[Estimate]:
    """Intervals at least as wide as Wilson's; a bootstrap is narrower near 0 and 1."""

    def rates(w: Floats) -> Floats:
        times = np.bincount(shown_models.ravel(), np.repeat(w, shown_models.shape[1]), num_models)
        wins = np.bincount(chosen_models, w, num_models)
        return np.asarray(np.divide(wins, times, out=np.full(num_models, np.nan), where=times > 0))

    everything = np.ones(len(chosen_models))
    lows, highs = interval(rates, weights)
    estimates = []
    for m, value in enumerate(rates(everything)):
        low, high = wilson(float((chosen_models == m).sum()), float((shown_models == m).sum()))
        estimates.append(Estimate.rounded(value, np.fmin(low, lows[m]), np.fmax(high, highs[m])))
    return estimates


def _units(choices: Sequence[Choice]) -> list[list[str]]:
    """The models chosen by labellers who saw the same stickers."""
    units: dict[tuple[int, frozenset[str]], list[str]] = {}
    for choice in choices:
        units.setdefault((choice.prompt, frozenset(choice.shown_models)), []).append(choice.chosen_model)
    return list(units.values())
