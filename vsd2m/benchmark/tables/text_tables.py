"""A table printed as Markdown, CSV or LaTeX."""

import csv
import io
from collections.abc import Callable

from vsd2m.benchmark.tables.table import Table

SPECIAL_IN_LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
}


def markdown(table: Table) -> str:
    """Pipes within cells are escaped."""
    lines = [f"**{table.title}**", ""] if table.title else []
    lines += map(_markdown_row, (table.head, ("---",) * len(table.head), *table.text_rows))
    if table.notes:
        lines += ["", *(f"- {note}" for note in table.notes)]
    return "\n".join(lines) + "\n"


def comma_separated(table: Table) -> str:
    """Head and rows, quoted where needed; the title is the first column, so that tables can be concatenated."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("table", *table.head))
    writer.writerows((table.title, *row) for row in table.text_rows)
    return text.getvalue()


def latex(table: Table) -> str:
    """A `table` environment for the booktabs package; notes become the end of the caption."""
    caption = " ".join(latex_text(part) for part in (table.title, *table.notes) if part)
    lines = [
        r"\begin{table}",
        r"\centering",
        rf"\begin{{tabular}}{{l{'r' * (len(table.columns))}}}",
        r"\toprule",
        _latex_row(table.head),
        r"\midrule",
        *map(_latex_row, table.text_rows),
        r"\bottomrule",
        r"\end{tabular}",
        rf"\caption{{{caption}}}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


RENDERERS: dict[str, Callable[[Table], str]] = {"markdown": markdown, "csv": comma_separated, "latex": latex}


def _markdown_row(cells: tuple[str, ...]) -> str:
    escaped = (cell.replace("|", "\\|") for cell in cells)
    return f"| {' | '.join(escaped)} |"


def _latex_row(cells: tuple[str, ...]) -> str:
    return f"{' & '.join(map(latex_text, cells))} \\\\"


def latex_text(text: str) -> str:
    """`text` with the characters escaped that LaTeX treats as commands."""
    return "".join(SPECIAL_IN_LATEX.get(character, character) for character in text)
