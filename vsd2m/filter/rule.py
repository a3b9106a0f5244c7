"""The interface of rules: limits on values that earlier stages measured. Models score, rules decide."""

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

    `measure` names the value (a column, or a value computed from columns). `value` computes it, or returns None for a
    sticker to which the limit does not apply, which then passes. Limits are inclusive: a value equal to the limit is
    kept.
    """

    measure: str
    value: Callable[[Row], float | None]
    limit: float
    kind: Literal["max", "min"]
    reason: str

    def passes(self, value: float, limit: float | None = None) -> bool:
        """Whether `value` is within `limit` (by default that of the check)."""
        bound = self.limit if limit is None else limit
        return value <= bound if self.kind == "max" else value >= bound

    def verdict(self, row: Row) -> Drop | None:
        value = self.value(row)
        if value is None or self.passes(value):
            return None
        return Drop(self.reason, value=value, limit=self.limit, detail=self.measure)


class Rule(StageConfig, ABC):
    """A rule and its config. Subclasses name the columns they read and list their checks."""

    version: ClassVar[int] = 1
    """Raise it when the same limits give other decisions."""

    reads: ClassVar[tuple[str, ...]]

    @abstractmethod
    def checks(self) -> tuple[Check, ...]:
        """The configured limits, in the order of evaluation."""

    def verdict(self, row: Row) -> Drop | None:
        """The first limit that `row` violates, or None. `StageError` if a column of the rule was not measured."""
        return next((drop for check in self.checks() if (drop := check.verdict(row))), None)


def measured(column: str) -> Callable[[Row], float]:
    """Reads a column as a number; None ("not measured") is a `StageError`, since ignoring it would be silent."""

    def value(row: Row) -> float:
        value = row[column]
        if value is None:
            raise StageError(
                f"a filter rule reads {column!r}, which was not measured for sticker {row.get('key')}; "
                "put the stage that writes it before the filter, or remove the rule"
            )
        return float(value)

    return value
