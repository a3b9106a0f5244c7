import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vsd2m.labelling.statistics.agreement import fleiss_kappa, krippendorff_alpha, observed_agreement

# Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability", section C: four observers, twelve units, gaps.
WORKED_EXAMPLE = ["123321412...", "1233224125.3", ".3332342251.", "12332441251."]


def units_of(rows):
    return [[int(row[u]) for row in rows if row[u] != "."] for u in range(len(rows[0]))]


# The computational example of the encyclopedia's article on the coefficient: three observers, fifteen units, one unit
# that nobody judged and several that one did.
SPARSE_EXAMPLE = [".....34121133.3", "1.213343.......", "..21344.21133.4"]


@pytest.mark.parametrize(
    ("observers", "level", "alpha"),
    [
        (WORKED_EXAMPLE, "nominal", 0.743),
        (WORKED_EXAMPLE, "interval", 0.849),
        (SPARSE_EXAMPLE, "nominal", 0.691),
        (SPARSE_EXAMPLE, "interval", 0.811),
    ],
)
def test_published_worked_examples(observers, level, alpha):
    assert krippendorff_alpha(units_of(observers), level=level) == pytest.approx(alpha, abs=5e-4)


@given(
    st.lists(st.lists(st.integers(1, 5), min_size=2, max_size=5), min_size=2, max_size=12),
    st.sampled_from(["nominal", "interval"]),
)
def test_it_is_one_minus_observed_over_expected_disagreement_of_pairs(units, level):
    """The definition, pair by pair, instead of the coincidence matrix."""

    def distance(a, b):
        return float(a != b) if level == "nominal" else float(a - b) ** 2

    values = [value for unit in units for value in unit]
    expected = sum(distance(a, b) for a in values for b in values) / (len(values) * (len(values) - 1))
    observed = sum(sum(distance(a, b) for a in unit for b in unit) / (len(unit) - 1) for unit in units) / len(values)
    alpha = krippendorff_alpha(units, level=level)
    assert alpha is None if expected == 0 else alpha == pytest.approx(1 - observed / expected)


def test_chance_gives_nothing_and_unanimity_one():
    rng = np.random.default_rng(0)
    assert abs(krippendorff_alpha(rng.integers(0, 4, (2000, 5)).tolist(), level="nominal")) < 0.03
    assert krippendorff_alpha([["a", "a"], ["b", "b", "b"]], level="nominal") == 1.0


def test_units_seen_once_say_nothing():
    assert krippendorff_alpha([["a"], ["b"]], level="nominal") is None
    assert krippendorff_alpha([["a", "a"], ["b"]], level="nominal") is None


def test_observed_agreement_counts_pairs():
    assert observed_agreement([["a", "a", "b"], ["c"], ["a", "b"]]) == pytest.approx((1 / 3 + 0) / 2)
    assert observed_agreement([["a"]]) is None


# The worked example of the encyclopedia's article on Fleiss' kappa: fourteen raters, ten subjects, five categories.
FLEISS_EXAMPLE = [
    (0, 0, 0, 0, 14), (0, 2, 6, 4, 2), (0, 0, 3, 5, 6), (0, 3, 9, 2, 0), (2, 2, 8, 1, 1),
    (7, 7, 0, 0, 0), (3, 2, 6, 3, 0), (2, 5, 3, 2, 2), (6, 5, 2, 1, 0), (0, 2, 2, 3, 7),
]  # fmt: skip


def test_fleiss_kappa_of_the_published_example():
    units = [[category for category, count in enumerate(row) for _ in range(count)] for row in FLEISS_EXAMPLE]
    assert fleiss_kappa(units) == pytest.approx(0.210, abs=5e-4)


def test_fleiss_kappa_is_alpha_but_for_the_correction_of_small_samples():
    """alpha = 1 - (1 - kappa) (N - 1) / N over N values, which follows from both definitions."""
    units = np.random.default_rng(1).integers(0, 3, (40, 5)).tolist()
    alpha = krippendorff_alpha(units, level="nominal")
    assert alpha == pytest.approx(1 - (1 - fleiss_kappa(units)) * (200 - 1) / 200)


def test_fleiss_kappa_wants_equally_many_labellers():
    assert fleiss_kappa([["a", "b"], ["a"]]) is None
    assert fleiss_kappa([["a", "a"], ["a", "a"]]) is None
    assert fleiss_kappa([]) is None
