"""A leaderboard as one HTML file that needs nothing else: tables that sort, curves, stickers side by side."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from vsd2m.benchmark.results import REAL
from vsd2m.benchmark.tables.curve_chart import metric_charts, series_of
from vsd2m.benchmark.tables.curves import Curve
from vsd2m.benchmark.tables.side_by_side import Examples
from vsd2m.benchmark.tables.text_tables import Table
from vsd2m.pages.render import render

PAPER = " (paper)"
_CELL = re.compile(r"(?P<value>\S+) \[(?P<low>\S+), (?P<high>\S+)\] \(n=(?P<count>\d+)\)")
_COUNT = re.compile(r"\(n=(\d+)\)$")
_NUMBER = re.compile(r"[-+]?\d+(\.\d+)?(e[-+]?\d+)?")
_SIGNS = {"↑": 1.0, "↓": -1.0}
_LEAD = (
    "Small print: 95 % interval and number of clips. ★ marks a judged model whose interval lies beyond those of all "
    "other models, where all were judged on equally many clips; without one there is no winner. The paper's rows were "
    "measured in a way it does not state, and are not ranked. Click a column to sort."
)


@dataclass(frozen=True)
class BoardCell:
    """A cell as the template draws it; `value` sorts it."""

    value: str
    is_number: bool = False
    is_best: bool = False
    interval: str = ""


def leaderboard(tables: Iterable[Table], examples: Examples, *, curves: Sequence[Curve] = ()) -> str:
    """The page's text: `tables`, `curves`, and below the stickers, embedded."""
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
    """What the template draws of one table."""
    best = {column: _best(table, column) for column in range(1, len(table.head))}
    return {
        "title": table.title or "All metrics",
        "head": table.head,
        "rows": [_row(row, best) for row in table.rows],
        "notes": table.notes,
    }


def _row(row: Sequence[str], best: dict[int, str | None]) -> dict[str, Any]:
    name = row[0]
    kind = "paper" if name.endswith(PAPER) else "real" if name == REAL else "model"
    return {
        "name": name,
        "model": name.removesuffix(PAPER),
        "kind": kind,
        "tag": {"paper": "paper", "real": "yardstick", "model": ""}[kind],
        "cells": [
            _cell(text, is_best=kind == "model" and text == best[column]) for column, text in enumerate(row) if column
        ],
    }


def _cell(text: str, *, is_best: bool) -> BoardCell:
    measured = _CELL.fullmatch(text)
    if measured is None:
        return BoardCell(text, _NUMBER.fullmatch(text) is not None, is_best)
    interval = f"{measured['low']} – {measured['high']} · n={measured['count']}"
    return BoardCell(measured["value"], True, is_best, interval)


def _best(table: Table, column: int) -> str | None:
    """The text of the cell that is better than those of all other models judged here, their intervals apart; None where
    they were judged on different numbers of clips."""
    sign = _SIGNS.get(table.head[column][-1:])
    cells = [row[column] for row in table.rows if not row[0].endswith(PAPER) and row[0] != REAL]
    ranges = {text: bounds for text in cells if (bounds := _range(text)) is not None}
    counts = {count[1] for text in cells if (count := _COUNT.search(text))}
    if sign is None or len(ranges) < 2 or len(counts) > 1:
        return None
    worst = {text: min(sign * bound for bound in bounds) for text, bounds in ranges.items()}
    best = {text: max(sign * bound for bound in bounds) for text, bounds in ranges.items()}
    first = max(worst, key=lambda text: worst[text])
    return first if all(worst[first] > best[text] for text in ranges if text != first) else None


def _range(text: str) -> tuple[float, float] | None:
    """The interval in a cell; of a number without one, the number."""
    measured = _CELL.fullmatch(text)
    low, high = (measured["low"], measured["high"]) if measured else (text, text)
    return (float(low), float(high)) if _NUMBER.fullmatch(low) and _NUMBER.fullmatch(high) else None
