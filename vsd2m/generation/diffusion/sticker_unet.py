"""The denoiser of all four latent-diffusion models of the paper: one UNet, four kinds of temporal layer.

Letters: B batch, T frames, C channels, H, W height and width; inside the blocks a batch of frames is [B*T, C, H, W].
"""

from typing import Any

import torch
from diffusers import ModelMixin, UNet3DConditionModel
from diffusers.configuration_utils import register_to_config
from diffusers.loaders import PeftAdapterMixin
from diffusers.models.unets.unet_3d_condition import UNet3DConditionOutput
from torch import nn

from vsd2m.generation.diffusion.layers import frame_conv, text_attention
from vsd2m.generation.diffusion.layers.heads import set_num_heads
from vsd2m.generation.diffusion.layers.identity import start_as_identity
from vsd2m.generation.diffusion.layout import layout_of
from vsd2m.generation.diffusion.temporal_weights import TemporalWeightsMixin
from vsd2m.generation.diffusion.weights import load_spatial
from vsd2m.generation.model_config import make_layer

# DiffusionPipeline.from_pretrained looks for ModelMixin in the module of the class
__all__ = ["ModelMixin", "StickerUNetModel"]


class StickerUNetModel(TemporalWeightsMixin, UNet3DConditionModel, PeftAdapterMixin):  # type: ignore[misc]
    """A 3D UNet on the Stable Diffusion layout, 2.x or (with `num_attention_heads`) 1.x, its temporal layer by name or
    `module:Class`.

    "conv" is Make-A-Video, "alpha" VideoLDM, "swap" VideoFactory, "sti" the paper's own. At initialisation every
    variant equals the 2D network applied frame by frame. `temporal_options` are the fields of the layer's own
    `Config`.
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
        temporal_options: dict[str, Any] | None = None,
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
            num_attention_heads=None,
            time_cond_proj_dim=time_cond_proj_dim,
        )
        if num_attention_heads is not None:  # the stock class refuses it, and sets it to None in the config
            set_num_heads(self, num_attention_heads)
            self.register_to_config(num_attention_heads=num_attention_heads)
        start_as_identity(self)
        layer = make_layer({"layer": temporal_layer, **(temporal_options or {})})
        stock = set(self.state_dict())
        layer.install(self)
        self.added_weights = frozenset(set(self.state_dict()) - stock)
        self.gates = layer.gates
        frame_conv.install(self)
        text_attention.install(self)
        self.gradient_checkpointing = False

    @classmethod
    def from_unet2d(cls, unet2d: Any, **options: Any) -> "StickerUNetModel":
        """The video network whose spatial weights are those of a `UNet2DConditionModel` (Stable Diffusion 1.x or 2.x).

        `options` are the temporal layer and its settings. The weights are float32. `ConfigError` if the layout has no
        3D counterpart.
        """
        model: StickerUNetModel = cls(**layout_of(unet2d), **options)
        load_spatial(model, unet2d.state_dict())
        model.to(unet2d.device)
        return model

    def forward(
        self,
        sample: torch.Tensor,
        timestep: torch.Tensor | float,
        encoder_hidden_states: torch.Tensor,
        timestep_cond: torch.Tensor | None = None,
        return_dict: bool = True,
    ) -> UNet3DConditionOutput | tuple[torch.Tensor]:
        """Predicts from `sample` [B, C, T, H, W] and text states [B, L, D]; the output has the sample's shape.

        `timestep` is one number or [B]. Any number of frames, height and width is supported. A network with
        `time_cond_proj_dim` is also conditioned on the mean text state, unless `timestep_cond` [B, D] is given.
        """
        if self.config.time_cond_proj_dim is not None and timestep_cond is None:
            timestep_cond = encoder_hidden_states.mean(dim=1)
        batch_size, _, num_frames, height, width = sample.shape
        temb = self._embed_time(sample, timestep, timestep_cond).repeat_interleave(num_frames, dim=0)
        text = encoder_hidden_states
        hidden = self.conv_in(sample.transpose(1, 2).reshape(batch_size * num_frames, -1, height, width))
        hidden = self.transformer_in(hidden, num_frames=num_frames, return_dict=False)[0]
        skips = [hidden]
        for block in self.down_blocks:
            hidden, outputs = self._run(block, hidden, temb, num_frames, text)
            skips.extend(outputs)
        hidden = self._run(self.mid_block, hidden, temb, num_frames, text)
        for block in self.up_blocks:
            block_skips = tuple(skips[-len(block.resnets) :])
            del skips[-len(block.resnets) :]
            size = skips[-1].shape[2:] if skips else None
            hidden = self._run(
                block, hidden, temb, num_frames, text, res_hidden_states_tuple=block_skips, upsample_size=size
            )
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
