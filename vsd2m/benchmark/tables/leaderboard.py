"""A leaderboard as one self-contained HTML file: sortable tables, curves, stickers side by side."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from vsd2m.benchmark.metric import Score
from vsd2m.benchmark.tables.curve_chart import metric_charts, series_of
from vsd2m.benchmark.tables.curves import Curve
from vsd2m.benchmark.tables.side_by_side import Examples
from vsd2m.benchmark.tables.table import Cell, Number, Row, RowKind, Table, bounds, cell_text
from vsd2m.pages.render import render

_TAGS: dict[RowKind, str] = {"paper": "paper", "real": "yardstick", "model": ""}
_LEAD = (
    "Small print: 95 % interval and number of clips. ★ marks a model whose interval lies beyond those of all other "
    "models, if all were evaluated on the same number of clips. The protocol of the paper's rows is unknown, so they "
    "are not ranked. Click a column to sort."
)


@dataclass(frozen=True)
class BoardCell:
    """A cell as the template draws it: `text` is shown, `sort_key` is what the script sorts by."""

    text: str
    sort_key: float | str
    is_best: bool = False
    interval: str = ""

    @property
    def is_number(self) -> bool:
        return isinstance(self.sort_key, float)


def leaderboard(tables: Iterable[Table], examples: Examples, *, curves: Sequence[Curve] = ()) -> str:
    """The HTML: `tables`, `curves`, and below them the embedded stickers."""
    return render(
        "leaderboard.html",
        title="Animated sticker benchmark",
        lead=_LEAD,
        tables=[_table(table) for table in tables],
        curves=metric_charts(curves),
        series=series_of(curves),
        examples=examples,
    )


def _table(table: Table) -> dict[str, Any]:
    """The variables of the template for one table."""
    best = [best_row(table, column) for column in range(len(table.columns))]
    return {
        "title": table.title or "All metrics",
        "head": table.head,
        "rows": [_row(row, [place is row for place in best]) for row in table.rows],
        "notes": table.notes,
    }


def best_row(table: Table, column: int) -> Row | None:
    """The model whose interval lies beyond those of all other models; None if there is none.

    There is also none if models were evaluated on different numbers of clips, or no direction is better.
    """
    rows = [row for row in table.rows if row.kind == "model"]
    cells = [row.cells[column] for row in rows]
    num_clips = {cell.num_clips for cell in cells if isinstance(cell, Score) and cell.num_clips}
    measured = [(row, interval) for row, cell in zip(rows, cells, strict=True) if (interval := bounds(cell))]
    better = table.columns[column].better
    if better == "neither" or len(measured) < 2 or len(num_clips) > 1:
        return None
    if better == "lower":
        measured = [(row, (-high, -low)) for row, (low, high) in measured]
    first, (least, _) = max(measured, key=lambda entry: entry[1][0])
    return first if all(least > high for row, (_, high) in measured if row is not first) else None


def _row(row: Row, is_best: Sequence[bool]) -> dict[str, Any]:
    return {
        "name": row.text,
        "model": row.name,
        "kind": row.kind,
        "tag": _TAGS[row.kind],
        "cells": [_cell(cell, is_best=best) for cell, best in zip(row.cells, is_best, strict=True)],
    }


def _cell(cell: Cell, *, is_best: bool) -> BoardCell:
    if isinstance(cell, Score) and bounds(cell):
        interval = f"{cell.low:.4g} – {cell.high:.4g} · n={cell.num_clips}"
        return BoardCell(f"{cell.value:.4g}", float(cell.value), is_best, interval)
    text = cell_text(cell)
    return BoardCell(text, float(cell.value) if isinstance(cell, Number) else text, is_best)
