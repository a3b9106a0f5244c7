"""A self-contained HTML page: style inside, pictures inside, no script."""

from collections.abc import Sequence
from html import escape
from importlib.resources import files


def page(title: str, body: Sequence[str]) -> str:
    """The whole document."""
    style = files("vsd2m.pages").joinpath("page.css").read_text(encoding="utf-8")
    head = f'<meta charset="utf-8"><title>{escape(title)}</title><style>\n{style}</style>'
    content = "\n".join([f"<h1>{escape(title)}</h1>", *body])
    return f'<!doctype html>\n<html lang="en"><head>{head}</head><body>\n{content}\n</body></html>\n'


def table(header: Sequence[str], rows: Sequence[Sequence[str]], *, marked: int | None = None) -> str:
    """A table of texts; row `marked` stands out."""
    lines = ["<tr>" + "".join(f"<th>{escape(name)}</th>" for name in header) + "</tr>"]
    for number, row in enumerate(rows):
        cells = "".join(f"<td>{escape(cell)}</td>" for cell in row)
        lines.append(f'<tr class="now">{cells}</tr>' if number == marked else f"<tr>{cells}</tr>")
    return "<table>" + "".join(lines) + "</table>"


def number(value: float) -> str:
    """A number in at most four significant places, counts in full."""
    return f"{value:,.0f}" if float(value).is_integer() and abs(value) < 1e15 else f"{value:.4g}"
