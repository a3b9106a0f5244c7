"""From prompts to clips: a diffusers pipeline around `StickerUNetModel`.

Letters: B batch, T frames, C channels, H, W height and width, L tokens, D channels of the text states.
"""

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKL, DiffusionPipeline, DPMSolverMultistepScheduler, SchedulerMixin
from numpy.typing import NDArray
from transformers import CLIPTextModel

from vsd2m.core.errors import ConfigError
from vsd2m.generation.config import GenerationConfig
from vsd2m.generation.diffusion.i2vgen import TextI2VGenModel
from vsd2m.generation.diffusion.layers.text_attention import text_projected
from vsd2m.generation.diffusion.sticker_unet import StickerUNetModel
from vsd2m.generation.diffusion.text import encode_tokens, tokenize
from vsd2m.generation.sampling.checkpoint_loading import CheckpointMixin
from vsd2m.generation.sampling.pipeline_arguments import as_negative_texts, as_texts, draw_each, make_generators
from vsd2m.generation.sampling.pipeline_output import StickerPipelineOutput, check_output_type, frames_as
from vsd2m.generation.training.codec import make_codec

GUIDANCE_SCALE = 7.5
OnStepEnd = Callable[[Any, int, Any, dict[str, Any]], dict[str, Any]]


class StickerPipeline(CheckpointMixin, DiffusionPipeline):  # type: ignore[misc]
    """Generates stickers. Saves and loads like any diffusers pipeline; without `vae` the denoiser works on pixels."""

    model_cpu_offload_seq = "text_encoder->unet->vae"
    _optional_components = ["vae"]  # noqa: RUF012 (diffusers adds lists)
    _callback_tensor_inputs = ["latents"]  # noqa: RUF012 (as in diffusers)

    def __init__(
        self,
        unet: StickerUNetModel | TextI2VGenModel,
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
        """The conversion between clips and latents."""
        return make_codec(self.vae, self.config.patch_size)

    def use_dpm_solver(self) -> None:
        """Switches to DPM-Solver++ of second order (arXiv 2211.01095)."""
        config = self.components["scheduler"].config
        self.scheduler = DPMSolverMultistepScheduler.from_config(config, algorithm_type="dpmsolver++", solver_order=2)

    def draw(self, texts: Sequence[str], seeds: Sequence[int], config: GenerationConfig) -> NDArray[np.uint8]:
        """Clips uint8 [B, T, H, W, 3] for texts, with the config's settings."""
        if config.scheduler == "dpm" and not isinstance(self.scheduler, DPMSolverMultistepScheduler):
            self.use_dpm_solver()
        size = config.size or self.config.size
        self.check_size(size, size)
        clips: NDArray[np.uint8] = self(
            list(texts),
            height=size,
            width=size,
            num_frames=config.num_frames,
            num_inference_steps=config.num_inference_steps,
            guidance_scale=GUIDANCE_SCALE if config.guidance_scale is None else config.guidance_scale,
            guidance_interval=config.guidance_interval,
            negative_prompt=config.negative_prompt,
            seeds=seeds,
            output_type="uint8",
        ).frames
        return clips

    def check_size(self, height: int, width: int) -> None:
        """`ConfigError` for a size that is not a multiple of the autoencoder's reduction: it would be cropped."""
        reduction = self.codec.reduction
        if height % reduction or width % reduction:
            raise ConfigError(
                f"height and width must be multiples of {reduction} with this checkpoint; found {height} x {width} "
                "pixels"
            )

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def __call__(
        self,
        prompt: str | Sequence[str],
        height: int | None = None,
        width: int | None = None,
        num_frames: int | None = None,
        num_inference_steps: int = 25,
        guidance_scale: float = GUIDANCE_SCALE,
        negative_prompt: str | Sequence[str] | None = None,
        eta: float = 0.0,
        generator: torch.Generator | Sequence[torch.Generator] | None = None,
        latents: torch.Tensor | None = None,
        output_type: str = "pil",
        return_dict: bool = True,
        callback_on_step_end: OnStepEnd | None = None,
        callback_on_step_end_tensor_inputs: Sequence[str] = ("latents",),
        *,
        seeds: Sequence[int] | None = None,
        guidance_interval: tuple[float, float] = (0.0, 1.0),
    ) -> StickerPipelineOutput | tuple[Any]:
        """One clip per prompt; see `StickerPipelineOutput` for the output types.

        With `seeds`, or one generator per prompt, a clip is independent of the batch; `generator` is also passed to the
        scheduler's steps. `guidance_interval` is the part of the denoising, from noise (0) to clip (1), in which
        guidance is on. The other arguments are those of diffusers' video pipelines.
        """
        texts = as_texts(prompt)
        check_output_type(output_type, latent=True)
        height, width = height or self.config.size, width or self.config.size
        self.check_size(height, width)
        unknown = sorted(set(callback_on_step_end_tensor_inputs) - set(self._callback_tensor_inputs))
        if unknown:
            raise ValueError(f"callback_on_step_end_tensor_inputs may only contain 'latents'; found {unknown}")
        generators = make_generators(len(texts), generator=generator, seeds=seeds)
        states = self.encode_prompts(texts)
        negative_states = self.encode_prompts(as_negative_texts(negative_prompt, len(texts)))
        both = torch.cat([negative_states.expand_as(states), states])
        self.scheduler.set_timesteps(num_inference_steps)
        # the scheduler computes with numbers on the CPU: from a GPU it would wait for them at every step
        timesteps = list(
            zip(self.scheduler.timesteps, self.scheduler.timesteps.to(self._execution_device), strict=True)
        )
        if latents is None:
            latents = self.initial_noise(generators, len(texts), num_frames or self.config.num_frames, height, width)
        latents = latents.to(self._execution_device, self.unet.dtype)
        options = self._step_options(eta, generators)
        low, high = guidance_interval
        with text_projected(self.unet, [states, both]):
            for index, (timestep, on_device) in enumerate(self.progress_bar(timesteps)):
                guided = guidance_scale != 1 and low <= index / max(len(timesteps) - 1, 1) <= high
                model_input = self.scheduler.scale_model_input(latents, timestep)
                prediction = self.predict(model_input, on_device, both if guided else states, guidance_scale)
                latents = self.scheduler.step(prediction, timestep, latents, **options, return_dict=False)[0]
                if callback_on_step_end is not None:
                    tensors = dict.fromkeys(callback_on_step_end_tensor_inputs, latents)
                    latents = callback_on_step_end(self, index, timestep, tensors).get("latents", latents)
        frames = latents if output_type == "latent" else frames_as(self.codec.decode(latents), output_type)
        self.maybe_free_model_hooks()
        return StickerPipelineOutput(frames=frames) if return_dict else (frames,)

    def _step_options(self, eta: float, generators: Any) -> dict[str, Any]:
        """The additional arguments of this scheduler's step."""
        accepted = inspect.signature(self.scheduler.step).parameters
        options = {"eta": eta, "generator": generators}
        return {name: value for name, value in options.items() if name in accepted}

    def encode_prompts(self, prompts: Sequence[str]) -> torch.Tensor:
        """Text states [B, L, D]."""
        return encode_tokens(self.text_encoder, tokenize(self.tokenizer, prompts)).to(self.unet.dtype)

    def initial_noise(self, generators: Any, count: int, num_frames: int, height: int, width: int) -> torch.Tensor:
        """Gaussian noise [B, C, T, h, w] for clips of this size in pixels, with the scheduler's initial standard
        deviation."""
        codec = self.codec
        shape = (count, codec.latent_channels, num_frames, height // codec.reduction, width // codec.reduction)
        noise = draw_each(torch.randn, shape, generators)
        return noise.to(self._execution_device, self.unet.dtype) * self.scheduler.init_noise_sigma

    def predict(
        self, latents: torch.Tensor, timestep: torch.Tensor, states: torch.Tensor, guidance_scale: float
    ) -> torch.Tensor:
        """The denoiser's output; if `states` has the negative prompts before the prompts, with guidance. Both halves
        are one batch."""
        if len(states) == len(latents):
            return self.unet(latents, timestep, states, return_dict=False)[0]
        output = self.unet(torch.cat([latents, latents]), timestep, states, return_dict=False)[0]
        without, with_prompt = output.chunk(2)
        return without + guidance_scale * (with_prompt - without)
