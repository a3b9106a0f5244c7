"""A pipeline in a few megabytes: weights of eight bits, one scale per output channel.

Half the size of float16 for a relative error of a few thousandths per weight. Norms, biases and scalars are few and
stay in float16. The parts' configs and the tokenizer are stored as diffusers writes them.
"""

import json
from pathlib import Path
from typing import Any

import torch
from diffusers import DDIMScheduler
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer, CLIPTextConfig, CLIPTextModel

from vsd2m.generation.diffusion.pipeline import StickerPipeline
from vsd2m.generation.diffusion.saving import own_config
from vsd2m.generation.diffusion.sticker_unet import StickerUNetModel

WEIGHTS = "weights_8bit.safetensors"
INDEX = "model_index.json"
PARTS = ("unet", "text_encoder")
_SCALE = "#scale"
_LEVELS = 127


def save_compact(pipeline: StickerPipeline, folder: Path) -> None:
    """Writes a pipeline without autoencoder to `folder`."""
    pipeline.unet.save_config(folder / "unet")
    pipeline.text_encoder.config.save_pretrained(folder / "text_encoder")
    pipeline.tokenizer.save_pretrained(folder / "tokenizer")
    pipeline.scheduler.save_pretrained(folder / "scheduler")
    for part in PARTS:
        packed: dict[str, torch.Tensor] = {}
        for name, tensor in getattr(pipeline, part).state_dict().items():
            packed |= pack(name, tensor)
        save_file(packed, folder / part / WEIGHTS)
    index = {"_class_name": CompactCheckpoint.__name__, **own_config(pipeline)}
    (folder / INDEX).write_text(json.dumps(index, indent=2) + "\n")


class CompactCheckpoint:
    """Loads a folder of `save_compact`, with the interface of diffusers' pipelines."""

    @staticmethod
    def from_pretrained(folder: str) -> StickerPipeline:
        """The pipeline, in float32. `OSError` if a file is missing."""
        root = Path(folder)
        unet = StickerUNetModel.from_config(StickerUNetModel.load_config(root / "unet"))
        text_encoder = CLIPTextModel(CLIPTextConfig.from_pretrained(root / "text_encoder"))
        for part, module in zip(PARTS, (unet, text_encoder), strict=True):
            module.load_state_dict(unpack(load_file(root / part / WEIGHTS)))
            module.requires_grad_(False).eval()
        settings = json.loads((root / INDEX).read_text())
        return StickerPipeline(
            unet=unet,
            text_encoder=text_encoder,
            tokenizer=AutoTokenizer.from_pretrained(root / "tokenizer"),
            scheduler=DDIMScheduler.from_pretrained(root / "scheduler"),
            **{name: value for name, value in settings.items() if not name.startswith("_")},
        )


def pack(name: str, tensor: torch.Tensor) -> dict[str, torch.Tensor]:
    """The stored form of a tensor: int8 [C, ...] and scales [C] for matrices and kernels, else float16."""
    if not tensor.is_floating_point():
        return {name: tensor.contiguous()}
    if tensor.ndim < 2:
        return {name: tensor.half().contiguous()}
    rows = tensor.float().flatten(1)
    scale = (rows.abs().amax(dim=1) / _LEVELS).clamp(min=torch.finfo(torch.float32).tiny)
    levels = (rows / scale[:, None]).round().to(torch.int8).reshape(tensor.shape)
    return {name: levels.contiguous(), name + _SCALE: scale}


def unpack(packed: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The inverse of `pack` for many tensors, in float32."""
    weights: dict[str, Any] = {}
    for name, tensor in packed.items():
        if name.endswith(_SCALE):
            continue
        scale = packed.get(name + _SCALE)
        if scale is not None:
            weights[name] = (tensor.float().flatten(1) * scale[:, None]).reshape(tensor.shape)
        else:
            weights[name] = tensor.float() if tensor.is_floating_point() else tensor
    return weights
