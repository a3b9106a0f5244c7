"""What a labeller sees and answers: screens of the kinds that the page can draw."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from vsd2m.core.errors import ConfigError

Kind = Literal["choose", "rate"]
"""`choose`: the best of several stickers, once per question. `rate`: a number for one sticker, once per question."""
MAX_RATING = 5


@dataclass(frozen=True)
class Question:
    """`name` is stored; labellers read `text` and, below it, `hint`."""

    name: str
    text: str
    hint: str


@dataclass(frozen=True)
class Trial:
    """A screen as it is planned: `stickers` from left to right, and for an attention check the answer `expected`."""

    kind: Kind
    text: str
    stickers: tuple[str, ...]
    expected: int | None = None


@dataclass(frozen=True)
class Screen:
    """A labeller's next screen: trial `number` of `num_trials`; `upcoming` are the stickers of the screen after it."""

    number: int
    num_trials: int
    kind: Kind
    text: str
    stickers: tuple[str, ...]
    upcoming: tuple[str, ...]


@dataclass(frozen=True)
class Progress:
    """Progress of a labeller."""

    labeller: str
    num_answered: int
    num_trials: int


def num_answers(kind: Kind, num_stickers: int) -> int:
    """How many answers a question of this kind has; they are numbered from 1."""
    return num_stickers if kind == "choose" else MAX_RATING


def check_answers(number: int, trial: Trial, questions: tuple[Question, ...], values: Mapping[str, int]) -> None:
    """`ConfigError` unless every question of the trial has one of its answers."""
    expected = {question.name for question in questions}
    if set(values) != expected:
        raise ConfigError(f"trial {number}: expected answers to {sorted(expected)}, found {sorted(values)}")
    largest = num_answers(trial.kind, len(trial.stickers))
    if not all(1 <= value <= largest for value in values.values()):
        raise ConfigError(f"trial {number}: expected answers from 1 to {largest}, found {sorted(values.values())}")
