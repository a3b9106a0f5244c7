"""The evaluated clips with their prompts, and the files in a folder of outputs.

T frames, H and W height and width in pixels.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vsd2m.benchmark.suite.clip_rule import ClipRule
from vsd2m.benchmark.suite.frame_rules import FRAME_RULES
from vsd2m.benchmark.suite.videos import VIDEOS, read_video
from vsd2m.core.commit import digest
from vsd2m.core.errors import MediaError, StorageError
from vsd2m.core.file_digest import file_sha256
from vsd2m.core.generated_files import MANIFEST, read_manifest
from vsd2m.core.keys import KEY_LENGTH
from vsd2m.media.decode import decode
from vsd2m.media.frame_indices import flatten
from vsd2m.media.media_types import suffixes_of

PICTURES = suffixes_of("gif", "apng", "png", "webp")


@dataclass(frozen=True)
class JudgedClip:
    """One generated or real sticker on white: `frames` uint8 [T, H, W, 3], in display order.

    `alpha` uint8 [T, H, W] before flattening on white; None if unknown, as in videos.
    """

    name: str
    frames: NDArray[np.uint8]
    prompt: str | None
    alpha: NDArray[np.uint8] | None = None

    def frames_by(self, rule: str) -> NDArray[np.uint8]:
        """The frames that one of `FRAME_RULES` selects."""
        return self.frames[FRAME_RULES[rule](len(self.frames))]


class ClipReference(Protocol):
    """A reference to a clip that is not loaded; can be sent to other processes."""

    @property
    def name(self) -> str:
        """Unique among the clips of an evaluation."""

    @property
    def prompt(self) -> str | None:
        """The prompt it was generated from."""

    @property
    def key(self) -> str:
        """A sticker's key: equal for two clips if and only if their files hold the same bytes."""

    @property
    def identity(self) -> str:
        """Equal for two clips if and only if all their measurements are equal."""

    def load(self) -> JudgedClip:
        """Decodes the clip."""


@dataclass(frozen=True)
class FileClip:
    """A picture or video file; without a `rule` it is loaded as it is stored."""

    path: Path
    name: str
    prompt: str | None
    rule: ClipRule | None = None

    @cached_property
    def key(self) -> str:
        return file_sha256(self.path)[:KEY_LENGTH]

    @cached_property
    def identity(self) -> str:
        return digest([self.key, self.path.suffix.lower() in VIDEOS, self.prompt, str(self.rule)])

    def load(self) -> JudgedClip:
        if self.path.suffix.lower() not in VIDEOS:
            return read_picture(self.path.read_bytes(), self.name, self.prompt, self.rule, path=str(self.path))
        video = read_video(self.path)
        frames = video.frames if self.rule is None else self.rule.cut(video.frames, video.durations_us)[0]
        return JudgedClip(self.name, frames, self.prompt)


def read_picture(media: bytes, name: str, prompt: str | None, rule: ClipRule | None, *, path: str) -> JudgedClip:
    """The clip in a picture's bytes, with the frames of `rule` if there is one; `StorageError` if decoding fails."""
    try:
        clip = decode(media)
    except MediaError as error:
        raise StorageError(f"cannot evaluate {path}: {error}") from error
    if rule is None:
        return JudgedClip(name, flatten(clip.frames), prompt, clip.frames[..., 3])
    frames, alpha = rule.cut(clip.frames, clip.played_durations_ms)
    return JudgedClip(name, frames, prompt, alpha)


def list_folder(folder: Path, rule: ClipRule | None = None) -> list[FileClip]:
    """The animations of `folder` and the folders in it, by name, with the prompts of `read_prompts` and the frames of
    `rule`.

    If there are prompts, files without one are ignored. `StorageError` if no file is left, or a file of the manifest is
    missing: a benchmark must not ignore what a model failed on.
    """
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in VIDEOS | PICTURES)
    prompts = read_prompts(folder)
    missing = sorted(name for name in prompts if not (folder / name).is_file())
    if missing:
        raise StorageError(
            f"{folder / missing[0]} is in {MANIFEST}, but does not exist ({len(missing)} of {len(prompts)} files)"
        )
    names = {path: str(path.relative_to(folder)) for path in files}
    used = {path: name for path, name in names.items() if not prompts or name in prompts}
    clips = [FileClip(path, name, prompts.get(name), rule) for path, name in used.items()]
    if not clips:
        raise StorageError(f"{folder} contains no animations ({', '.join(sorted(PICTURES | VIDEOS))})")
    return clips


def read_file(path: Path, prompt: str | None = None) -> JudgedClip:
    """All frames of a video or picture file, with the file's name; `StorageError` if it cannot be read."""
    return FileClip(path, path.name, prompt).load()


def read_prompts(folder: Path) -> dict[str, str]:
    """Path of a file below `folder` -> prompt, from its `manifest.jsonl`; empty if it has none.

    A line is a JSON object with the keys `file`, relative to the manifest, and `prompt`. In a folder without
    a manifest, the manifests of its subfolders are used.
    """
    manifest_here = folder / MANIFEST
    prompts = {}
    for manifest in [manifest_here] if manifest_here.exists() else sorted(folder.rglob(MANIFEST)):
        place = manifest.parent.relative_to(folder)
        prompts.update({str(place / row["file"]): row["prompt"] for row in read_manifest(manifest)})
    return prompts
