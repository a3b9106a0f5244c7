"""Saves a pipeline whose denoiser may carry adapters."""

import copy
from pathlib import Path
from typing import Any

from vsd2m.generation.diffusion.pipeline import StickerPipeline


def save_pipeline(pipeline: StickerPipeline, folder: Path) -> None:
    """Saves the pipeline; adapters are merged into its weights, and also saved separately in `lora`."""
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
