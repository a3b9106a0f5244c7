"""The denoiser of all four latent-diffusion models of the paper: one UNet, four kinds of temporal layer.

Letters: B batch, T frames, C channels, H, W height and width; inside the blocks a batch of frames is [B*T, C, H, W].
"""

import json
from pathlib import Path
from typing import Any

import torch
from diffusers import ModelMixin, UNet3DConditionModel
from diffusers.configuration_utils import register_to_config
from diffusers.loaders import PeftAdapterMixin
from diffusers.models.transformers.transformer_temporal import TransformerTemporalModel
from diffusers.models.unets.unet_3d_condition import UNet3DConditionOutput
from torch import nn

from vsd2m.core.errors import ConfigError, EngineError
from vsd2m.core.registry import lookup
from vsd2m.generation.diffusion.layers import TEMPORAL_LAYERS, frame_conv

__all__ = ["ModelMixin", "StickerUNetModel"]  # DiffusionPipeline.from_pretrained looks for ModelMixin beside the class

TEMPORAL_MODULES = ("temp_convs", "temp_attentions", "transformer_in")
"""Names under which a block, or the UNet, keeps what mixes frames; everything else is the 2D network."""

SHARED_SETTINGS = (
    "sample_size",
    "in_channels",
    "out_channels",
    "layers_per_block",
    "downsample_padding",
    "mid_block_scale_factor",
    "act_fn",
    "norm_num_groups",
    "norm_eps",
    "cross_attention_dim",
    "time_cond_proj_dim",
)
"""Settings that mean the same in the 2D and the 3D network."""


class StickerUNetModel(UNet3DConditionModel, PeftAdapterMixin):  # type: ignore[misc]
    """A 3D UNet on the Stable Diffusion 2.x layout, its temporal layer chosen by name.

    "conv" is Make-A-Video, "alpha" VideoLDM, "swap" VideoFactory, "sti" the paper's own. At initialisation every
    variant equals the 2D network applied frame by frame. The `sti_*` options are described at `layers.sti.StiLayer`.
    """

    _supports_gradient_checkpointing = True

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        sample_size: int | None = None,
        in_channels: int = 4,
        out_channels: int = 4,
        down_block_types: tuple[str, ...] = (*("CrossAttnDownBlock3D",) * 3, "DownBlock3D"),
        up_block_types: tuple[str, ...] = ("UpBlock3D", *("CrossAttnUpBlock3D",) * 3),
        block_out_channels: tuple[int, ...] = (320, 640, 1280, 1280),
        layers_per_block: int = 2,
        downsample_padding: int = 1,
        mid_block_scale_factor: float = 1,
        act_fn: str = "silu",
        norm_num_groups: int | None = 32,
        norm_eps: float = 1e-5,
        cross_attention_dim: int = 1024,
        attention_head_dim: int = 64,
        num_attention_heads: int | None = None,
        time_cond_proj_dim: int | None = None,
        temporal_layer: str = "sti",
        sti_gamma: int = 2,
        sti_num_heads: int = 8,
        sti_head_dim: int = 32,
        sti_mix: str = "free",
        sti_norm: bool = False,
        sti_positions: bool = False,
    ) -> None:
        super().__init__(
            sample_size=sample_size,
            in_channels=in_channels,
            out_channels=out_channels,
            down_block_types=down_block_types,
            up_block_types=up_block_types,
            block_out_channels=block_out_channels,
            layers_per_block=layers_per_block,
            downsample_padding=downsample_padding,
            mid_block_scale_factor=mid_block_scale_factor,
            act_fn=act_fn,
            norm_num_groups=norm_num_groups,
            norm_eps=norm_eps,
            cross_attention_dim=cross_attention_dim,
            attention_head_dim=attention_head_dim,
            num_attention_heads=num_attention_heads,
            time_cond_proj_dim=time_cond_proj_dim,
        )
        for module in self.modules():
            if isinstance(module, TransformerTemporalModel):  # the stock ones are not the identity at the start
                nn.init.zeros_(module.proj_out.weight)
                nn.init.zeros_(module.proj_out.bias)
        lookup(TEMPORAL_LAYERS, temporal_layer, kind="temporal layer")(self)
        frame_conv.install(self)
        self.gradient_checkpointing = False

    @classmethod
    def from_unet2d(cls, unet2d: Any, **options: Any) -> "StickerUNetModel":
        """The video network whose spatial weights are those of a `UNet2DConditionModel` (Stable Diffusion 2.x layout).

        `options` are the temporal layer and its settings. The weights come out in float32. `ConfigError` where the
        layout has no 3D counterpart.
        """
        model: StickerUNetModel = cls(**layout_of(unet2d), **options)
        result = model.load_state_dict(unet2d.state_dict(), strict=False)
        missing = [name for name in result.missing_keys if not is_temporal(name)]
        if result.unexpected_keys or missing:
            raise ConfigError(
                f"the 2D network does not fit the Stable Diffusion 2.x layout: {len(missing)} weights are missing and "
                f"{len(result.unexpected_keys)} unexpected, such as {(missing + result.unexpected_keys)[0]}"
            )
        model.to(unet2d.device)
        return model

    def temporal_parameters(self, *, convolutions_only: bool = False) -> dict[str, nn.Parameter]:
        """The parameters that mix frames, by name; with `convolutions_only` those of the layers after the ResNets."""
        return {
            name: parameter
            for name, parameter in self.named_parameters()
            if is_temporal(name) and (not convolutions_only or ".temp_convs." in name)
        }

    def freeze_spatial(self, *, convolutions_only: bool = False) -> None:
        """Trains the temporal layers only; with `convolutions_only` those after the ResNets, as the paper does."""
        self.requires_grad_(False)
        for parameter in self.temporal_parameters(convolutions_only=convolutions_only).values():
            parameter.requires_grad_(True)

    def save_temporal(self, path: str | Path) -> None:
        """Writes what the 2D network lacks to one safetensors file, with the config that fits it."""
        from safetensors.torch import save_file

        weights = {name: tensor.contiguous() for name, tensor in self.state_dict().items() if is_temporal(name)}
        save_file(weights, str(path), metadata={"config": json.dumps(temporal_config(self.config), sort_keys=True)})

    def load_temporal(self, path: str | Path) -> None:
        """Loads a file of `save_temporal`; `EngineError` if it is missing or belongs to another kind of model."""
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(str(path), framework="pt") as file:
                saved = json.loads((file.metadata() or {}).get("config", "{}"))
                weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
        except (OSError, SafetensorError) as error:
            raise EngineError(f"cannot read temporal weights from {path}: {error}") from error
        own = temporal_config(self.config)
        if saved != own:
            different = sorted(name for name in own if saved.get(name) != own[name])
            raise EngineError(f"{path} holds temporal weights of another model; these settings differ: {different}")
        self.load_state_dict(weights, strict=False)

    def forward(
        self,
        sample: torch.Tensor,
        timestep: torch.Tensor | float,
        encoder_hidden_states: torch.Tensor,
        timestep_cond: torch.Tensor | None = None,
        return_dict: bool = True,
    ) -> UNet3DConditionOutput | tuple[torch.Tensor]:
        """Predicts from `sample` [B, C, T, H, W] and text states [B, L, D]; the output has the sample's shape.

        `timestep` is one number or [B]. Any number of frames and any height and width will do.
        """
        batch_size, _, num_frames, height, width = sample.shape
        temb = self._embed_time(sample, timestep, timestep_cond).repeat_interleave(num_frames, dim=0)
        text = encoder_hidden_states.repeat_interleave(num_frames, dim=0)
        hidden = self.conv_in(sample.transpose(1, 2).reshape(batch_size * num_frames, -1, height, width))
        hidden = self.transformer_in(hidden, num_frames=num_frames, return_dict=False)[0]
        skips = [hidden]
        for block in self.down_blocks:
            hidden, outputs = self._run(block, hidden, temb, num_frames, text)
            skips.extend(outputs)
        hidden = self._run(self.mid_block, hidden, temb, num_frames, text)
        for block in self.up_blocks:
            taken = tuple(skips[-len(block.resnets) :])
            del skips[-len(block.resnets) :]
            size = skips[-1].shape[2:] if skips else None
            hidden = self._run(block, hidden, temb, num_frames, text, res_hidden_states_tuple=taken, upsample_size=size)
        if self.conv_norm_out is not None:
            hidden = self.conv_act(self.conv_norm_out(hidden))
        output = self.conv_out(hidden).reshape(batch_size, num_frames, -1, height, width).transpose(1, 2)
        return UNet3DConditionOutput(sample=output) if return_dict else (output,)

    def _embed_time(
        self, sample: torch.Tensor, timestep: torch.Tensor | float, timestep_cond: torch.Tensor | None
    ) -> torch.Tensor:
        timesteps = torch.as_tensor(timestep, device=sample.device).reshape(-1).expand(sample.shape[0])
        return self.time_embedding(self.time_proj(timesteps).to(self.dtype), timestep_cond)

    def _run(
        self,
        block: nn.Module,
        hidden: torch.Tensor,
        temb: torch.Tensor,
        num_frames: int,
        text: torch.Tensor,
        **kwargs: Any,
    ) -> Any:
        """One block, its activations recomputed in the backward pass if gradient checkpointing is on."""
        if getattr(block, "has_cross_attention", False):
            kwargs["encoder_hidden_states"] = text

        def call(hidden_states: torch.Tensor) -> Any:
            return block(hidden_states=hidden_states, temb=temb, num_frames=num_frames, **kwargs)

        if torch.is_grad_enabled() and self.gradient_checkpointing:
            return self._gradient_checkpointing_func(call, hidden)
        return call(hidden)


