"""The stickers of a study: folders of generated files, paired by prompt."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from vsd2m.core.errors import ConfigError, StorageError
from vsd2m.core.generated_files import MANIFEST, read_manifest


@dataclass(frozen=True)
class PairedPrompt:
    """A prompt and the file that each model generated for it, in the order of the models."""

    prompt: str
    files: tuple[Path, ...]


def pair_by_prompt(folders: Mapping[str, Path]) -> list[PairedPrompt]:
    """The prompts that every folder has, in the first folder's order.

    If a folder has a prompt several times (several seeds), first is paired with first, second with second.
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


def _read_manifest(folder: Path) -> dict[tuple[str, int], Path]:
    """(prompt, number of earlier occurrences) -> file."""
    manifest = folder / MANIFEST
    num_before: Counter[str] = Counter()
    files = {}
    for row in read_manifest(manifest):
        prompt, path = row["prompt"], folder / row["file"]
        if not path.is_file():
            raise StorageError(f"{manifest}: there is no file {path}")
        files[prompt, num_before[prompt]] = path
        num_before[prompt] += 1
    return files
