"""Merges the lines of text read from several frames of one sticker."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

_SAME_LINE = 0.6  # measured on drawn captions: readings of one line agree by more, different lines by less
_WEB_ADDRESS = re.compile(r"(https?://\S+|www\.\S+|[\w-]+(\.[\w-]+)*\.(com|net|org|cn|io|me|tv|co|uk|de|fr|jp)(/\S*)?)")


@dataclass(frozen=True)
class Line:
    """A recognised line and the recogniser's confidence in it, 0..1."""

    text: str
    score: float


def is_reliable(line: Line, *, min_score: float, min_score_single: float) -> bool:
    """False for nothing visible, for low scores, and for single characters below their own limit.

    Recognisers read an eye as O and a box as 口, alone and with medium confidence.
    """
    num_characters = count_characters(line.text)
    return num_characters > 0 and line.score >= (min_score_single if num_characters == 1 else min_score)


def is_web_address(text: str) -> bool:
    """True for a line that is only a web address: the mark of a site that published the picture."""
    return _WEB_ADDRESS.fullmatch(text.strip().lower()) is not None


def count_characters(text: str) -> int:
    """Characters of `text`, without white space."""
    return sum(not character.isspace() for character in text)


def merge_lines(frames: Sequence[Sequence[Line]]) -> list[Line]:
    """The distinct lines of all frames, in order of their first appearance.

    Readings of one line in several frames become one: the longer one if it contains the other (text that appears
    gradually), else the one with the higher score.
    """
    merged: list[Line] = []
    for lines in frames:
        free = list(range(len(merged)))  # two equal lines of one frame are two lines
        for line in lines:
            match = _most_similar(line, merged, free)
            if match is None:
                merged.append(line)
            else:
                free.remove(match)
                merged[match] = _better(merged[match], line)
    return merged


def similarity(first: str, second: str) -> float:
    """1 - edit distance / length of the longer text, over letters and digits, ignoring case.

    1 if one text contains the other.
    """
    from rapidfuzz.distance import Levenshtein

    a, b = _letters(first), _letters(second)
    if not a or not b:
        return float(first == second)
    if a in b or b in a:
        return 1.0
    return 1.0 - Levenshtein.distance(a, b) / max(len(a), len(b))


def _most_similar(line: Line, merged: Sequence[Line], free: Sequence[int]) -> int | None:
    similarities = [(similarity(line.text, merged[index].text), -index) for index in free]
    best = max(similarities, default=(0.0, 0))
    return -best[1] if best[0] >= _SAME_LINE else None


def _better(first: Line, second: Line) -> Line:
    a, b = _letters(first.text), _letters(second.text)
    if a != b and (a in b or b in a):
        return first if len(a) > len(b) else second
    return second if second.score > first.score else first


def _letters(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum())
