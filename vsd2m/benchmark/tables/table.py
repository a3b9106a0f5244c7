"""A table of values: what a cell holds is formatted only where the table is printed."""

from dataclasses import dataclass
from math import isfinite, isnan
from typing import Literal

from vsd2m.benchmark.metric import Better, Score

RowKind = Literal["model", "real", "paper"]
ARROWS: dict[Better, str] = {"higher": " ↑", "lower": " ↓", "neither": ""}
PAPER = " (paper)"


@dataclass(frozen=True)
class Number:
    """A number without an interval, and the format specification it is printed with."""

    value: float
    spec: str = ""


Cell = Score | Number | str | None
"""A measured value, a number, a text, or nothing."""


@dataclass(frozen=True)
class Column:
    """A column's name, and whether higher or lower values are better in it."""

    name: str
    better: Better = "neither"

    @property
    def text(self) -> str:
        return f"{self.name}{ARROWS[self.better]}"


@dataclass(frozen=True)
class Row:
    """A row's name and its cells; rows of the kind `paper` quote it, `real` is the row of the real stickers."""

    name: str
    cells: tuple[Cell, ...]
    kind: RowKind = "model"

    @property
    def text(self) -> str:
        return f"{self.name}{PAPER}" if self.kind == "paper" else self.name


@dataclass(frozen=True)
class Table:
    """`title` may be empty; every row has a cell per column, and the rows' names are a column of their own before
    them, headed `rows_are`; `notes` are printed below."""

    title: str
    rows_are: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row.cells) != len(self.columns):
                raise ValueError(f"expected {len(self.columns)} cells, found {len(row.cells)}: {row.cells}")

    @property
    def head(self) -> tuple[str, ...]:
        """The texts above the columns."""
        return (self.rows_are, *(column.text for column in self.columns))

    @property
    def text_rows(self) -> tuple[tuple[str, ...], ...]:
        """The texts of all cells, the rows' names first."""
        return tuple((row.text, *map(cell_text, row.cells)) for row in self.rows)


def cell_text(cell: Cell) -> str:
    """A score as value, interval and number of clips; "-" for nothing."""
    if cell is None or (isinstance(cell, Score) and not cell.num_clips):
        return "-"
    if isinstance(cell, str):
        return cell
    if isinstance(cell, Number):
        return f"{cell.value:{cell.spec}}"
    if isnan(cell.value):
        return f"too few clips (n={cell.num_clips})"
    return f"{cell.value:.4g} [{cell.low:.4g}, {cell.high:.4g}] (n={cell.num_clips})"


def bounds(cell: Cell) -> tuple[float, float] | None:
    """The interval of a measured value; a number without an interval is both its ends; None for anything else."""
    if isinstance(cell, Number):
        return cell.value, cell.value
    if isinstance(cell, Score) and cell.num_clips and isfinite(cell.low) and isfinite(cell.high):
        return cell.low, cell.high
    return None
