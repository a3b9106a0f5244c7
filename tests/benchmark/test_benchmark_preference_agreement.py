import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vsd2m.benchmark.preference.agreement import krippendorff_alpha, observed_agreement

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
