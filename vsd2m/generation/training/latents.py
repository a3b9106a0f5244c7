"""Encoded clips on disk, identified by the clips' content and the codec."""

import json
import os
import shutil
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from vsd2m.core.commit import digest
from vsd2m.generation.config import TrainConfig
from vsd2m.generation.data import ClipSource, TrainingClip
from vsd2m.generation.errors import TrainingError
from vsd2m.generation.training.codec import Codec, LatentCodec
from vsd2m.generation.training.module_digest import module_digest

FORMAT = 2
CLIPS_PER_CALL = 16


class LatentStore:
    """Latents [N, C, T, h, w] in half precision, with each clip's key, text, tags and frame mask; read on demand.

    Equal `identity`, equal clips and codec.
    """

    def __init__(self, folder: Path) -> None:
        facts = json.loads((folder / "clips.json").read_text())
        self.identity = folder.name
        self.keys: list[str] = facts["keys"]
        self.texts: list[str] = facts["texts"]
        self.tags: list[list[str]] = facts["tags"]
        self.masks: NDArray[np.bool_] = np.array(facts["masks"], dtype=bool)
        self._latents = np.memmap(folder / "latents.bin", np.float16, mode="r", shape=tuple(facts["shape"]))

    def __len__(self) -> int:
        return len(self.keys)

    def latents(self, indices: NDArray[np.int64]) -> torch.Tensor:
        """Float latents [B, C, T, h, w]."""
        return torch.from_numpy(np.stack([self._latents[index] for index in indices]).astype(np.float32))


def encode_clips(config: TrainConfig, codec: Codec, source: ClipSource) -> LatentStore:
    """The clips of `source`, encoded for the configured model."""
    return open_latents(cache_folder(config), source, codec, codec_identity(codec))


def cache_folder(config: TrainConfig) -> Path:
    """The folder of encoded clips and texts."""
    return Path(config.data.cache or Path(config.out) / "cache")


def codec_identity(codec: Codec) -> str:
    """The identity of the codec: the patch size, or a digest of the autoencoder's weights and scale."""
    if not isinstance(codec, LatentCodec):
        return f"pixels/{codec.reduction}"
    return f"{type(codec.vae).__name__}/{codec.vae.config.scaling_factor}/{module_digest(codec.vae)}"


def open_latents(root: Path, source: ClipSource, codec: Codec, codec_identity: str) -> LatentStore:
    """The encoded clips of `source`: from `root` if clips and codec are the same, else newly encoded.

    `TrainingError` if there are no clips.
    """
    folder = root / f"latents-{digest([FORMAT, source.identity, codec_identity])[:16]}"
    if not folder.exists():
        _encode(folder, source.read(), codec)
    return LatentStore(folder)


def _encode(folder: Path, clips: Iterable[TrainingClip], codec: Codec) -> None:
    building = folder.with_name(f"{folder.name}.tmp-{os.getpid()}")
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(parents=True)
    facts: dict[str, Any] = {"keys": [], "texts": [], "tags": [], "masks": []}
    shape: tuple[int, ...] = ()
    with (building / "latents.bin").open("wb") as file:
        for batch in _batches(clips, CLIPS_PER_CALL):
            frames = torch.from_numpy(np.stack([clip.frames for clip in batch]))
            latents = codec.encode(frames.float() / 127.5 - 1).to(torch.float16).cpu().numpy()
            file.write(np.ascontiguousarray(latents).tobytes())
            shape = latents.shape[1:]
            facts["keys"] += [clip.key for clip in batch]
            facts["texts"] += [clip.text for clip in batch]
            facts["tags"] += [list(clip.tags) for clip in batch]
            facts["masks"] += [clip.mask.tolist() for clip in batch]
    if not facts["keys"]:
        shutil.rmtree(building)
        raise TrainingError("the split has no clips to train on; expected at least one animated sticker")
    facts["shape"] = [len(facts["keys"]), *shape]
    (building / "clips.json").write_text(json.dumps(facts))
    os.replace(building, folder)


def _batches(clips: Iterable[TrainingClip], size: int) -> Iterator[list[TrainingClip]]:
    iterator = iter(clips)
    while batch := list(islice(iterator, size)):
        yield batch
