"""I2VGen-XL (arXiv 2311.04145) conditioned only on text, as a baseline: its image inputs are empty.

Letters: B batch, T frames, C channels, H, W height and width, L tokens, D channels of the text states.
"""

import functools
import inspect
from typing import Any

import torch
from diffusers import I2VGenXLUNet, ModelMixin
from diffusers.loaders import PeftAdapterMixin
from torch import nn

from vsd2m.core.errors import ConfigError
from vsd2m.generation.diffusion.layers import frame_conv
from vsd2m.generation.diffusion.layers.identity import start_as_identity
from vsd2m.generation.diffusion.layers.text_attention import TextAttention, text_attentions
from vsd2m.generation.diffusion.layout import layout_of
from vsd2m.generation.diffusion.temporal_weights import IMAGE_MODULES, TemporalWeightsMixin
from vsd2m.generation.diffusion.weights import load_spatial
from vsd2m.generation.temporal_layers import TemporalLayer

# DiffusionPipeline.from_pretrained looks for ModelMixin in the module of the class
__all__ = ["ModelMixin", "TextI2VGenModel"]

FRAMES_PER_SECOND = 8
IMAGE_CHANNELS = 4  # channels of the image latents of this network, independent of the clip's latents
IMAGE_TOKENS = 64  # the output of `image_latents_context_embedding` for images of any size: 8 x 8


class TextI2VGenModel(TemporalWeightsMixin, I2VGenXLUNet, PeftAdapterMixin):  # type: ignore[misc]
    """`I2VGenXLUNet` with the interface of the other denoisers: no image, a constant frame rate.

    Its layers for images and for the frame rate start at zero, and attention only reads the text, so that at
    initialisation it equals the 2D network applied frame by frame, like the other denoisers.
    """

    @functools.wraps(I2VGenXLUNet.__init__)  # type: ignore[misc]  # diffusers reads the arguments off the signature
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in IMAGE_MODULES:
            for weight in getattr(self, name).parameters():
                nn.init.zeros_(weight)
        for attention in text_attentions(self):
            attention.set_processor(TextWithoutImage(IMAGE_TOKENS + self.config.in_channels))
        start_as_identity(self)
        frame_conv.install(self)

    @classmethod
    def from_unet2d(cls, unet2d: Any) -> "TextI2VGenModel":
        """The network on the spatial weights of a 2D network; the image's half of the first convolution is zero."""
        accepted = inspect.signature(cls.__init__).parameters
        layout = {name: value for name, value in layout_of(unet2d).items() if name in accepted}
        if layout["num_attention_heads"] is not None:
            raise ConfigError("I2VGen-XL needs the layout of Stable Diffusion 2.x; this checkpoint has that of 1.x")
        model: TextI2VGenModel = cls(**layout)
        weights = dict(unet2d.state_dict())
        image_half = torch.zeros_like(weights["conv_in.weight"])
        weights["conv_in.weight"] = torch.cat([weights["conv_in.weight"], image_half], dim=1)
        load_spatial(model, weights)
        model.to(unet2d.device)
        return model

    def forward(
        self,
        sample: torch.Tensor,
        timestep: torch.Tensor | float,
        encoder_hidden_states: torch.Tensor,
        return_dict: bool = True,
    ) -> Any:
        """Predicts from `sample` [B, C, T, H, W] and text states [B, L, D]; the output has the sample's shape."""
        batch_size, _, num_frames, height, width = sample.shape
        return super().forward(
            sample,
            timestep,
            fps=torch.full((batch_size,), FRAMES_PER_SECOND, device=sample.device),
            image_latents=sample.new_zeros(batch_size, IMAGE_CHANNELS, num_frames, height, width),
            image_embeddings=sample.new_zeros(batch_size, self.config.cross_attention_dim),
            encoder_hidden_states=encoder_hidden_states,
            return_dict=return_dict,
        )


class TextWithoutImage(TextAttention):
    """Attention to the text states only. Without an image its tokens would be zeros, which would still receive a share
    of the attention."""

    def __init__(self, num_image_tokens: int) -> None:
        super().__init__()
        self.num_image_tokens = num_image_tokens

    def __call__(
        self, attn: Any, hidden_states: torch.Tensor, encoder_hidden_states: torch.Tensor, **kwargs: Any
    ) -> torch.Tensor:
        text = encoder_hidden_states[:, : -self.num_image_tokens]
        return super().__call__(attn, hidden_states, text, **kwargs)


class I2VGenLayers(TemporalLayer):
    """The temporal layers of I2VGen-XL, which exist only in its own network."""

    def install(self, unet: Any) -> None:
        """Always raises `ConfigError`: they cannot be installed in another network."""
        raise ConfigError("the layers of I2VGen-XL are part of its network, TextI2VGenModel")

    def own_network(self) -> Any:
        return TextI2VGenModel
