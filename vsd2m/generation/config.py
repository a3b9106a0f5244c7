"""Configs of training and sampling. No torch here."""

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from vsd2m.generation.presets import PRESETS

TemporalLayer = Literal["conv", "alpha", "swap", "sti", "i2vgen"]
PredictionType = Literal["epsilon", "v_prediction", "sample"]


class GenerationBase(BaseModel):
    """Frozen; unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ModelConfig(GenerationBase):
    """The denoiser. With `pretrained` its layout is that of the checkpoint, and only the temporal layer is chosen."""

    pretrained: str | None = Field(
        default=None, description="hub id or folder of a Stable Diffusion 2.x checkpoint to start from"
    )
    revision: str | None = Field(default=None, description="revision of the hub repository")
    temporal_layer: TemporalLayer = Field(
        default="sti", description="conv, alpha, swap, sti: the layer that mixes frames; i2vgen: the I2VGen-XL network"
    )
    temporal_weights: str | None = Field(
        default=None, description="file of `save_temporal` to start the temporal layers from"
    )
    sti_gamma: int = Field(default=2, ge=1, le=16, description="STI: pooling factor before the attention")
    sti_num_heads: int = Field(default=8, ge=1, le=64, description="STI: attention heads")
    sti_head_dim: int = Field(default=32, ge=4, le=256, description="STI: channels of a head")
    sti_mix: Literal["free", "convex"] = Field(
        default="free", description="STI: unconstrained scalars (the paper) or a convex mix"
    )
    sti_norm: bool = Field(default=False, description="STI: GroupNorm before the attention")
    sti_positions: bool = Field(default=False, description="STI: zero-gated codes of the frame numbers")
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
        default=2, ge=1, le=16, description="from scratch: pixels of a patch side that become channels"
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

    def temporal_options(self) -> dict[str, Any]:
        """The arguments of `StickerUNetModel` that choose its temporal layer."""
        return {name: value for name, value in self.model_dump().items() if name in _TEMPORAL_OPTIONS}


_TEMPORAL_OPTIONS = (
    "temporal_layer",
    "sti_gamma",
    "sti_num_heads",
    "sti_head_dim",
    "sti_mix",
    "sti_norm",
    "sti_positions",
)


class TextConfig(GenerationBase):
    """The text encoder that is trained from scratch with the denoiser where there is no `pretrained` checkpoint."""

    hidden_size: int = Field(default=64, ge=8, le=2048, description="width")
    num_layers: int = Field(default=1, ge=1, le=24, description="transformer layers")
    num_heads: int = Field(default=4, ge=1, le=32, description="attention heads")
    vocab_size: int = Field(
        default=2048, ge=260, le=65536, description="most tokens of the vocabulary trained on the captions"
    )
    max_length: int = Field(
        default=32, ge=4, le=512, description="tokens of a caption, start and end included; more are cut off"
    )

    @model_validator(mode="after")
    def _heads_divide(self) -> Self:
        if self.hidden_size % self.num_heads:
            raise ValueError("hidden_size must be a multiple of num_heads")
        return self


class DataConfig(GenerationBase):
    """Which clips are trained on, and how they are cut."""

    shards: str = Field(description="folder or URL of the shards")
    split: str = Field(default="train", description="split to train on")
    domain: Literal["real", "cartoon"] | None = Field(
        default=None, description="train on the stickers of this domain apart; null: on all of them jointly"
    )
    num_frames: int = Field(
        default=8, ge=1, le=128, description="frames of a clip; short stickers are filled by ping-pong"
    )
    size: int = Field(
        default=256, ge=8, le=1024, description="side of a frame in pixels; frames are squashed to a square"
    )
    static: Literal["exclude", "repeat"] = Field(
        default="exclude", description="stickers of one frame: left out, or repeated"
    )
    fill_weight: float = Field(
        default=1.0, ge=0, le=1, description="weight in the loss of frames that only fill a short clip"
    )
    cache: str | None = Field(
        default=None, description="folder for encoded clips; default: `cache` in the training folder"
    )


class NoiseConfig(GenerationBase):
    """The diffusion process from scratch (with `pretrained` it is read from the checkpoint), and the loss."""

    prediction_type: PredictionType = Field(
        default="v_prediction", description="from scratch: what the network predicts"
    )
    num_train_timesteps: int = Field(
        default=1000, ge=10, le=10000, description="from scratch: steps of the forward process"
    )
    beta_schedule: Literal["linear", "scaled_linear", "squaredcos_cap_v2"] = Field(
        default="squaredcos_cap_v2", description="from scratch: noise schedule"
    )
    zero_terminal_snr: bool = Field(default=True, description="from scratch: the last step is pure noise")
    min_snr_gamma: float | None = Field(
        default=5.0, gt=0, description="min-SNR weighting of the loss (arXiv 2303.09556)"
    )
    caption_dropout: float = Field(default=0.1, ge=0, lt=1, description="share of captions emptied, for guidance")

    @model_validator(mode="after")
    def _zero_snr_needs_v(self) -> Self:
        if self.zero_terminal_snr and self.prediction_type == "epsilon":
            raise ValueError(
                "zero_terminal_snr needs prediction_type v_prediction or sample: pure noise tells epsilon nothing"
            )
        return self


class OptimizerConfig(GenerationBase):
    """AdamW and its schedule."""

    learning_rate: float = Field(default=1e-4, gt=0, description="at the end of the warm-up")
    warmup_steps: int = Field(default=0, ge=0, description="steps of linear warm-up")
    decay: Literal["constant", "cosine", "linear"] = Field(default="constant", description="schedule after the warm-up")
    weight_decay: float = Field(default=0.01, ge=0, description="of matrices and kernels")
    beta1: float = Field(default=0.9, ge=0, lt=1, description="first moment")
    beta2: float = Field(default=0.999, ge=0, lt=1, description="second moment")
    max_grad_norm: float = Field(default=1.0, gt=0, description="gradients are scaled down to this norm")
    ema_decay: float = Field(
        default=0.9999, ge=0, lt=1, description="moving average of the weights; this is what is sampled"
    )


class LoraConfig(GenerationBase):
    """Low-rank adapters on the spatial attention, for `trainable: lora`."""

    rank: int = Field(default=8, ge=1, le=512, description="rank")
    alpha: float = Field(default=8.0, gt=0, description="scale: alpha / rank")


class GenerationConfig(GenerationBase):
    """How stickers are sampled and written."""

    num_frames: int | None = Field(default=None, ge=1, le=128, description="frames; default: as trained")
    size: int | None = Field(default=None, ge=8, le=1024, description="side in pixels; default: as trained")
    num_inference_steps: int = Field(default=25, ge=1, le=1000, description="denoising steps")
    scheduler: Literal["ddim", "dpm"] = Field(default="ddim", description="DDIM, or DPM-Solver++ of second order")
    guidance_scale: float = Field(default=7.5, ge=1, le=50, description="classifier-free guidance; 1: none")
    guidance_interval: tuple[float, float] = Field(
        default=(0.0, 1.0), description="part of the denoising, from 0 to 1, in which guidance is on (arXiv 2404.07724)"
    )
    domain: str | None = Field(
        default="cartoon", description="domain put before every prompt, as in training; null: none"
    )
    negative_prompt: str = Field(default="", description="what guidance leads away from")
    seed: int = Field(default=0, ge=0, description="sticker i is drawn from seed + i")
    batch_size: int = Field(default=8, ge=1, le=1024, description="stickers drawn at a time; does not change them")
    media_format: Literal["gif", "apng", "webp"] = Field(default="gif", description="format of the files")
    duration_ms: int = Field(default=125, ge=20, le=10000, description="of a frame")
    upscale: int = Field(default=1, ge=1, le=16, description="files are this many times larger than drawn, bicubic")

    @model_validator(mode="after")
    def _interval_is_ordered(self) -> Self:
        low, high = self.guidance_interval
        if not 0 <= low <= high <= 1:
            raise ValueError("guidance_interval must be two numbers with 0 <= first <= second <= 1")
        return self


class TrainConfig(GenerationBase):
    """One training run. `preset` gives the defaults of whole sections; what is written beside it wins."""

    preset: Literal["tiny", "paper"] | None = Field(
        default=None, description="tiny: pixels, minutes on a CPU; paper: SD 2.1"
    )
    out: str = Field(description="folder of the run: losses, checkpoints, samples")
    model: ModelConfig = ModelConfig()
    text: TextConfig = TextConfig()
    data: DataConfig
    noise: NoiseConfig = NoiseConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    lora: LoraConfig = LoraConfig()
    trainable: Literal["all", "temporal", "temporal_convolutions", "lora"] = Field(
        default="all", description="which weights are trained; the paper trains the temporal convolutions only"
    )
    num_steps: int = Field(default=1000, ge=1, description="optimiser steps")
    batch_size: int = Field(default=16, ge=1, le=4096, description="clips per device and micro-batch")
    accumulation: int = Field(default=1, ge=1, le=1024, description="micro-batches per optimiser step")
    mixed_precision: Literal["no", "bf16", "fp16"] = Field(default="no", description="arithmetic of the forward pass")
    gradient_checkpointing: bool = Field(
        default=False, description="recompute activations: less memory, a third slower"
    )
    compile: bool = Field(default=False, description="torch.compile the denoiser")
    num_threads: int = Field(default=2, ge=1, le=256, description="CPU threads")
    seed: int = Field(default=0, ge=0, description="of weights, order of clips, noise")
    save_every: int = Field(default=500, ge=1, description="steps between checkpoints")
    keep_last_n: int = Field(default=2, ge=1, description="checkpoints kept")
    sample_prompts: tuple[str, ...] = Field(
        default=(), description="drawn at every checkpoint, from the same noise each time, into `samples`"
    )
    sampling: GenerationConfig = Field(default=GenerationConfig(), description="how they are drawn")
    resume: bool = Field(default=True, description="go on from the newest checkpoint in `out`")

    @model_validator(mode="before")
    @classmethod
    def _apply_preset(cls, values: Any) -> Any:
        preset = values.get("preset") if isinstance(values, dict) else None
        return merge(PRESETS[preset], values) if preset in PRESETS else values

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.model.temporal_layer == "i2vgen" and self.gradient_checkpointing:
            raise ValueError(
                "gradient_checkpointing is not to be had with model.temporal_layer i2vgen; set it to false"
            )
        if self.model.pretrained is None and self.data.size % self.model.patch_size:
            raise ValueError(
                f"data.size {self.data.size} must be a multiple of model.patch_size {self.model.patch_size}"
            )
        if self.model.pretrained is None and self.trainable != "all":
            raise ValueError(
                f"trainable: {self.trainable} needs model.pretrained: from scratch all weights are trained"
            )
        return self


def merge(defaults: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """`values` over `defaults`, section by section."""
    merged = dict(defaults)
    for name, value in values.items():
        inner = merged.get(name)
        if isinstance(inner, dict) and isinstance(value, dict):
            merged[name] = merge(inner, value)
        elif isinstance(inner, dict) and isinstance(value, BaseModel):
            merged[name] = merge(inner, value.model_dump(exclude_unset=True))
        else:
            merged[name] = value
    return merged
