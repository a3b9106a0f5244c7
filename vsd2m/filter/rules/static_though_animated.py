"""Drops files with several frames in which nothing changes."""

from typing import ClassVar

from pydantic import Field

from vsd2m.filter.rule import Check, Row, Rule, measured

_num_frames, _num_distinct_frames = measured("num_frames"), measured("num_distinct_frames")


class StaticThoughAnimated(Rule):
    """A file of several frames shows at least `min_distinct_frames` distinct ones; a still picture passes."""

    reads: ClassVar[tuple[str, ...]] = ("num_frames", "num_distinct_frames")

    min_distinct_frames: int = Field(2, ge=2, description="least number of distinct frames kept (inclusive)")

    def checks(self) -> tuple[Check, ...]:
        return (Check("num_distinct_frames", _distinct, self.min_distinct_frames, "min", "static_though_animated"),)


def _distinct(row: Row) -> float | None:
    return _num_distinct_frames(row) if _num_frames(row) > 1 else None
