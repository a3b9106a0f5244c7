"""A computed number with its expected value."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """`computed` is None if an input is `missing`; `source` says who published `expected`."""

    name: str
    source: str
    expected: float
    tolerance: float
    computed: float | None
    missing: str | None = None

    @property
    def passed(self) -> bool | None:
        """None if nothing was computed."""
        return None if self.computed is None else abs(self.computed - self.expected) <= self.tolerance
