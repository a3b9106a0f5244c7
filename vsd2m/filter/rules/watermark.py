"""Drops stickers with a watermark (the `watermark` stage writes the score)."""

from typing import ClassVar

from pydantic import Field

from vsd2m.filter.rule import Check, Rule, measured


class Watermark(Rule):
    """At most `max_score`, the probability of a watermark."""

    reads: ClassVar[tuple[str, ...]] = ("watermark_score",)

    max_score: float = Field(0.5, ge=0, le=1, description="greatest probability of a watermark kept (inclusive)")

    def checks(self) -> tuple[Check, ...]:
        return (Check("watermark_score", measured("watermark_score"), self.max_score, "max", "watermark"),)
