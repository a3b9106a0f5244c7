"""The output of the pipelines: `frames`, in the output types of diffusers' video pipelines, and as bytes.

Letters: B batch, T frames, C channels, H, W height and width.
"""

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import torch
from diffusers.utils import BaseOutput
from PIL import Image

OutputType = Literal["pil", "np", "pt", "uint8", "latent"]


@dataclass
class StickerPipelineOutput(BaseOutput):  # type: ignore[misc]
    """`frames` by output type: "pil" a list of pictures per clip; "np" floats in [0, 1] and "uint8" bytes, both
    [B, T, H, W, 3]; "pt" a tensor in [0, 1], [B, T, 3, H, W]; "latent" the denoiser's output, [B, C, T, h, w]."""

    frames: Any


def check_output_type(output_type: str, *, latent: bool) -> None:
    """`ValueError` if the output type is not supported."""
    known_types = [name for name in get_args(OutputType) if latent or name != "latent"]
    if output_type not in known_types:
        raise ValueError(f"output_type is {output_type!r}; expected one of {', '.join(known_types)}")


def frames_as(clips: torch.Tensor, output_type: str) -> Any:
    """Clips [B, T, 3, H, W] in [-1, 1] converted to an output type."""
    if output_type == "pt":
        return ((clips.float() + 1) / 2).clamp(0, 1)
    if output_type == "np":
        return ((clips.float() + 1) / 2).clamp(0, 1).permute(0, 1, 3, 4, 2).cpu().numpy()
    pixels: np.ndarray[Any, Any] = ((clips.float() + 1) * 127.5).round().byte().permute(0, 1, 3, 4, 2).cpu().numpy()
    if output_type == "uint8":
        return pixels
    return [[Image.fromarray(frame) for frame in clip] for clip in pixels]
