"""The answers of a study, with models and labellers by name and attention checks apart."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Choice:
    """`chosen` was named the best of `shown` (from left to right)."""

    labeller: str
    prompt: int
    question: str
    shown: tuple[str, ...]
    chosen: str


@dataclass(frozen=True)
class Rating:
    """One aspect of one sticker; `value` from 1 to 5."""

    labeller: str
    prompt: int
    aspect: str
    model: str
    value: int


@dataclass(frozen=True)
class Check:
    """An attention check; passed if every question of it was answered as told."""

    labeller: str
    passed: bool


@dataclass(frozen=True)
class Responses:
    """Everything answered so far; `models` in the order they were given, `labellers` in the order they came."""

    models: tuple[str, ...]
    labellers: tuple[str, ...]
    choices: tuple[Choice, ...]
    ratings: tuple[Rating, ...]
    checks: tuple[Check, ...]

    def without(self, labellers: frozenset[str]) -> "Responses":
        """The answers of everybody else; attention checks stay."""
        return Responses(
            self.models,
            self.labellers,
            tuple(choice for choice in self.choices if choice.labeller not in labellers),
            tuple(rating for rating in self.ratings if rating.labeller not in labellers),
            self.checks,
        )
