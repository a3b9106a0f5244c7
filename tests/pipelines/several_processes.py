"""Trains a tiny generator in two processes that share this one's imports: `several_processes.py FOLDER`.

FOLDER/plain is trained by data-parallel processes, FOLDER/sharded by processes that share the weights;
FOLDER/spoilt-plain and FOLDER/spoilt-sharded likewise, on clips of which one is not finite.
"""

import json
import multiprocessing
import os
import shutil
import sys
import warnings
from pathlib import Path

import numpy as np

from vsd2m.generation.config import TrainConfig
from vsd2m.generation.data import ClipSource, TrainingClip

NUM_PROCESSES = 2
SPOILT = 2
"""The number of the clip that is not finite."""


def tiny_config(out: Path, **values: object) -> TrainConfig:
    """A second of one core."""
    return TrainConfig.model_validate(
        {
            "out": str(out),
            "model": {
                "block_out_channels": (8,),
                "attention_levels": (True,),
                "attention_head_dim": 4,
                "norm_num_groups": 4,
                "patch_size": 2,
                "temporal_layer": {"layer": "sti", "num_heads": 2, "head_dim": 4},
            },
            "text": {"hidden_size": 8, "num_heads": 2, "max_length": 8, "vocab_size": 300},
            "data": {"shards": "unused", "num_frames": 2, "size": 8},
            "batch_size": 2,
            "num_steps": 2,
            "num_threads": 1,
            **values,
        }
    )


def moving_noise() -> ClipSource:
    """Six clips."""

    def read() -> list[TrainingClip]:
        generator = np.random.default_rng(0)
        clips = generator.integers(0, 256, (6, 2, 3, 8, 8), np.uint8)
        return [TrainingClip(f"{n:032x}", f"clip {n}", frames, np.ones(2, bool)) for n, frames in enumerate(clips)]

    return ClipSource("moving noise", read)


def work(rank: int, folder: Path) -> None:
    """One of the processes."""
    from accelerate.state import AcceleratorState

    from vsd2m.generation.trainer import train

    os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE=str(NUM_PROCESSES))
    for name in ("plain", "sharded", "spoilt-plain", "spoilt-sharded"):
        values: dict[str, object] = {"fsdp": name.endswith("sharded")}
        if name.startswith("spoilt"):
            values["data"] = {"shards": "unused", "num_frames": 2, "size": 8, "cache": str(spoilt_cache(rank, folder))}
        train(tiny_config(folder / name, **values), clips=moving_noise())
        AcceleratorState._reset_state(reset_partial_state=False)


def spoilt_cache(rank: int, folder: Path) -> Path:
    """The encoded clips of `plain` with one of them infinite; written by the first process."""
    from torch import distributed

    cache = folder / "cache"
    if rank == 0 and not cache.exists():
        shutil.copytree(folder / "plain" / "cache", cache)
        (encoded,) = cache.glob("latents-*")
        shape = tuple(json.loads((encoded / "clips.json").read_text())["shape"])
        np.memmap(encoded / "latents.bin", np.float16, mode="r+", shape=shape)[SPOILT] = np.inf
    distributed.barrier()
    return cache


def main(folder: str) -> None:
    import vsd2m.generation.diffusion.train  # noqa: F401 (imported once, for both)

    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(free_port()), GLOO_SOCKET_IFNAME="lo")
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=work, args=(rank, Path(folder))) for rank in range(NUM_PROCESSES)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    sys.exit(max(abs(process.exitcode or 0) for process in processes))


def free_port() -> int:
    import socket

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(sys.argv[1])
