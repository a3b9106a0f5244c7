import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vsd2m.core.errors import ConfigError
from vsd2m.labelling.statistics.bradley_terry import fit_strengths, log_likelihood
from vsd2m.labelling.statistics.resampling import crossed_weights, interval, wilson


def draw_choices(theta, num_choices, num_shown, seed):
    """Choices by Luce's rule, by the Gumbel trick: nothing of the code under test."""
    rng = np.random.default_rng(seed)
    shown = np.stack([rng.permutation(len(theta))[:num_shown] for _ in range(num_choices)])
    noisy = np.asarray(theta)[shown] + rng.gumbel(size=shown.shape)
    return shown, shown[np.arange(num_choices), noisy.argmax(axis=1)]


@given(num_models=st.integers(2, 6), num_shown=st.integers(2, 4), seed=st.integers(0, 1000))
@settings(max_examples=25)
def test_strengths_are_the_optimum_that_scipy_finds(num_models, num_shown, seed):
    optimize = pytest.importorskip("scipy.optimize")
    theta = np.random.default_rng(seed).normal(size=num_models)
    shown, chosen = draw_choices(theta, 300, min(num_shown, num_models), seed)
    fit = fit_strengths(shown, chosen, num_models=num_models)
    if fit.has_prior:
        return

    def loss(free):
        values = np.append(free, -free.sum())
        probabilities = np.exp(values[shown]) / np.exp(values[shown]).sum(axis=1, keepdims=True)
        return -np.log(probabilities[shown == chosen[:, None]]).sum()

    best = optimize.minimize(loss, np.zeros(num_models - 1), method="Nelder-Mead" if num_models == 2 else "BFGS")
    np.testing.assert_allclose(fit.theta[:-1], best.x, atol=2e-3)
    assert -log_likelihood(fit.theta, shown, chosen) <= best.fun + 1e-6


def test_two_models_have_the_closed_form():
    shown = np.tile([0, 1], (40, 1))
    chosen = np.array([0] * 30 + [1] * 10)
    fit = fit_strengths(shown, chosen, num_models=2)
    assert fit.theta[0] - fit.theta[1] == pytest.approx(np.log(3), abs=1e-9)
    assert fit.beats()[0, 1] == pytest.approx(0.75, abs=1e-9)
    assert 2 * fit.standard_errors[0] == pytest.approx(np.sqrt(1 / 30 + 1 / 10), abs=1e-9)


def test_known_strengths_are_recovered_within_their_standard_errors():
    theta = np.array([1.2, 0.4, -0.3, -1.3])
    z = []
    for seed in range(60):
        fit = fit_strengths(*draw_choices(theta, 400, 4, seed), num_models=4)
        z.append((fit.theta - theta) / fit.standard_errors)
    assert np.abs(np.mean(z, axis=0)).max() < 0.4
    assert 0.8 < np.std(z) < 1.2


def test_integer_weights_are_repetitions():
    shown, chosen = draw_choices([0.5, 0.0, -0.5], 50, 2, 1)
    weights = np.random.default_rng(2).integers(0, 4, 50)
    weighted = fit_strengths(shown, chosen, num_models=3, weights=weights.astype(float))
    repeated = fit_strengths(np.repeat(shown, weights, axis=0), np.repeat(chosen, weights), num_models=3)
    np.testing.assert_allclose(weighted.theta, repeated.theta, atol=1e-9)


def test_names_and_order_of_the_answers_do_not_matter():
    shown, chosen = draw_choices([1.0, 0.0, -1.0], 80, 3, 3)
    fit = fit_strengths(shown, chosen, num_models=3)
    order = np.random.default_rng(0).permutation(80)
    renamed = fit_strengths(2 - shown[order, ::-1], 2 - chosen[order], num_models=3)
    np.testing.assert_allclose(renamed.theta[::-1], fit.theta, atol=1e-9)


def test_a_model_that_always_wins_gets_a_finite_strength_and_says_so():
    shown = np.tile([0, 1, 2], (20, 1))
    fit = fit_strengths(shown, np.array([0] * 20), num_models=3)
    assert fit.has_prior and np.isfinite(fit.theta).all() and np.isfinite(fit.standard_errors).all()
    assert fit.theta[0] > fit.theta[1] == pytest.approx(fit.theta[2], abs=1e-9)


def test_no_choices_are_refused():
    with pytest.raises(ConfigError, match="at least two models and one choice"):
        fit_strengths(np.zeros((0, 2), int), np.zeros(0, int), num_models=2)


def test_the_bootstrap_of_a_mean_covers_what_labellers_and_prompts_add():
    """Crossed random effects: the interval must hold the truth about 95 times in 100, which one that takes answers
    for independent misses."""
    covered = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        values = (rng.normal(size=(12, 1)) + rng.normal(size=(1, 20)) + 0.3 * rng.normal(size=(12, 20))).ravel()
        who, what = np.divmod(np.arange(240), 20)
        weights = crossed_weights([str(w) for w in who], list(what), num_resamples=200, seed=seed)
        low, high = interval(lambda w, v=values: np.array([w @ v / w.sum()]), weights)
        covered.append(low[0] <= 0 <= high[0])
    assert np.mean(covered) > 0.85


def test_the_score_interval_agrees_with_scipy():
    stats = pytest.importorskip("scipy.stats")
    for successes, trials in ((0, 10), (3, 17), (50, 50), (7, 9)):
        ours = wilson(successes, trials)
        theirs = stats.binomtest(successes, trials).proportion_ci(method="wilson")
        np.testing.assert_allclose(ours, (theirs.low, theirs.high), atol=1e-9)
