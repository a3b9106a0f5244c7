"""The answers of a study, with names of models and labellers, and attention checks as a separate list."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Choice:
    """`chosen_model` was named the best of `shown_models` (from left to right)."""

    labeller: str
    prompt: int
    question: str
    shown_models: tuple[str, ...]
    chosen_model: str


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
    """An attention check; passed if every question was answered as instructed."""

    labeller: str
    passed: bool


@dataclass(frozen=True)
class Responses:
    """All answers so far; `models` in the order of creation, `labellers` in the order they joined."""

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
