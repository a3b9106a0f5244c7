"""Drops pictures that are too small to show anything and, if configured, too large for a sticker."""

from typing import ClassVar

from pydantic import Field, model_validator

from vsd2m.filter.rule import Check, Row, Rule, measured

_width, _height = measured("width"), measured("height")


class Size(Rule):
    """The shorter side at least `min_side` pixels, the longer one at most `max_side`."""

    reads: ClassVar[tuple[str, ...]] = ("width", "height")

    min_side: int = Field(32, ge=1, description="least shorter side kept (inclusive), in pixels")
    max_side: int | None = Field(None, ge=1, description="greatest longer side kept (inclusive); None: no limit")

    @model_validator(mode="after")
    def _limits_leave_room(self) -> "Size":
        if self.max_side is not None and self.max_side < self.min_side:
            raise ValueError(f"max_side {self.max_side} is less than min_side {self.min_side}: nothing would be kept")
        return self

    def checks(self) -> tuple[Check, ...]:
        least = Check("shorter_side", _shorter_side, self.min_side, "min", "too_small")
        if self.max_side is None:
            return (least,)
        return least, Check("longer_side", _longer_side, self.max_side, "max", "side_too_long")


def _shorter_side(row: Row) -> float:
    return min(_width(row), _height(row))


def _longer_side(row: Row) -> float:
    return max(_width(row), _height(row))
