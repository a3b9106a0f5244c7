"""Drops stickers of too few colours."""

from typing import ClassVar

from pydantic import Field

from vsd2m.filter.rule import Check, Rule, measured


class MinColours(Rule):
    """At least `min_colours` in the first frame."""

    reads: ClassVar[tuple[str, ...]] = ("num_colours",)

    min_colours: int = Field(3, ge=1, description="fewest colours kept (inclusive)")

    def checks(self) -> tuple[Check, ...]:
        return (Check("num_colours", measured("num_colours"), self.min_colours, "min", "too_few_colours"),)
