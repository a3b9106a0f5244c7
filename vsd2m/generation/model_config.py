"""Configs of the models."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from vsd2m.core.registry import Chosen, component
from vsd2m.generation.temporal_layers import TEMPORAL_LAYERS, TemporalLayer, TemporalLayerConfig

_LAYER = Chosen(TEMPORAL_LAYERS, "layer", "vsd2m.generation.temporal_layers:TemporalLayer", kind="temporal layer")


def make_layer(value: Any) -> TemporalLayer:
    """The temporal layer of a config, a name, or a mapping with the key `layer` and its options."""
    values = {"layer": value} if isinstance(value, str) else dict(value)
    kind = component(TEMPORAL_LAYERS, values["layer"], kind="temporal layer", base=TemporalLayer)
    layer: TemporalLayer = kind(kind.Config.model_validate(values))
    return layer


class GenerationBase(BaseModel):
    """Frozen; unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ModelConfig(GenerationBase):
    """The denoiser. With `pretrained` its layout is that of the checkpoint, and only the temporal layer can be
    chosen."""

    pretrained: str | None = Field(
        default=None, description="hub id or folder of a Stable Diffusion 1.x or 2.x checkpoint to start from"
    )
    revision: str | None = Field(default=None, description="revision of the hub repository")
    temporal_layer: Annotated[TemporalLayerConfig, _LAYER] = Field(
        default="sti",
        validate_default=True,
        description="the layer that mixes frames: conv, alpha, swap, sti, i2vgen (the I2VGen-XL network), or your own "
        "`module:Class`; a mapping with the key `layer` gives it options",
    )
    temporal_weights: str | None = Field(
        default=None, description="file of `save_temporal` to start the temporal layers from"
    )
    block_out_channels: tuple[int, ...] = Field(
        default=(32, 64), min_length=1, max_length=6, description="from scratch: channels"
    )
    attention_levels: tuple[bool, ...] = Field(
        default=(False, True), description="from scratch: levels with spatial attention"
    )
    layers_per_block: int = Field(default=1, ge=1, le=8, description="from scratch: ResNet blocks per level")
    attention_head_dim: int = Field(default=16, ge=4, le=256, description="from scratch: channels of an attention head")
    norm_num_groups: int = Field(default=8, ge=1, le=64, description="from scratch: groups of the normalisations")
    patch_size: int = Field(
        default=2, ge=1, le=16, description="from scratch: side of the pixel patches that become channels"
    )

    @model_validator(mode="after")
    def _levels_match(self) -> Self:
        if len(self.attention_levels) != len(self.block_out_channels):
            raise ValueError("attention_levels and block_out_channels must have the same length")
        if any(width % self.norm_num_groups for width in self.block_out_channels):
            raise ValueError("every number in block_out_channels must be a multiple of norm_num_groups")
        if any(width % self.attention_head_dim for width in self.block_out_channels):
            raise ValueError("every number in block_out_channels must be a multiple of attention_head_dim")
        return self


class TextConfig(GenerationBase):
    """The text encoder that is trained with the denoiser if there is no `pretrained` checkpoint."""

    hidden_size: int = Field(default=64, ge=8, le=2048, description="width")
    num_layers: int = Field(default=1, ge=1, le=24, description="transformer layers")
    num_heads: int = Field(default=4, ge=1, le=32, description="attention heads")
    vocab_size: int = Field(
        default=2048, ge=260, le=65536, description="most tokens of the vocabulary trained on the captions"
    )
    max_length: int = Field(
        default=32,
        ge=4,
        le=512,
        description="most tokens of a caption, including start and end; longer ones are truncated",
    )

    @model_validator(mode="after")
    def _heads_divide(self) -> Self:
        if self.hidden_size % self.num_heads:
            raise ValueError("hidden_size must be a multiple of num_heads")
        return self


class LoraConfig(GenerationBase):
    """Low-rank adapters on the spatial attention, for `trainable: lora`."""

    rank: int = Field(default=8, ge=1, le=512, description="rank")
    alpha: float = Field(default=8.0, gt=0, description="scale: alpha / rank")


class VideoGPTConfig(GenerationBase):
    """VideoGPT (arXiv 2104.10157): a 3D VQ-VAE, then a causal transformer over its codes. For `family: videogpt`."""

    vqvae_steps: int = Field(
        default=1000, ge=1, description="optimiser steps of the VQ-VAE; the transformer's are `num_steps`"
    )
    time_factor: Literal[1, 2, 4, 8] = Field(default=4, description="frames per code")
    space_factor: Literal[1, 2, 4, 8, 16] = Field(default=8, description="pixels per code, along each side")
    num_hiddens: int = Field(default=240, ge=4, le=2048, description="VQ-VAE: channels")
    num_residual_layers: int = Field(
        default=4, ge=0, le=32, description="VQ-VAE: residual blocks in the encoder and in the decoder"
    )
    axial_attention: bool = Field(default=True, description="VQ-VAE: attention along each axis in the residual blocks")
    vqvae_num_heads: int = Field(default=2, ge=1, le=32, description="VQ-VAE: heads of the axial attention")
    num_codes: int = Field(default=2048, ge=2, le=65536, description="codebook: number of codes")
    code_dim: int = Field(default=256, ge=1, le=1024, description="codebook: channels of a code")
    code_decay: float = Field(default=0.99, ge=0, lt=1, description="codebook: decay of its moving averages")
    restart_below: float = Field(
        default=1.0, ge=0, description="codebook: a code that is used less often per step, on average, is reinitialised"
    )
    commitment: float = Field(default=0.25, ge=0, description="weight of the commitment loss")
    width: int = Field(default=576, ge=8, le=8192, description="transformer: channels")
    num_layers: int = Field(default=18, ge=1, le=96, description="transformer: layers")
    num_heads: int = Field(default=4, ge=1, le=96, description="transformer: attention heads")
    dropout: float = Field(default=0.2, ge=0, lt=1, description="transformer: dropout")
    max_tags: int = Field(
        default=1000, ge=0, le=100_000, description="number of tags: the most frequent domains and trigger words"
    )

    @model_validator(mode="after")
    def _heads_divide(self) -> Self:
        if self.width % self.num_heads or self.num_hiddens % self.vqvae_num_heads:
            raise ValueError("width must be a multiple of num_heads, and num_hiddens one of vqvae_num_heads")
        return self
