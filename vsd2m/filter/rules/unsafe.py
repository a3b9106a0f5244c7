"""Drops stickers that a classifier considers unsafe (the `unsafe` stage writes the score)."""

from typing import ClassVar

from pydantic import Field

from vsd2m.filter.rule import Check, Rule, measured


class Unsafe(Rule):
    """At most `max_score`, the probability that the sticker is unsafe."""

    reads: ClassVar[tuple[str, ...]] = ("unsafe_score",)

    max_score: float = Field(0.5, ge=0, le=1, description="greatest probability of an unsafe picture kept (inclusive)")

    def checks(self) -> tuple[Check, ...]:
        return (Check("unsafe_score", measured("unsafe_score"), self.max_score, "max", "unsafe"),)
