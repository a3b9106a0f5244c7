"""Pictures of text lines with what is written on them: a folder as PaddleOCR's own training reads it.

`labels.txt` holds a line per picture: its path within the folder, a tab, the text. used + left out = read.
"""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from vsd2m.annotate.ocr_training.ocr_pictures import STRIDE, line_width, read_picture
from vsd2m.core.errors import ConfigError, MediaError, StorageError

LABELS = "labels.txt"
UNKNOWN = "unknown_characters"


@dataclass(frozen=True)
class LabelledLine:
    """A picture of a line, and its text."""

    picture: Path
    text: str


@dataclass(frozen=True)
class LeftOut:
    """A line of the labels that cannot be trained on, by its number from 1, with what was found and the limit.

    `reason` is no_tab, no_text, unknown_characters, picture_missing, picture_too_wide, text_too_long (more characters
    than the recogniser has places on a picture so narrow), or the reason for which the picture could not be decoded.
    """

    number: int
    label: str
    reason: str
    value: str | int | None = None
    limit: int | None = None


@dataclass(frozen=True)
class Lines:
    """All lines of a folder: those to use, and those left out."""

    used: tuple[LabelledLine, ...]
    left_out: tuple[LeftOut, ...]

    @property
    def num_read(self) -> int:
        return len(self.used) + len(self.left_out)


def read_lines(folder: Path, *, characters: Iterable[str], max_width: int) -> Lines:
    """The labelled lines of `folder`; every picture is decoded once, those wider than `max_width` are left out.

    Widths are pixels at the recogniser's height. Raises `StorageError` if there is no labels file in UTF-8, and
    `ConfigError` if no line of it can be used.
    """
    known_characters = frozenset(characters)
    used: list[LabelledLine] = []
    left_out: list[LeftOut] = []
    for number, label in enumerate(_labels(folder), 1):
        outcome = _checked(folder, number, label, known_characters, max_width)
        if isinstance(outcome, LeftOut):
            left_out.append(outcome)
        else:
            used.append(outcome)
    if not used:
        first = f"; the first for {left_out[0].reason}" if left_out else ""
        raise ConfigError(f"{folder / LABELS}: none of {len(left_out)} lines can be used{first}")
    return Lines(tuple(used), tuple(left_out))


def num_places_needed(text: str) -> int:
    """Places along the line that CTC needs at least: one per character, and a blank between two equal ones."""
    return len(text) + sum(a == b for a, b in itertools.pairwise(text))


def _labels(folder: Path) -> list[str]:
    file = folder / LABELS
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (FileNotFoundError, NotADirectoryError) as error:
        raise StorageError(f"no {LABELS} in {folder}: expected a line per picture, `picture<TAB>text`") from error
    except UnicodeDecodeError as error:
        raise StorageError(f"{file} is not UTF-8: save it as UTF-8") from error
    return text.removesuffix("\n").split("\n") if text else []


def _checked(
    folder: Path, number: int, label: str, known_characters: frozenset[str], max_width: int
) -> LabelledLine | LeftOut:
    name, tab, text = label.partition("\t")
    path = folder / name
    if not tab:
        return LeftOut(number, label, "no_tab")
    if not text.strip():
        return LeftOut(number, label, "no_text")
    if unknown := sorted(set(text) - known_characters):
        return LeftOut(number, label, UNKNOWN, "".join(unknown))
    if not path.is_file():
        return LeftOut(number, label, "picture_missing")
    try:
        width = line_width(read_picture(path))
    except MediaError as error:
        return LeftOut(number, label, error.reason)
    if width > max_width:
        return LeftOut(number, label, "picture_too_wide", width, max_width)
    if (needed := num_places_needed(text)) > width // STRIDE:
        return LeftOut(number, label, "text_too_long", needed, width // STRIDE)
    return LabelledLine(path, text)
