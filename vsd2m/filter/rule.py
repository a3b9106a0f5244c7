"""What a rule is: limits on measured values. Rules decide; models and measurements were made by earlier stages."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from vsd2m.core.errors import StageError
from vsd2m.core.stage import Drop, StageConfig

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Check:
    """One limit on one measured value.

    `measure` names the value (a column, or what is computed from columns); `value` computes it, and gives None
    for a sticker that the limit does not concern, which then passes. Both kinds of limit are inclusive: a value
    equal to the limit is kept.
    """

    measure: str
    value: Callable[[Row], float | None]
    limit: float
    kind: Literal["max", "min"]
    reason: str

    def passes(self, value: float, limit: float | None = None) -> bool:
        """Whether `value` is within `limit` (the check's own by default)."""
        bound = self.limit if limit is None else limit
        return value <= bound if self.kind == "max" else value >= bound

    def verdict(self, row: Row) -> Drop | None:
        value = self.value(row)
        if value is None or self.passes(value):
            return None
        return Drop(self.reason, value=value, limit=self.limit, detail=self.measure)


class Rule(StageConfig, ABC):
    """A rule's config and its judgement. Subclasses name the columns they read and list their checks."""

    version: ClassVar[int] = 1
    """Raised whenever the same limits would decide otherwise."""

    reads: ClassVar[tuple[str, ...]]

    @abstractmethod
    def checks(self) -> tuple[Check, ...]:
        """The limits that are set, in the order they are tried."""

    def verdict(self, row: Row) -> Drop | None:
        """The first limit `row` breaks, or None. `StageError` where a column the rule reads was never measured."""
        return next((drop for check in self.checks() if (drop := check.verdict(row))), None)


def measured(column: str) -> Callable[[Row], float]:
    """Reads a column as a number; None ("not asked") is a `StageError`, since passing it would be silent."""

    def value(row: Row) -> float:
        value = row[column]
        if value is None:
            raise StageError(
                f"a filter rule reads {column!r}, which was not measured for sticker {row.get('key')}; "
                "put the stage that writes it before the filter, or take the rule out"
            )
        return float(value)

    return value
