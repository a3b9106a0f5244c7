"""Drops pictures with almost no content (the paper's second rule)."""

from typing import ClassVar

from pydantic import Field

from vsd2m.filter.rule import Check, Rule, measured


class Entropy(Rule):
    """At least `min_bits` of Shannon entropy of grey levels and transparency around the foreground, mean over frames.

    One-colour outlines and silhouettes are above the default limit; blanks, plain blocks and specks below it.
    """

    reads: ClassVar[tuple[str, ...]] = ("entropy",)

    min_bits: float = Field(0.05, ge=0, le=8, description="least entropy kept (inclusive), in bits")

    def checks(self) -> tuple[Check, ...]:
        return (Check("entropy", measured("entropy"), self.min_bits, "min", "entropy_too_low"),)
