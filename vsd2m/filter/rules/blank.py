"""Drops pictures that are completely or almost transparent."""

from typing import ClassVar

from pydantic import Field

from vsd2m.filter.rule import Check, Rule, measured


class Blank(Rule):
    """At most `max_transparent_share` of the pixels transparent, mean over frames."""

    reads: ClassVar[tuple[str, ...]] = ("transparent_share",)

    max_transparent_share: float = Field(0.99, ge=0, le=1, description="greatest share kept (inclusive)")

    def checks(self) -> tuple[Check, ...]:
        value = measured("transparent_share")
        return (Check("transparent_share", value, self.max_transparent_share, "max", "blank"),)
