from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vsd2m.annotate.ocr.ocr_lines import (
    Line,
    count_characters,
    is_reliable,
    is_web_address,
    merge_lines,
    similarity,
)

_WORDS = st.text("abc晚 !", max_size=7)


def _levenshtein_by_definition(first: str, second: str) -> int:
    @cache
    def distance(i: int, j: int) -> int:
        if i == 0 or j == 0:
            return i + j
        replaced = distance(i - 1, j - 1) + (first[i - 1] != second[j - 1])
        return min(replaced, distance(i - 1, j) + 1, distance(i, j - 1) + 1)

    return distance(len(first), len(second))


@given(_WORDS, _WORDS)
def test_similarity_counts_the_edits_of_the_recursive_definition_among_letters(first: str, second: str) -> None:
    a, b = ("".join(c for c in text if c.isalnum()) for text in (first, second))
    if a and b and a not in b and b not in a:
        assert similarity(first, second) == 1 - _levenshtein_by_definition(a, b) / max(len(a), len(b))


@given(_WORDS, _WORDS)
def test_similarity_is_symmetric_between_0_and_1_and_1_for_equal_texts(first: str, second: str) -> None:
    assert similarity(first, second) == similarity(second, first)
    assert 0 <= similarity(first, second) <= 1
    assert similarity(first, first) == 1


@given(st.lists(st.builds(Line, _WORDS, st.just(0.9)), max_size=4))
def test_reading_the_same_frame_again_adds_nothing(lines: list[Line]) -> None:
    assert merge_lines([lines, lines]) == lines


def test_text_that_is_typed_out_bit_by_bit_becomes_its_last_state() -> None:
    frames = [[Line("good", 0.99)], [Line("good mor", 0.97)], [Line("good morning", 0.95)]]
    assert merge_lines(frames) == [Line("good morning", 0.95)]


def test_of_two_readings_of_a_line_the_surer_one_stays() -> None:
    assert merge_lines([[Line("HELL0 you", 0.7)], [Line("HELLO you", 0.9)]]) == [Line("HELLO you", 0.9)]
    assert merge_lines([[Line("HELLO you", 0.9)], [Line("HELL0 you", 0.7)]]) == [Line("HELLO you", 0.9)]


def test_different_lines_of_different_frames_are_all_kept_in_order() -> None:
    frames = [[Line("what are you", 0.9)], [Line("a cop?", 0.9)]]
    assert [line.text for line in merge_lines(frames)] == ["what are you", "a cop?"]


def test_two_equal_lines_of_one_frame_are_two_lines() -> None:
    lines = [Line("ha ha", 0.9), Line("ha ha", 0.9)]
    assert merge_lines([lines, lines[:1]]) == lines


def test_white_space_of_any_script_is_not_counted() -> None:
    assert count_characters(" good\nnight\u3000晚安\t") == 11


@pytest.mark.parametrize("text", ["memegenerator.net", "www.example.com/a", " IMGFLIP.COM ", "https://x.org/1"])
def test_a_line_that_is_only_a_web_address_is_told_apart(text: str) -> None:
    assert is_web_address(text)


@pytest.mark.parametrize("text", ["wait... what.no", "see example.com now", "Hnnh, kids...", "晚安", "3.5"])
def test_a_line_that_says_something_is_no_web_address(text: str) -> None:
    assert not is_web_address(text)


def test_a_single_character_needs_a_higher_score_than_a_word() -> None:
    def kept(text: str, score: float) -> bool:
        return is_reliable(Line(text, score), min_score=0.6, min_score_single=0.9)

    assert kept("ok", 0.6) and not kept("ok", 0.59)
    assert kept("O", 0.9) and not kept("O", 0.89)
    assert not kept("  ", 1.0)
