"""A leaderboard as one HTML file that needs nothing else: tables that sort, curves, stickers side by side."""

import base64
import re
from collections.abc import Iterable, Sequence
from html import escape
from importlib.resources import files

from vsd2m.benchmark.results import REAL
from vsd2m.benchmark.tables.side_by_side import Example, Examples
from vsd2m.benchmark.tables.text_tables import Table

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


def leaderboard(tables: Iterable[Table], examples: Examples, *, curves: str | None = None) -> str:
    """The page's text: `tables`, the SVG of `curves`, and below the stickers, embedded."""
    part = files("vsd2m.benchmark.tables")
    style, script = (part.joinpath(f"leaderboard.{suffix}").read_text("utf-8") for suffix in ("css", "js"))
    figure = f'<section class="curves"><h2>Figure 6: metrics against training steps</h2>{curves}</section>'
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Sticker benchmark</title><style>{style}</style></head>\n<body><main>"
        f'<h1>Animated sticker benchmark</h1><p class="lead">{escape(_LEAD)}</p>\n'
        f"{''.join(map(_table, tables))}{figure if curves else ''}{_examples(examples)}"
        "<footer>Made by <code>vsd2m benchmark table</code>.</footer>"
        f"</main><script>{script}</script></body></html>\n"
    )


def _table(table: Table) -> str:
    best = {column: _best(table, column) for column in range(1, len(table.head))}
    head = "".join(f'<th tabindex="0" scope="col">{escape(text)}</th>' for text in table.head)
    rows = "".join(_row(row, best) for row in table.rows)
    notes = "".join(f"<li>{escape(note)}</li>" for note in table.notes)
    return (
        f"<section><h2>{escape(table.title or 'All metrics')}</h2>"
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead>\n<tbody>{rows}</tbody></table></div>'
        + (f'<details><summary>Notes</summary><ul class="notes">{notes}</ul></details>' if notes else "")
        + "</section>\n"
    )


def _row(row: Sequence[str], best: dict[int, str | None]) -> str:
    name = row[0]
    kind = "paper" if name.endswith(PAPER) else "real" if name == REAL else "model"
    tag = {"paper": "paper", "real": "yardstick", "model": ""}[kind]
    shown = f"{escape(name.removesuffix(PAPER))}{f'<span class=tag>{tag}</span>' if tag else ''}"
    cells = (_cell(text, is_best=kind == "model" and text == best[column]) for column, text in enumerate(row) if column)
    return f'<tr class="{kind}"><td data-value="{escape(name)}">{shown}</td>{"".join(cells)}</tr>\n'


def _cell(text: str, *, is_best: bool) -> str:
    found = _CELL.fullmatch(text)
    shown = escape(text)
    if found:
        interval = f"{found['low']} – {found['high']}"
        shown = f"<b>{escape(found['value'])}</b><small>{escape(interval)} · n={found['count']}</small>"
    elif _NUMBER.fullmatch(text):
        shown = f"<b>{shown}</b>"
    value = found["value"] if found else text
    return f'<td data-value="{escape(value)}"{" class=best" if is_best else ""}>{shown}</td>'


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
    found = _CELL.fullmatch(text)
    low, high = (found["low"], found["high"]) if found else (text, text)
    return (float(low), float(high)) if _NUMBER.fullmatch(low) and _NUMBER.fullmatch(high) else None


def _examples(examples: Examples) -> str:
    if not examples.rows:
        return ""
    head = "".join(f'<div class="head">{escape(model)}</div>' for model in examples.models)
    rows = "".join(
        f'<div class="prompt">{escape(prompt)}</div>{"".join(_sticker(sticker, prompt) for sticker in stickers)}'
        for prompt, stickers in examples.rows
    )
    columns = f"grid-template-columns: max-content repeat({len(examples.models)}, max-content)"
    return (
        f'<section><h2>What they drew</h2><div class="scroll"><div class="grid" style="{columns}">'
        f"<div></div>{head}{rows}</div></div></section>"
    )


def _sticker(example: Example | None, prompt: str) -> str:
    if example is None:
        return '<div class="sticker none">none</div>'
    source = f"data:{example.media_type};base64,{base64.b64encode(example.data).decode()}"
    if example.media_type.startswith("video/"):
        return f'<video class="sticker" src="{source}" autoplay loop muted playsinline></video>'
    return f'<img class="sticker" src="{source}" alt="{escape(prompt)}">'