def is_temporal(name: str) -> bool:
    """Whether the parameter of this name mixes frames."""
    return any(part in TEMPORAL_MODULES for part in name.split("."))


def temporal_config(config: Any) -> dict[str, Any]:
    """The settings that temporal weights depend on."""
    names = ("block_out_channels", "layers_per_block", "attention_head_dim", "temporal_layer")
    options = [name for name in config if name.startswith("sti_")] if config["temporal_layer"] == "sti" else []
    chosen = {name: config[name] for name in (*names, *options)}
    chosen["block_out_channels"] = list(chosen["block_out_channels"])
    return chosen


def layout_of(unet2d: Any) -> dict[str, Any]:
    """The 3D network's arguments that correspond to a 2D network's config."""
    config = unet2d.config
    channels = list(config.block_out_channels)
    heads = config.num_attention_heads or config.attention_head_dim  # diffusers' historic misnomer: this counts heads
    heads = [heads] * len(channels) if isinstance(heads, int) else list(heads)
    head_dims = {width // count for width, count in zip(channels, heads, strict=True)}
    if len(head_dims) != 1 or not config.use_linear_projection:
        raise ConfigError(
            "expected a Stable Diffusion 2.x layout (linear projections, one head width); found "
            f"use_linear_projection={config.use_linear_projection} and head widths {sorted(head_dims)}"
        )
    return {
        **{name: config[name] for name in SHARED_SETTINGS},
        "block_out_channels": tuple(channels),
        "down_block_types": tuple(name.replace("2D", "3D") for name in config.down_block_types),
        "up_block_types": tuple(name.replace("2D", "3D") for name in config.up_block_types),
        "attention_head_dim": head_dims.pop(),
    }
