"""What is judged: clips with their prompts, from shards or from a folder of anybody's outputs.

T frames, H and W height and width in pixels.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vsd2m.core.errors import ConfigError, MediaError, StorageError
from vsd2m.media.decode import decode
from vsd2m.media.sampling import flatten
from vsd2m.shard.loader import load

VIDEOS = frozenset({".mp4", ".webm", ".mov", ".mkv"})
PICTURES = frozenset({".gif", ".webp", ".apng", ".png"})


@dataclass(frozen=True)
class JudgedClip:
    """One generated or real sticker on white: `frames` uint8 [T, H, W, 3], in the order they are shown.

    `alpha` uint8 [T, H, W] before it was laid on white; None where it is not known, as in videos.
    """

    name: str
    frames: NDArray[np.uint8]
    prompt: str | None
    alpha: NDArray[np.uint8] | None = None


def read_folder(folder: Path) -> Iterator[JudgedClip]:
    """The animations of `folder` by name, with prompts where there is a `manifest.jsonl` (`file`, `prompt`).

    `StorageError` if there are none, or one cannot be read: a benchmark may not leave out what it fails on.
    """
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in VIDEOS | PICTURES)
    prompts = read_prompts(folder)
    wanted = [path for path in files if not prompts or str(path.relative_to(folder)) in prompts]
    if not wanted:
        raise StorageError(f"{folder} holds no animations ({', '.join(sorted(PICTURES | VIDEOS))})")
    for path in wanted:
        name = str(path.relative_to(folder))
        frames, alpha = _frames(path)
        yield JudgedClip(name, frames, prompts.get(name), alpha)


def read_file(path: Path, prompt: str | None = None) -> JudgedClip:
    """All frames of a video or picture file, named as the file; `StorageError` if it cannot be read."""
    frames, alpha = _frames(path)
    return JudgedClip(path.name, frames, prompt, alpha)


def read_split(
    shards: str, *, splits: tuple[str, ...], num_frames: int, size: int, max_clips: int
) -> Iterator[JudgedClip]:
    """Up to `max_clips` animated stickers of the splits, `num_frames` of each from the first to the last, squashed
    to `size`; the caption is the prompt."""
    left = max_clips
    for split in splits:
        for sample in load(shards, split=split, num_frames=num_frames, size=size, static="exclude"):
            if left == 0:
                return
            left -= 1
            frames = np.ascontiguousarray(sample["clip"].transpose(0, 2, 3, 1))
            yield JudgedClip(sample["key"], frames, sample["caption"])


def read_prompts(folder: Path) -> dict[str, str]:
    """File name -> prompt from the folder's `manifest.jsonl`; empty where it has none."""
    manifest = folder / "manifest.jsonl"
    if not manifest.exists():
        return {}
    rows = [json.loads(line) for line in manifest.read_text(encoding="utf-8").splitlines()]
    if any("file" not in row or "prompt" not in row for row in rows):
        raise ConfigError(f"{manifest}: every line needs the keys `file` and `prompt`")
    return {row["file"]: row["prompt"] for row in rows}


def _frames(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8] | None]:
    if path.suffix.lower() in VIDEOS:
        return _video_frames(path), None
    try:
        frames = decode(path.read_bytes()).frames
        return flatten(frames), frames[..., 3]
    except MediaError as error:
        raise StorageError(f"cannot judge {path}: {error}") from error


def _video_frames(path: Path) -> NDArray[np.uint8]:
    import av

    try:
        with av.open(str(path)) as container:
            frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    except (av.FFmpegError, IndexError) as error:
        raise StorageError(f"cannot judge {path}: {error}") from error
    if not frames:
        raise StorageError(f"cannot judge {path}: it has no frames")
    return np.stack(frames)
