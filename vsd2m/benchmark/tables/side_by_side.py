"""Stickers side by side: those of every model, and the real ones, for the same prompts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vsd2m.benchmark.config import JudgingConfig
from vsd2m.benchmark.results import REAL, read_lines
from vsd2m.benchmark.suite.clips import list_folder
from vsd2m.benchmark.suite.real_clips import list_real
from vsd2m.benchmark.suite.videos import VIDEOS, read_video
from vsd2m.core.errors import MediaError, StorageError, Vsd2mError
from vsd2m.media.clip import Clip
from vsd2m.media.decode import decode
from vsd2m.pages.previews import Preview, bytes_each, make_preview

MAX_STICKERS = 180
"""On one page."""


@dataclass(frozen=True)
class Examples:
    """`rows`: a prompt (or a file's name without prompts) and the sticker of each of `models`, None: missing."""

    models: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Preview | None, ...]], ...]


def common_prompts(folders: Mapping[str, Path], *, count: int) -> list[str]:
    """`count` prompts, those of the most models first, in the order of the first model; fewer if there are many
    models."""
    return _common({name: _files(folder) for name, folder in folders.items()}, count)


def side_by_side(folders: Mapping[str, Path], real: Mapping[str, bytes], *, count: int) -> Examples:
    """The stickers of `common_prompts`, reduced so that they fit on one page.

    `real`: prompt -> bytes of the real sticker. Files that cannot be decoded and missing folders leave a gap.
    """
    by_model = {name: _files(folder) for name, folder in folders.items()}
    chosen = _common(by_model, count)
    with_real = any(prompt in real for prompt in chosen)
    max_bytes = bytes_each(len(chosen) * (len(by_model) + with_real))
    columns = {name: [_preview(files.get(prompt), max_bytes) for prompt in chosen] for name, files in by_model.items()}
    if with_real:
        columns = {REAL: [_preview(real.get(prompt), max_bytes) for prompt in chosen], **columns}
    rows = tuple((prompt, tuple(column[row] for column in columns.values())) for row, prompt in enumerate(chosen))
    return Examples(tuple(columns), rows)


def real_stickers(folders: Sequence[str], prompts: frozenset[str]) -> dict[str, bytes]:
    """prompt -> original bytes of its test sticker, of the runs in `folders` whose shards are available."""
    stickers: dict[str, bytes] = {}
    for folder in folders:
        config = JudgingConfig.model_validate({**read_lines(folder)[0]["config"], "metrics": ("motion_amount",)})
        try:
            stickers.update(
                {clip.prompt: clip.media() for clip in list_real(config) if clip.prompt in prompts - stickers.keys()}
            )
        except Vsd2mError:
            continue  # a page of results must not need the data set
    return stickers


def _common(by_model: Mapping[str, Mapping[str, Path]], count: int) -> list[str]:
    prompts = list(dict.fromkeys(prompt for files in by_model.values() for prompt in files))
    prompts.sort(key=lambda prompt: -sum(prompt in files for files in by_model.values()))
    return prompts[: min(count, max(1, MAX_STICKERS // (len(by_model) + 1)))]


def _files(folder: Path) -> dict[str, Path]:
    """Prompt (or name without prompts) -> file; the first of each."""
    if not folder.is_dir():
        return {}
    files: dict[str, Path] = {}
    for clip in list_folder(folder):
        files.setdefault(clip.prompt or clip.name, clip.path)
    return files


def _preview(source: Path | bytes | None, max_bytes: int) -> Preview | None:
    if source is None:
        return None
    try:
        return make_preview(_clip(source), max_bytes=max_bytes)
    except (MediaError, StorageError):
        return None


def _clip(source: Path | bytes) -> Clip:
    if isinstance(source, Path) and source.suffix.lower() in VIDEOS:
        video = read_video(source)
        opaque = np.full((*video.frames.shape[:3], 1), 255, np.uint8)
        durations_ms = (video.durations_us / 1000).round().astype(np.int32)
        return Clip(np.concatenate([video.frames, opaque], axis=3), durations_ms, 0, source.suffix.lower()[1:])
    return decode(source if isinstance(source, bytes) else source.read_bytes())
