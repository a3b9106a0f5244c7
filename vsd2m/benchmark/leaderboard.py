"""A leaderboard as one HTML file that needs nothing else: tables that sort, and stickers that move."""

import base64
import html
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from vsd2m.benchmark.clips import read_prompts
from vsd2m.benchmark.render import Table

TYPES = {".gif": "image/gif", ".webp": "image/webp", ".png": "image/png", ".apng": "image/apng"}
MAX_EXAMPLE_BYTES = 2_000_000

STYLE = """
body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:80rem;padding:0 1rem;color:#222;background:#fff}
table{border-collapse:collapse;margin:.5rem 0}th,td{padding:.3rem .7rem;border-bottom:1px solid #ddd;text-align:right}
th:first-child,td:first-child{text-align:left}th{cursor:pointer}caption{text-align:left;font-weight:600;padding:.5rem 0}
.notes{color:#666;font-size:13px}.examples{display:flex;flex-wrap:wrap;gap:.6rem}figure{margin:0;width:128px}
img{width:128px;height:128px;object-fit:contain;background:#f4f4f4}figcaption{font-size:12px;overflow-wrap:anywhere}
"""

SCRIPT = """
for (const head of document.querySelectorAll("th")) head.addEventListener("click", () => {
  const table = head.closest("table"), column = [...head.parentNode.children].indexOf(head);
  const value = row => { const text = row.children[column].textContent, number = parseFloat(text);
    return isNaN(number) ? text : number; };
  const up = head.dataset.up = head.dataset.up === "1" ? "0" : "1";
  const rows = [...table.tBodies[0].rows].sort((a, b) => {
    const x = value(a), y = value(b), both = typeof x === typeof y;
    return (both ? (x < y ? -1 : x > y ? 1 : 0) : typeof x === "number" ? -1 : 1) * (up === "1" ? 1 : -1); });
  table.tBodies[0].append(...rows);
});
"""


def leaderboard(tables: Iterable[Table], folders: Mapping[str, Path], *, num_examples: int) -> str:
    """`tables` above, and below the first `num_examples` animations of every model's folder, by name.

    Pictures are embedded, except those over 2 MB; a folder that is gone leaves a line in place of its examples.
    """
    shown = "".join(map(_table, tables))
    examples = "".join(_examples(name, folder, num_examples) for name, folder in folders.items())
    return (
        '<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>Sticker benchmark</title>'
        f"<style>{STYLE}</style>\n<h1>Sticker benchmark</h1>\n{shown}{examples}<script>{SCRIPT}</script></html>\n"
    )


def _table(table: Table) -> str:
    rows = "".join(f"<tr>{_cells('td', row)}</tr>\n" for row in table.rows)
    notes = "".join(f"<li>{html.escape(note)}</li>" for note in table.notes)
    return (
        f"<table><caption>{html.escape(table.title)}</caption><thead><tr>{_cells('th', table.head)}</tr></thead>\n"
        f'<tbody>{rows}</tbody></table>\n<ul class="notes">{notes}</ul>\n'
    )


def _cells(tag: str, texts: Sequence[str]) -> str:
    return "".join(f"<{tag}>{html.escape(text)}</{tag}>" for text in texts)


def _examples(name: str, folder: Path, num_examples: int) -> str:
    head = f"<h2>{html.escape(name)}</h2>\n"
    if not folder.is_dir():
        return f"{head}<p>{html.escape(str(folder))} is not here any more.</p>\n"
    prompts = read_prompts(folder)
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in TYPES)
    small = [path for path in files if path.stat().st_size <= MAX_EXAMPLE_BYTES]
    wanted = [path for path in small if not prompts or str(path.relative_to(folder)) in prompts][:num_examples]
    return f'{head}<div class="examples">{"".join(_figure(path, folder, prompts) for path in wanted)}</div>\n'


def _figure(path: Path, folder: Path, prompts: Mapping[str, str]) -> str:
    name = str(path.relative_to(folder))
    caption = html.escape(prompts.get(name, name))
    data = base64.b64encode(path.read_bytes()).decode()
    source = f"data:{TYPES[path.suffix.lower()]};base64,{data}"
    return f'<figure><img src="{source}" alt="{caption}"><figcaption>{caption}</figcaption></figure>'
