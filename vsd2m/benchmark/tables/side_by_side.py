"""Stickers beside each other: what every model, and reality, made of the same prompts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vsd2m.benchmark.config import JudgingConfig
from vsd2m.benchmark.results import REAL, read_lines
from vsd2m.benchmark.suite.clips import list_folder
from vsd2m.benchmark.suite.real_clips import list_real
from vsd2m.core.errors import Vsd2mError
from vsd2m.media.media_types import type_of_file

MAX_BYTES = 2_000_000


@dataclass(frozen=True)
class Example:
    """The bytes of a file that browsers show, and their media type."""

    data: bytes
    media_type: str


@dataclass(frozen=True)
class Examples:
    """`rows`: a prompt (or a file's name, where there are none) and the sticker of each of `models`, None: missing."""

    models: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Example | None, ...]], ...]


def side_by_side(folders: Mapping[str, Path], real: Mapping[str, bytes], *, count: int) -> Examples:
    """`count` prompts, those first that most models have, in the order of the first model.

    `real`: prompt -> bytes of the real sticker. Files over 2 MB and folders that are gone leave a gap.
    """
    by_model = {name: _files(folder) for name, folder in folders.items()}
    prompts = list(dict.fromkeys(prompt for files in by_model.values() for prompt in files))
    prompts.sort(key=lambda prompt: -sum(prompt in files for files in by_model.values()))
    chosen = prompts[:count]
    columns = {name: [_read(files.get(prompt)) for prompt in chosen] for name, files in by_model.items()}
    if any(prompt in real for prompt in chosen):
        columns = {REAL: [_example(real.get(prompt, b""), "") for prompt in chosen], **columns}
    rows = tuple((prompt, tuple(column[row] for column in columns.values())) for row, prompt in enumerate(chosen))
    return Examples(tuple(columns), rows)


def real_stickers(folders: Sequence[str], prompts: frozenset[str]) -> dict[str, bytes]:
    """prompt -> original bytes of its test sticker, of the runs in `folders` whose shards are still there."""
    found: dict[str, bytes] = {}
    for folder in folders:
        config = JudgingConfig.model_validate({**read_lines(folder)[0]["config"], "metrics": ("motion_amount",)})
        try:
            found.update(
                {clip.prompt: clip.media() for clip in list_real(config) if clip.prompt in prompts - found.keys()}
            )
        except Vsd2mError:
            continue  # a page of results must not need the data set
    return found


def _files(folder: Path) -> dict[str, Path]:
    """Prompt, or name where there are none -> file; the first of each."""
    if not folder.is_dir():
        return {}
    files: dict[str, Path] = {}
    for clip in list_folder(folder):
        files.setdefault(clip.prompt or clip.name, clip.path)
    return files


def _read(path: Path | None) -> Example | None:
    if path is None or path.stat().st_size > MAX_BYTES:
        return None
    return _example(path.read_bytes(), path.suffix)


def _example(data: bytes, suffix: str) -> Example | None:
    kind = type_of_file(data, suffix) if data else None
    return Example(data, kind.mime) if kind and kind.in_browsers and len(data) <= MAX_BYTES else None
