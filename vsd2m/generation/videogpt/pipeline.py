"""From tags to clips: a diffusers pipeline around VideoGPT's two networks.

Letters: B batch, T frames, H, W height and width, G tags of a clip.
"""

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from diffusers import DiffusionPipeline
from numpy.typing import NDArray
from torch.nn.utils.rnn import pad_sequence

from vsd2m.core.errors import ConfigError
from vsd2m.generation.config import GenerationConfig
from vsd2m.generation.sampling.checkpoint_loading import CheckpointMixin
from vsd2m.generation.sampling.pipeline_arguments import as_negative_texts, as_texts, draw_each, make_generators
from vsd2m.generation.sampling.pipeline_output import StickerPipelineOutput, check_output_type, frames_as
from vsd2m.generation.videogpt.prior import CodePrior
from vsd2m.generation.videogpt.sampling import sample_codes
from vsd2m.generation.videogpt.tags import tag_numbers, tags_in
from vsd2m.generation.videogpt.vqvae import VqVae

_log = logging.getLogger(__name__)


class VideoGPTPipeline(CheckpointMixin, DiffusionPipeline):  # type: ignore[misc]
    """Generates stickers from known tags. Saves and loads like any diffusers pipeline."""

    model_cpu_offload_seq = "prior->vqvae"

    def __init__(self, vqvae: VqVae, prior: CodePrior) -> None:
        super().__init__()
        self.register_modules(vqvae=vqvae, prior=prior)

    @property
    def num_frames(self) -> int:
        """Frames of every clip."""
        return int(self.prior.config.grid[0] * self.vqvae.config.time_factor)

    @property
    def size(self) -> int:
        """Pixels of a frame's side."""
        return int(self.prior.config.grid[1] * self.vqvae.config.space_factor)

    def draw(self, texts: Sequence[str], seeds: Sequence[int], config: GenerationConfig) -> NDArray[np.uint8]:
        """Clips uint8 [B, T, H, W, 3] for the tags in the texts, with the config's settings."""
        requested = (config.num_frames or self.num_frames, config.size or self.size)
        if requested != (self.num_frames, self.size):
            raise ConfigError(
                f"this VideoGPT only generates {self.num_frames} frames of {self.size} pixels; found "
                f"num_frames {requested[0]} and size {requested[1]}"
            )
        clips: NDArray[np.uint8] = self(
            list(texts),
            guidance_scale=1.0 if config.guidance_scale is None else config.guidance_scale,
            negative_prompt=config.negative_prompt,
            temperature=config.temperature,
            top_k=config.top_k,
            top_p=config.top_p,
            seeds=seeds,
            output_type="uint8",
        ).frames
        return clips

    def known_tags(self, text: str) -> list[str]:
        """The model's tags that occur in `text`."""
        return tags_in(text, self.prior.config.tag_names)

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def __call__(
        self,
        prompt: str | Sequence[str],
        guidance_scale: float = 1.0,
        negative_prompt: str | Sequence[str] | None = None,
        generator: torch.Generator | Sequence[torch.Generator] | None = None,
        output_type: str = "pil",
        return_dict: bool = True,
        *,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float = 1.0,
        seeds: Sequence[int] | None = None,
    ) -> StickerPipelineOutput | tuple[Any]:
        """One clip per prompt, from the tags in it; see `StickerPipelineOutput` for the output types.

        `guidance_scale` above 1 increases the difference from the distribution for the tags of `negative_prompt` (by
        default no tags).
        """
        texts = as_texts(prompt)
        check_output_type(output_type, latent=False)
        generators = make_generators(len(texts), generator=generator, seeds=seeds)
        tags = [self.known_tags(text) for text in texts]
        for text, named in zip(texts, tags, strict=True):
            if not named:
                _log.warning("%r names none of the %d tags this model knows", text, len(self.prior.config.tag_names))
        negative_tags = [self.known_tags(text) for text in as_negative_texts(negative_prompt, len(texts))]
        listed = [*negative_tags * (len(texts) // len(negative_tags)), *tags]
        numbers = pad_tags([tag_numbers(names, self.prior.config.tag_names) for names in listed])
        negative, positive = numbers.to(self.prior.device).chunk(2)
        codes = sample_codes(
            self.prior,
            positive,
            chances=draw_each(torch.rand, (len(texts), self.prior.length), generators),
            negative_tags=negative,
            guidance_scale=guidance_scale,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
        )
        clips = self.vqvae.decode(codes.unflatten(1, tuple(self.prior.config.grid)))
        frames = frames_as(clips.transpose(1, 2), output_type)
        return StickerPipelineOutput(frames=frames) if return_dict else (frames,)


def pad_tags(numbers: Sequence[Sequence[int]]) -> torch.Tensor:
    """Lists of tag numbers as one tensor [B, G], padded with 0; G is at least 1."""
    rows = [torch.tensor([*sticker_tags, 0]) for sticker_tags in numbers]
    return pad_sequence(rows, batch_first=True)
