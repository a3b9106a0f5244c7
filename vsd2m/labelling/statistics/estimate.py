"""A value with its interval."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval, rounded to six places."""

    value: float
    low: float
    high: float

    @classmethod
    def rounded(cls, value: float, low: float, high: float) -> "Estimate":
        """The estimate of these three numbers, which may be NumPy's."""
        return cls(*(round(float(number), 6) for number in (value, low, high)))
