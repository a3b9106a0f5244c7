"""The codes of all clips on disk, identified by the clips and the VQ-VAE.

Letters: N clips, L codes of a clip.
"""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from vsd2m.core.commit import digest
from vsd2m.generation.training.latents import LatentStore
from vsd2m.generation.training.module_digest import module_digest
from vsd2m.generation.videogpt.vqvae import VqVae

FORMAT = 1
CLIPS_PER_CALL = 16


def open_codes(root: Path, store: LatentStore, vqvae: VqVae) -> NDArray[np.int32]:
    """Codes [N, L] of the clips of `store`: from `root` if clips and weights are the same, else newly computed."""
    key = [FORMAT, store.identity, module_digest(vqvae)]
    folder = root / f"codes-{digest(key)[:16]}"
    if not folder.exists():
        _encode(folder, store, vqvae)
    shape = tuple(json.loads((folder / "shape.json").read_text()))
    codes: NDArray[np.int32] = np.memmap(folder / "codes.bin", np.int32, mode="r", shape=shape)
    return codes


@torch.no_grad()  # type: ignore[untyped-decorator]
def _encode(folder: Path, store: LatentStore, vqvae: VqVae) -> None:
    building = folder.with_name(f"{folder.name}.tmp-{os.getpid()}")
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(parents=True)
    length = 0
    with (building / "codes.bin").open("wb") as file:
        for first in range(0, len(store), CLIPS_PER_CALL):
            indices = np.arange(first, min(first + CLIPS_PER_CALL, len(store)))
            codes = vqvae.encode(store.latents(indices).to(vqvae.device)).flatten(1)
            length = codes.shape[1]
            file.write(codes.to(torch.int32).cpu().numpy().tobytes())
    (building / "shape.json").write_text(json.dumps([len(store), length]))
    os.replace(building, folder)
