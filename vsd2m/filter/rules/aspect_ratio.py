"""Drops banners and strips (the paper's third rule)."""

from typing import ClassVar

from pydantic import Field

from vsd2m.filter.rule import Check, Rule, measured


class AspectRatio(Rule):
    """The longer side at most `max_ratio` times the shorter one."""

    reads: ClassVar[tuple[str, ...]] = ("aspect_ratio",)

    max_ratio: float = Field(3.0, ge=1, description="greatest longer side / shorter side kept (inclusive)")

    def checks(self) -> tuple[Check, ...]:
        return (Check("aspect_ratio", measured("aspect_ratio"), self.max_ratio, "max", "aspect_ratio_too_high"),)
