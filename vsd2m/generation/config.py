"""Configs of training and sampling."""

from typing import Any, Literal, Self

from pydantic import BaseModel, Field, model_validator

from vsd2m.generation.curricula import CURRICULA
from vsd2m.generation.model_config import GenerationBase, LoraConfig, ModelConfig, TextConfig, VideoGPTConfig
from vsd2m.generation.presets import PRESETS

PredictionType = Literal["epsilon", "v_prediction", "sample"]
RECIPES: dict[str, dict[str, Any]] = {**PRESETS, **CURRICULA}
"""The names of presets."""


class DataConfig(GenerationBase):
    """The training clips, and the frames that are taken from them."""

    shards: str = Field(description="folder or URL of the shards")
    split: str = Field(default="train", description="split to train on")
    domain: Literal["real", "cartoon"] | None = Field(
        default=None, description="train only on the stickers of this domain; null: on all of them"
    )
    num_frames: int = Field(
        default=8, ge=1, le=128, description="frames of a clip; short stickers are filled by ping-pong"
    )
    size: int = Field(
        default=256, ge=8, le=1024, description="side of a frame in pixels; frames are resized to a square"
    )
    static: Literal["exclude", "repeat"] = Field(
        default="exclude", description="stickers of one frame: left out, or repeated"
    )
    fill_weight: float = Field(default=1.0, ge=0, le=1, description="loss weight of the repeated frames of short clips")
    cache: str | None = Field(
        default=None, description="folder for encoded clips and texts; default: `cache` in the training folder"
    )
    cache_text: bool = Field(
        default=True, description="encode captions once if the text encoder is frozen: 160 KB per caption for SD 2.1"
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
    zero_terminal_snr: bool = Field(default=True, description="from scratch: the forward process ends in pure noise")
    min_snr_gamma: float | None = Field(
        default=5.0, gt=0, description="min-SNR weighting of the loss (arXiv 2303.09556)"
    )
    min_snr_floor: float = Field(
        default=1.0,
        ge=0,
        description="smallest SNR in min-SNR weighting (arXiv 2202.00512, section 4): without it, 0, the "
        "pure noise that sampling starts from has no weight; epsilon needs none",
    )
    caption_dropout: float = Field(default=0.1, ge=0, lt=1, description="share of captions emptied, for guidance")

    @model_validator(mode="after")
    def _floor_is_below_gamma(self) -> Self:
        if self.min_snr_gamma is not None and self.min_snr_floor > self.min_snr_gamma:
            raise ValueError(f"min_snr_floor {self.min_snr_floor:g} is above min_snr_gamma {self.min_snr_gamma:g}")
        return self

    @model_validator(mode="after")
    def _zero_snr_needs_v(self) -> Self:
        if self.zero_terminal_snr and self.prediction_type == "epsilon":
            raise ValueError(
                "zero_terminal_snr needs prediction_type v_prediction or sample: epsilon cannot be predicted from pure "
                "noise"
            )
        return self


class OptimizerConfig(GenerationBase):
    """AdamW and its schedule."""

    learning_rate: float = Field(default=1e-4, gt=0, description="learning rate at the end of the warm-up")
    gate_learning_rate: float | None = Field(
        default=1e-2,
        gt=0,
        description="of the gates of temporal layers, with the same warm-up and decay; Adam moves a number by about "
        "its rate a step, so a gate can go from 0 to 1 in some 100 steps; null: the rate of everything else",
    )
    warmup_steps: int = Field(default=0, ge=0, description="steps of linear warm-up")
    decay: Literal["constant", "cosine", "linear"] = Field(default="constant", description="schedule after the warm-up")
    weight_decay: float = Field(default=0.01, ge=0, description="of matrices and kernels")
    beta1: float = Field(default=0.9, ge=0, lt=1, description="first moment")
    beta2: float = Field(default=0.999, ge=0, lt=1, description="second moment")
    max_grad_norm: float = Field(default=1.0, gt=0, description="gradients are clipped to this norm")
    ema_decay: float = Field(
        default=0.9999, ge=0, lt=1, description="decay of the moving average of the weights, which is used for sampling"
    )


class GenerationConfig(GenerationBase):
    """How stickers are sampled and written."""

    num_frames: int | None = Field(default=None, ge=1, le=128, description="number of frames; default: as in training")
    size: int | None = Field(default=None, ge=8, le=1024, description="side in pixels; default: as in training")
    num_inference_steps: int = Field(default=25, ge=1, le=1000, description="denoising steps")
    scheduler: Literal["ddim", "dpm"] = Field(default="ddim", description="DDIM, or DPM-Solver++ of second order")
    guidance_scale: float | None = Field(
        default=None, ge=1, le=50, description="classifier-free guidance; 1: none; default: 7.5, VideoGPT 1"
    )
    guidance_interval: tuple[float, float] = Field(
        default=(0.0, 1.0), description="part of the denoising, from 0 to 1, in which guidance is on (arXiv 2404.07724)"
    )
    temperature: float = Field(default=1.0, gt=0, le=10, description="VideoGPT: above 1 more varied samples")
    top_k: int | None = Field(default=None, ge=1, description="VideoGPT: samples from the k most probable codes")
    top_p: float = Field(
        default=1.0, gt=0, le=1, description="VideoGPT: samples from the fewest codes with this probability"
    )
    domain: str | None = Field(default="cartoon", description="domain before every prompt, as in training; null: none")
    negative_prompt: str = Field(default="", description="negative prompt of the guidance")
    seed: int = Field(default=0, ge=0, description="sticker i is drawn from seed + i")
    batch_size: int = Field(default=8, ge=1, le=1024, description="stickers per batch; does not change them")
    media_format: Literal["gif", "apng", "webp"] = Field(default="gif", description="format of the files")
    duration_ms: int = Field(default=125, ge=20, le=10000, description="duration of a frame in milliseconds")
    upscale: int = Field(default=1, ge=1, le=16, description="files are enlarged by this factor, bicubic")
    background: Literal["opaque", "transparent"] = Field(
        default="opaque", description="transparent: the nearly white area that touches the border becomes transparent"
    )
    palette: Literal["per_frame", "shared"] = Field(
        default="per_frame", description="shared: one palette of 255 colours for all frames; smaller, no flicker"
    )

    @model_validator(mode="after")
    def _interval_is_ordered(self) -> Self:
        low, high = self.guidance_interval
        if not 0 <= low <= high <= 1:
            raise ValueError("guidance_interval must be two numbers with 0 <= first <= second <= 1")
        return self


class TrainConfig(GenerationBase):
    """One training run. `preset` provides the defaults of whole sections; explicit values override them."""

    preset: str | None = Field(
        default=None,
        description="recipe whose values hold where nothing else is written: " + ", ".join(RECIPES),
    )
    family: Literal["diffusion", "videogpt"] = Field(
        default="diffusion", description="kind of generator: sections model, text, noise, lora; or section videogpt"
    )
    out: str = Field(description="folder of the run: losses, checkpoints, samples")
    model: ModelConfig = Field(default_factory=ModelConfig)
    text: TextConfig = TextConfig()
    data: DataConfig
    noise: NoiseConfig = NoiseConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    lora: LoraConfig = LoraConfig()
    videogpt: VideoGPTConfig = VideoGPTConfig()
    trainable: Literal["all", "temporal", "temporal_convolutions", "lora"] = Field(
        default="all", description="the weights to train; the paper trains only the temporal convolutions"
    )
    num_steps: int = Field(default=1000, ge=1, description="optimiser steps")
    max_skipped_steps: int = Field(
        default=20,
        ge=0,
        description="a step whose loss or gradient is not finite is skipped; training stops after more than this many "
        "in a row (fp16 may need 16 at the start to find its scale)",
    )
    batch_size: int = Field(default=16, ge=1, le=4096, description="clips per device and micro-batch")
    accumulation: int = Field(default=1, ge=1, le=1024, description="micro-batches per optimiser step")
    mixed_precision: Literal["auto", "no", "bf16", "fp16"] = Field(
        default="auto",
        description="precision of the forward pass; auto: bf16 on GPUs that support it, else no, which is float32; "
        "on many CPUs bf16 is several times slower",
    )
    gradient_checkpointing: bool = Field(
        default=False, description="recompute activations: less memory, a third slower"
    )
    compile: bool = Field(default=False, description="torch.compile the denoiser")
    fsdp: bool = Field(default=False, description="share weights, gradients and optimiser state among the processes")
    trackers: tuple[Literal["tensorboard", "wandb"], ...] = Field(
        default=(), description="trackers of the losses, in addition to losses.jsonl; their files are in `tracking`"
    )
    wandb_mode: Literal["offline", "online"] = Field(
        default="offline", description="offline: W&B stores the run in `tracking` for `wandb sync`"
    )
    num_threads: int = Field(default=2, ge=1, le=256, description="CPU threads")
    seed: int = Field(default=0, ge=0, description="seed of the weights, the order of clips, and the noise")
    save_every: int = Field(default=500, ge=1, description="steps between checkpoints")
    keep_last_n: int = Field(default=2, ge=1, description="number of checkpoints to keep")
    sample_prompts: tuple[str, ...] = Field(
        default=(), description="prompts of the samples at every checkpoint (always from the same noise), in `samples`"
    )
    sampling: GenerationConfig = Field(default=GenerationConfig(), description="sampling settings of these samples")
    resume: bool = Field(default=True, description="resume from the newest checkpoint in `out`")

    @model_validator(mode="before")
    @classmethod
    def _apply_preset(cls, values: Any) -> Any:
        preset = values.get("preset") if isinstance(values, dict) else None
        if preset is None:
            return values
        if preset not in RECIPES:
            raise ValueError(f"unknown preset {preset!r}; known: {', '.join(RECIPES)}")
        return merge(RECIPES[preset], values)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.family == "videogpt":
            self._check_videogpt()
        else:
            self._check_diffusion()
        return self

    def _check_diffusion(self) -> None:
        if self.videogpt != VideoGPTConfig():
            raise ValueError("section videogpt is for family: videogpt")
        if self.model.temporal_layer.layer == "i2vgen" and self.gradient_checkpointing:
            raise ValueError(
                "gradient_checkpointing is not supported with model.temporal_layer i2vgen; set it to false"
            )
        if self.model.pretrained is None and self.data.size % self.model.patch_size:
            raise ValueError(
                f"data.size {self.data.size} must be a multiple of model.patch_size {self.model.patch_size}"
            )
        if self.model.pretrained is None and self.trainable != "all":
            raise ValueError(
                f"trainable: {self.trainable} needs model.pretrained: from scratch all weights are trained"
            )

    def _check_videogpt(self) -> None:
        size, num_frames = self.data.size, self.data.num_frames
        if size % self.videogpt.space_factor or num_frames % self.videogpt.time_factor:
            raise ValueError(
                f"{num_frames} frames of {size} pixels must be multiples of videogpt.time_factor "
                f"{self.videogpt.time_factor} and videogpt.space_factor {self.videogpt.space_factor}"
            )
        unused = (self.model, self.text, self.lora) != (ModelConfig(), TextConfig(), LoraConfig())
        if unused or self.trainable != "all" or self.fsdp or self.gradient_checkpointing:
            raise ValueError(
                "family videogpt is trained from scratch: model, text, lora, trainable, fsdp and "
                "gradient_checkpointing do not apply to it"
            )


def merge(defaults: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """`values` over `defaults`, section by section."""
    merged = dict(defaults)
    for name, value in values.items():
        inner = merged.get(name)
        if isinstance(inner, dict) and isinstance(value, dict):
            # options belong to one layer and are not merged with those of another
            is_same = value.get("layer", inner.get("layer")) == inner.get("layer")
            merged[name] = merge(inner, value) if is_same else value
        elif isinstance(inner, dict) and isinstance(value, BaseModel):
            merged[name] = merge(inner, value.model_dump(exclude_unset=True))
        else:
            merged[name] = value
    return merged
