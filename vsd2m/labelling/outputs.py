"""The stickers of a study: folders of generated files, paired by prompt."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from vsd2m.core.errors import ConfigError, StorageError
from vsd2m.media.media_types import MEDIA_TYPES, type_of_file

MANIFEST = "manifest.jsonl"


@dataclass(frozen=True)
class PairedPrompt:
    """A prompt and the file that each model made of it, in the order of the models."""

    prompt: str
    files: tuple[Path, ...]


def pair_by_prompt(folders: Mapping[str, Path]) -> list[PairedPrompt]:
    """The prompts that every folder has, in the first folder's order.

    A prompt that a folder holds several times (several seeds) is paired first with first, second with second.
    `ConfigError` for fewer than two models or no common prompt, `StorageError` for a folder that cannot be read.
    """
    if len(folders) < 2:
        raise ConfigError(f"a study compares at least two models, found {len(folders)}; give --model NAME=FOLDER twice")
    by_model = [_read_manifest(folder) for folder in folders.values()]
    common = [key for key in by_model[0] if all(key in files for files in by_model)]
    if not common:
        counts = ", ".join(f"{name} has {len(files)}" for name, files in zip(folders, by_model, strict=True))
        raise ConfigError(f"the models have no common prompts ({counts}); generate them from the same prompts")
    return [PairedPrompt(key[0], tuple(files[key] for files in by_model)) for key in common]


def content_type(path: Path) -> str:
    """What a browser must be told that the file is; content decides for pictures, the suffix for videos."""
    kind = type_of_file(path.read_bytes(), path.suffix)
    if kind is not None and kind.in_browsers:
        return kind.mime
    expected = ", ".join(name for name, kind in MEDIA_TYPES.items() if kind.in_browsers)
    raise StorageError(f"{path} is no sticker that browsers show; expected {expected}")


def _read_manifest(folder: Path) -> dict[tuple[str, int], Path]:
    """(prompt, how often it stood there before) -> file."""
    manifest = folder / MANIFEST
    try:
        lines = manifest.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise StorageError(f"cannot read {manifest}: {error.strerror}; give a folder of `vsd2m generate`") from error
    seen: Counter[str] = Counter()
    files = {}
    for number, line in enumerate(lines, start=1):
        prompt, path = _read_line(line, folder, f"{manifest}, line {number}")
        files[prompt, seen[prompt]] = path
        seen[prompt] += 1
    return files


def _read_line(line: str, folder: Path, where: str) -> tuple[str, Path]:
    try:
        row = json.loads(line)
        prompt, path = str(row["prompt"]), folder / row["file"]
    except (ValueError, KeyError, TypeError) as error:
        raise StorageError(f"{where}: expected a JSON object with the keys `file` and `prompt`") from error
    if not path.is_file():
        raise StorageError(f"{where}: there is no file {path}")
    return prompt, path
