"""Drops stickers with too few or too many frames."""

from typing import ClassVar

from pydantic import Field, model_validator

from vsd2m.filter.rule import Check, Rule, measured


class NumFrames(Rule):
    """Between `min_frames` and `max_frames` stored frames; `min_frames: 2` keeps only animated ones."""

    reads: ClassVar[tuple[str, ...]] = ("num_frames",)

    min_frames: int = Field(1, ge=1, description="least number of frames kept (inclusive)")
    max_frames: int | None = Field(None, ge=1, description="greatest number kept (inclusive); None: no limit")

    @model_validator(mode="after")
    def _limits_leave_room(self) -> "NumFrames":
        if self.max_frames is not None and self.max_frames < self.min_frames:
            raise ValueError(
                f"max_frames {self.max_frames} is less than min_frames {self.min_frames}: nothing would be kept"
            )
        return self

    def checks(self) -> tuple[Check, ...]:
        value = measured("num_frames")
        least = Check("num_frames", value, self.min_frames, "min", "too_few_frames")
        if self.max_frames is None:
            return (least,)
        return least, Check("num_frames", value, self.max_frames, "max", "too_many_frames")
