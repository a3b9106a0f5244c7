"""Pages of the documentation site made from files elsewhere: the README and its neighbours, and the API reference."""

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

import vsd2m

ROOT = Path(__file__).parents[2]
BESIDE = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}


def on_files(files: Files, config: Any) -> Files:
    """Adds the pages that lie outside `docs/`, and a reference of every public name."""
    for name, page in BESIDE.items():
        files.append(File.generated(config, page, content=(ROOT / name).read_text(encoding="utf-8")))
    files.append(File.generated(config, "api.md", content=api_reference()))
    return files


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Links between files of the repository, as links between pages; what is no page is named without a link."""
    folder = (
        "" if page.file.src_uri in BESIDE.values() else posixpath.join("docs", posixpath.dirname(page.file.src_uri))
    )

    def link(match: re.Match[str]) -> str:
        text, target, anchor = match["text"], match["target"], match["anchor"] or ""
        path = posixpath.normpath(posixpath.join(folder, target))
        inside = BESIDE.get(path) or (path.removeprefix("docs/") if path.startswith("docs/") else None)
        if inside is None:
            return text
        here = posixpath.dirname(page.file.src_uri) or "."
        return f"{match['mark']}[{text}]({posixpath.relpath(inside, here)}{anchor})"

    return re.sub(
        r"(?P<mark>!?)\[(?P<text>[^\]\n]*)\]\((?P<target>(?!https?:|#)[^)#\s]+)(?P<anchor>#[^)\s]*)?\)", link, markdown
    )


def api_reference() -> str:
    """Every public name with its docstring, signature and types."""
    names = [name for name in vsd2m.__all__ if name != "__version__"]
    parts = [f"::: {getattr(vsd2m, name).__module__}.{name}\n" for name in names]
    return (
        "# Python API\n\nEverything below is imported from `vsd2m` itself: `from vsd2m import load`.\n\n"
        + "\n".join(parts)
    )
