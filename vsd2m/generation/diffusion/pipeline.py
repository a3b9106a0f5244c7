"""From prompts to clips: a diffusers pipeline around `StickerUNetModel`.

Letters: B batch, T frames, C channels, H, W height and width, L tokens, D channels of the text states.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKL, DiffusionPipeline, DPMSolverMultistepScheduler, SchedulerMixin
from diffusers.utils import BaseOutput
from numpy.typing import NDArray
from transformers import CLIPTextModel

from vsd2m.generation.config import GenerationConfig
from vsd2m.generation.diffusion.codec import make_codec
from vsd2m.generation.diffusion.layers.text_attention import text_projected
from vsd2m.generation.diffusion.sticker_unet import StickerUNetModel
from vsd2m.generation.diffusion.text import encode_tokens, tokenize

GUIDANCE_SCALE = 7.5


@dataclass
class StickerPipelineOutput(BaseOutput):  # type: ignore[misc]
    """`clips`: uint8 [B, T, H, W, 3]."""

    clips: NDArray[np.uint8]


class StickerPipeline(DiffusionPipeline):  # type: ignore[misc]
    """Draws stickers. Saves and loads like any diffusers pipeline; without `vae` the denoiser works on pixels."""

    model_cpu_offload_seq = "text_encoder->unet->vae"
    _optional_components = ["vae"]  # noqa: RUF012 (diffusers adds lists)

    def __init__(
        self,
        unet: StickerUNetModel,
        text_encoder: CLIPTextModel,
        tokenizer: Any,
        scheduler: SchedulerMixin,
        vae: AutoencoderKL | None = None,
        patch_size: int = 1,
        size: int = 256,
        num_frames: int = 8,
    ) -> None:
        super().__init__()
        self.register_modules(unet=unet, text_encoder=text_encoder, tokenizer=tokenizer, scheduler=scheduler, vae=vae)
        self.register_to_config(patch_size=patch_size, size=size, num_frames=num_frames)

    @property
    def codec(self) -> Any:
        """What stands between clips and latents."""
        return make_codec(self.vae, self.config.patch_size)

    def use_dpm_solver(self) -> None:
        """Samples with DPM-Solver++ of second order (arXiv 2211.01095) from here on."""
        config = self.components["scheduler"].config
        self.scheduler = DPMSolverMultistepScheduler.from_config(config, algorithm_type="dpmsolver++", solver_order=2)

    def draw(self, texts: Sequence[str], seeds: Sequence[int], config: GenerationConfig) -> NDArray[np.uint8]:
        """Clips uint8 [B, T, H, W, 3] of texts, as the config asks."""
        if config.scheduler == "dpm" and not isinstance(self.scheduler, DPMSolverMultistepScheduler):
            self.use_dpm_solver()
        clips: NDArray[np.uint8] = self(
            texts,
            seeds=seeds,
            num_frames=config.num_frames,
            size=config.size,
            num_inference_steps=config.num_inference_steps,
            guidance_scale=GUIDANCE_SCALE if config.guidance_scale is None else config.guidance_scale,
            guidance_interval=config.guidance_interval,
            negative_prompt=config.negative_prompt,
        ).clips
        return clips

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def __call__(
        self,
        prompts: Sequence[str],
        *,
        seeds: Sequence[int],
        num_frames: int | None = None,
        size: int | None = None,
        num_inference_steps: int = 25,
        guidance_scale: float = GUIDANCE_SCALE,
        guidance_interval: tuple[float, float] = (0.0, 1.0),
        negative_prompt: str = "",
    ) -> StickerPipelineOutput:
        """One clip per prompt. Its noise comes from its own seed, so its neighbours in the batch do not change it.

        `guidance_interval` is the part of the way from noise (0) to clip (1) in which guidance is on.
        """
        if len(prompts) != len(seeds):
            raise ValueError(f"{len(prompts)} prompts and {len(seeds)} seeds: there must be one seed per prompt")
        states = self.encode_prompts(prompts)
        both = torch.cat([self.encode_prompts([negative_prompt]).expand_as(states), states])
        self.scheduler.set_timesteps(num_inference_steps)
        # the scheduler computes with numbers on the CPU: from a GPU it would wait for them at every step
        timesteps = list(
            zip(self.scheduler.timesteps, self.scheduler.timesteps.to(self._execution_device), strict=True)
        )
        latents = self.initial_noise(seeds, num_frames or self.config.num_frames, size or self.config.size)
        low, high = guidance_interval
        with text_projected(self.unet, [states, both]):
            for index, (timestep, on_device) in enumerate(self.progress_bar(timesteps)):
                guided = guidance_scale != 1 and low <= index / max(num_inference_steps - 1, 1) <= high
                model_input = self.scheduler.scale_model_input(latents, timestep)
                prediction = self.predict(model_input, on_device, both if guided else states, guidance_scale)
                latents = self.scheduler.step(prediction, timestep, latents, return_dict=False)[0]
        clips = (self.codec.decode(latents) + 1) * 127.5
        return StickerPipelineOutput(clips=clips.round().byte().permute(0, 1, 3, 4, 2).cpu().numpy())

    def encode_prompts(self, prompts: Sequence[str]) -> torch.Tensor:
        """Text states [B, L, D]."""
        return encode_tokens(self.text_encoder, tokenize(self.tokenizer, prompts)).to(self.unet.dtype)

    def initial_noise(self, seeds: Sequence[int], num_frames: int, size: int) -> torch.Tensor:
        """Gaussian noise [B, C, T, h, w], each clip's drawn on the CPU from its own seed."""
        codec = self.codec
        side = size // codec.reduction
        shape = (codec.latent_channels, num_frames, side, side)
        noise = torch.stack([torch.randn(shape, generator=torch.Generator().manual_seed(seed)) for seed in seeds])
        return noise.to(self._execution_device, self.unet.dtype) * self.scheduler.init_noise_sigma

    def predict(
        self, latents: torch.Tensor, timestep: torch.Tensor, states: torch.Tensor, guidance_scale: float
    ) -> torch.Tensor:
        """The denoiser's output; where `states` has the negative prompts before the prompts, led away from those. Both
        halves of guidance go in one batch."""
        if len(states) == len(latents):
            return self.unet(latents, timestep, states, return_dict=False)[0]
        output = self.unet(torch.cat([latents, latents]), timestep, states, return_dict=False)[0]
        without, with_prompt = output.chunk(2)
        return without + guidance_scale * (with_prompt - without)
