import numpy as np
import pytest

from vsd2m.annotate.ocr_training.ocr_reading import decode_places
from vsd2m.annotate.ocr_training.ocr_scores import compare, count_faults

TRUTHS = ["good night", "晚安", "LOL", "wow"]


def test_a_reader_without_a_fault_is_all_right_and_spaces_do_not_count():
    readings = count_faults(TRUTHS, ["goodnight", "晚安", "L OL", "wow "])
    assert readings.is_right.tolist() == [1, 1, 1, 1] and readings.num_edits.sum() == 0
    assert readings.num_characters.tolist() == [9, 2, 3, 3]


def test_the_error_rate_is_edits_over_characters_and_the_difference_is_paired():
    before = count_faults(TRUTHS, ["good nite", "晚", "LOL", "vow"])  # 3 + 1 + 0 + 1 edits
    after = count_faults(TRUTHS, ["good night", "晚安", "lol", "wow"])  # 0 + 0 + 3 + 0
    compared = compare(before, after, num_resamples=500, seed=0)
    assert compared.num_lines == 4
    assert compared.accuracy_before.value == 0.25 and compared.accuracy_after.value == 0.75
    assert compared.error_rate_before.value == round(5 / 17, 4) and compared.error_rate_after.value == round(3 / 17, 4)
    assert compared.accuracy_difference.value == 0.5
    assert compared.error_rate_difference.value == round(-2 / 17, 4)
    for estimate in (compared.accuracy_difference, compared.error_rate_difference):
        assert estimate.low <= estimate.value <= estimate.high


def test_a_reader_does_not_differ_from_itself():
    readings = count_faults(TRUTHS, ["goodnight", "晚", "LOl", "vow"])
    compared = compare(readings, readings, num_resamples=200, seed=1)
    for estimate in (compared.accuracy_difference, compared.error_rate_difference):
        assert (estimate.value, estimate.low, estimate.high) == (0, 0, 0)


def test_the_interval_is_about_as_wide_as_the_binomial_one():
    rng = np.random.default_rng(0)
    right = rng.random(400) < 0.7
    readings = count_faults(["ab"] * 400, ["ab" if each else "ac" for each in right])
    estimate = compare(readings, readings, num_resamples=2000, seed=0).accuracy_before
    expected = 2 * 1.96 * np.sqrt(right.mean() * (1 - right.mean()) / 400)
    assert estimate.high - estimate.low == pytest.approx(expected, rel=0.1)


def test_runs_are_read_once_and_a_blank_lets_a_character_be_read_twice():
    table = ["", "a", "b"]
    path = np.array([0, 1, 1, 0, 1, 2, 2, 0])
    assert decode_places(np.eye(3, dtype=np.float32)[path], table) == "aab"
    assert decode_places(np.eye(3, dtype=np.float32)[np.zeros(5, int)], table) == ""
