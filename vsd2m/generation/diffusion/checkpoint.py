"""Checkpoints: `checkpoint-000500` is a diffusers pipeline (averaged weights) with a training state beside it.

A checkpoint appears whole, by a rename, or not at all.
"""

import copy
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from vsd2m.generation.diffusion.pipeline import StickerPipeline
from vsd2m.generation.diffusion.progress import no_progress_bars

_NAME = re.compile(r"checkpoint-(\d{6,})")
STATE = "training_state.pt"


def checkpoint_path(folder: Path, step: int) -> Path:
    """Where the checkpoint after `step` steps lies."""
    return folder / f"checkpoint-{step:06d}"


def list_checkpoints(folder: Path) -> list[tuple[int, Path]]:
    """(step, path), the newest last."""
    found = [(match, path) for path in folder.glob("checkpoint-*") if (match := _NAME.fullmatch(path.name))]
    return sorted((int(match[1]), path) for match, path in found)


def write_checkpoint(path: Path, state: Mapping[str, Any], pipeline: StickerPipeline) -> None:
    """Writes the pipeline and the training state to `path`, replacing what is there."""
    building = path.with_name(f".tmp-{path.name}")
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(parents=True)
    with no_progress_bars():
        save_pipeline(pipeline, building)
    torch.save(dict(state), building / STATE)
    shutil.rmtree(path, ignore_errors=True)
    os.replace(building, path)


def save_pipeline(pipeline: StickerPipeline, folder: Path) -> None:
    """Saves the pipeline; adapters are merged into its weights, and saved on their own as well, in `lora`."""
    if not getattr(pipeline.unet, "_hf_peft_config_loaded", False):
        pipeline.save_pretrained(folder)
        return
    merged = copy.deepcopy(pipeline.unet)
    merged.fuse_lora()
    merged.unload_lora()
    StickerPipeline(**{**pipeline.components, "unet": merged}, **own_config(pipeline)).save_pretrained(folder)
    pipeline.unet.save_lora_adapter(folder / "lora")


def own_config(pipeline: StickerPipeline) -> dict[str, Any]:
    """The pipeline's settings that are not components."""
    return {name: pipeline.config[name] for name in ("patch_size", "size", "num_frames")}


def read_state(path: Path) -> dict[str, Any]:
    """The training state of a checkpoint, on the CPU."""
    state: dict[str, Any] = torch.load(path / STATE, map_location="cpu", weights_only=True)
    return state


def keep_last(folder: Path, count: int) -> None:
    """Deletes all but the newest `count` checkpoints."""
    for _, path in list_checkpoints(folder)[:-count]:
        shutil.rmtree(path)
