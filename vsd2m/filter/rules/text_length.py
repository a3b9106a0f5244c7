"""Drops stickers with long text: comic strips, screenshots (the paper's first rule)."""

from typing import ClassVar

from pydantic import Field

from vsd2m.filter.rule import Check, Rule, measured


class TextLength(Rule):
    """At most `max_characters` recognised characters, without white space."""

    reads: ClassVar[tuple[str, ...]] = ("ocr_num_characters",)

    max_characters: int = Field(40, ge=0, description="most characters kept (inclusive); white space is not counted")

    def checks(self) -> tuple[Check, ...]:
        value = measured("ocr_num_characters")
        return (Check("ocr_num_characters", value, self.max_characters, "max", "text_too_long"),)
