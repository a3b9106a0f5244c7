"""A number beside the one it should be."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """`found` is None where something is missing; `source` says who published `expected`."""

    name: str
    source: str
    expected: float
    tolerance: float
    found: float | None
    missing: str | None = None

    @property
    def passed(self) -> bool | None:
        """None where nothing could be computed."""
        return None if self.found is None else abs(self.found - self.expected) <= self.tolerance
