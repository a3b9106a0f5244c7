"""Builds a generator: on a Stable Diffusion checkpoint, or from scratch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from transformers import AutoTokenizer, CLIPTextModel

from vsd2m.core.errors import EngineError
from vsd2m.generation.config import NoiseConfig, TrainConfig
from vsd2m.generation.diffusion.i2vgen import TextI2VGenModel
from vsd2m.generation.diffusion.pipeline import StickerPipeline
from vsd2m.generation.diffusion.sticker_unet import StickerUNetModel
from vsd2m.generation.diffusion.text import small_text_encoder, train_tokenizer
from vsd2m.generation.model_config import LoraConfig, ModelConfig, make_layer
from vsd2m.generation.temporal_layers import TemporalLayer
from vsd2m.generation.training.codec import PixelCodec


@dataclass(frozen=True)
class Base:
    """A Stable Diffusion checkpoint's parts, frozen except for the 2D network. Without `vae` it generates pixels."""

    unet: UNet2DConditionModel
    vae: AutoencoderKL | None
    text_encoder: CLIPTextModel
    tokenizer: Any
    scheduler: DDIMScheduler
    patch_size: int = 1


def load_base(config: ModelConfig, *, device: torch.device) -> Base | None:
    """The checkpoint of the config, from a folder or the hub; None if there is none. The autoencoder is moved to
    `device`, the other parts when training starts."""
    if config.pretrained is None:
        return None
    options = {"revision": config.revision} if config.revision else {}

    def load(kind: Any, part: str) -> Any:
        return kind.from_pretrained(config.pretrained, subfolder=part, **options)

    try:
        index = _pipeline_index(config.pretrained, options)
        on_pixels = index.get("vae") == [None, None]
        return Base(
            unet=load(UNet2DConditionModel, "unet"),
            vae=None if on_pixels else load(AutoencoderKL, "vae").requires_grad_(False).eval().to(device),
            text_encoder=load(CLIPTextModel, "text_encoder").requires_grad_(False).eval(),
            tokenizer=load(AutoTokenizer, "tokenizer"),
            scheduler=load(DDIMScheduler, "scheduler"),
            patch_size=index.get("patch_size", 1),
        )
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise EngineError(
            f"cannot load {config.pretrained!r}: {reason}; expected the hub id or the folder of a Stable Diffusion "
            "checkpoint with unet, vae, text_encoder, tokenizer and scheduler"
        ) from error


def _pipeline_index(pretrained: str, options: dict[str, str]) -> dict[str, Any]:
    """The content of `model_index.json`: the parts of the pipeline; empty if the file does not exist."""
    try:
        return dict(StickerPipeline.load_config(pretrained, **options))
    except OSError:
        return {}


def build_pipeline(config: TrainConfig, base: Base | None, texts: Sequence[str]) -> StickerPipeline:
    """The generator to train; initial weights come from `config.seed`. `texts` train the tokenizer from scratch."""
    torch.manual_seed(config.seed)
    if base is None:
        tokenizer = train_tokenizer(texts, config.text)
        parts = {
            "tokenizer": tokenizer,
            "text_encoder": small_text_encoder(tokenizer, config.text),
            "unet": unet_from_scratch(config),
            "scheduler": scheduler_from_scratch(config.noise),
            "patch_size": config.model.patch_size,
        }
    else:
        parts = {
            "tokenizer": base.tokenizer,
            "text_encoder": base.text_encoder,
            "unet": unet_on(base, config.model),
            "scheduler": base.scheduler,
            "vae": base.vae,
            "patch_size": base.patch_size,
        }
    if config.model.temporal_weights is not None:
        parts["unet"].load_temporal(config.model.temporal_weights)
    return StickerPipeline(**parts, size=config.data.size, num_frames=config.data.num_frames)


def unet_on(base: Base, config: ModelConfig) -> StickerUNetModel | TextI2VGenModel:
    """The video network around a checkpoint's 2D network."""
    return network_on(base.unet, make_layer(config.temporal_layer))


def network_on(unet2d: UNet2DConditionModel, layer: TemporalLayer) -> StickerUNetModel | TextI2VGenModel:
    """The video network of a temporal layer on the weights of a 2D network."""
    network = layer.own_network()
    unet: StickerUNetModel | TextI2VGenModel = (
        StickerUNetModel.from_unet2d(unet2d, **layer.arguments()) if network is None else network.from_unet2d(unet2d)
    )
    return unet


def unet_from_scratch(config: TrainConfig) -> StickerUNetModel | TextI2VGenModel:
    """A small network on pixels, with text states of the small text encoder."""
    model = config.model
    codec = PixelCodec(model.patch_size)
    attention = model.attention_levels
    layout = {
        "sample_size": config.data.size // codec.reduction,
        "in_channels": codec.latent_channels,
        "out_channels": codec.latent_channels,
        "down_block_types": tuple("CrossAttnDownBlock3D" if level else "DownBlock3D" for level in attention),
        "up_block_types": tuple("CrossAttnUpBlock3D" if level else "UpBlock3D" for level in reversed(attention)),
        "block_out_channels": model.block_out_channels,
        "layers_per_block": model.layers_per_block,
        "norm_num_groups": model.norm_num_groups,
        "attention_head_dim": model.attention_head_dim,
        "cross_attention_dim": config.text.hidden_size,
    }
    layer = make_layer(model.temporal_layer)
    network = layer.own_network()
    unet: StickerUNetModel | TextI2VGenModel = (
        StickerUNetModel(**layout, **layer.arguments()) if network is None else network(**layout)
    )
    return unet


def scheduler_from_scratch(config: NoiseConfig) -> DDIMScheduler:
    """DDIM on pixels in [-1, 1]; sampling starts at the last step of the forward process."""
    return DDIMScheduler(
        num_train_timesteps=config.num_train_timesteps,
        beta_schedule=config.beta_schedule,
        prediction_type=config.prediction_type,
        rescale_betas_zero_snr=config.zero_terminal_snr,
        timestep_spacing="trailing",
        set_alpha_to_one=True,
        clip_sample=True,
    )


def set_trainable(pipeline: StickerPipeline, config: TrainConfig) -> None:
    """Freezes the other weights, adds adapters if configured, and enables gradient checkpointing."""
    unet = pipeline.unet
    if config.trainable in ("temporal", "temporal_convolutions"):
        unet.freeze_spatial(convolutions_only=config.trainable == "temporal_convolutions")
    elif config.trainable == "lora":
        add_lora(unet, config.lora)
    if config.gradient_checkpointing:
        unet.enable_gradient_checkpointing()
    if config.compile:
        unet.compile()


def add_lora(unet: Any, config: LoraConfig) -> None:
    """Freezes the network and adds low-rank adapters to its attention projections."""
    from peft import LoraConfig as PeftLoraConfig

    unet.requires_grad_(False)
    unet.add_adapter(
        PeftLoraConfig(
            r=config.rank,
            lora_alpha=config.alpha,
            init_lora_weights="gaussian",
            target_modules=["to_q", "to_k", "to_v", "to_out.0"],
        )
    )
