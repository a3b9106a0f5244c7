"""The two-dimensional network of the reproduction: it learns to generate single frames, like Stable Diffusion before
the temporal layers are added. Writes a folder that `vsd2m train` takes as `model.pretrained`.

Letters: B batch, C channels, L tokens.
"""

import json
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from reproduction_data import Subject

from vsd2m.networks.torchvision_cpu import allow_torchvision_beside_cpu_torch

allow_torchvision_beside_cpu_torch()

import torch  # noqa: E402
from diffusers import DDIMScheduler, UNet2DConditionModel  # noqa: E402
from diffusers.models.attention_processor import AttnProcessor  # noqa: E402
from diffusers.training_utils import EMAModel, compute_snr  # noqa: E402
from torch.nn import functional  # noqa: E402

from vsd2m.generation.config import TextConfig  # noqa: E402
from vsd2m.generation.diffusion.text import encode_tokens, small_text_encoder, tokenize, word_tokenizer  # noqa: E402

PATCH = 4
WIDTHS = (64, 128)
HEAD_DIM = 16
PEOPLE_SHARE = 0.35
"""How often people and hands, which are many and similar, are sampled, relative to animals and things."""
BATCH_SIZE = 32
LEARNING_RATE = 1e-3
DECAY_SHARE = 0.25
CAPTION_DROPOUT = 0.1
WEIGHTS = (1.0, 4.0)
"""The loss of a picture is weighted by its signal-to-noise ratio, kept between these."""
SAVE_EVERY = 250
STATE = "state.pt"
TEXT = TextConfig(hidden_size=128, num_layers=2, num_heads=4, max_length=16)


def build_unet(size: int) -> UNet2DConditionModel:
    """Four million weights on patches of 4 x 4 pixels, in the layout of Stable Diffusion 2."""
    unet = UNet2DConditionModel(
        sample_size=size // PATCH,
        in_channels=3 * PATCH**2,
        out_channels=3 * PATCH**2,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        mid_block_type="UNetMidBlock2DCrossAttn",
        block_out_channels=WIDTHS,
        layers_per_block=1,
        norm_num_groups=16,
        attention_head_dim=[width // HEAD_DIM for width in WIDTHS],
        cross_attention_dim=TEXT.hidden_size,
        time_cond_proj_dim=TEXT.hidden_size,
        use_linear_projection=True,
    )
    torch.nn.init.zeros_(unet.time_embedding.cond_proj.weight)
    unet.set_attn_processor(
        AttnProcessor()
    )  # torch's fused attention is several times slower in the backward pass here
    return unet


def build_scheduler() -> DDIMScheduler:
    """Predicts the clean picture; the last step is pure noise."""
    return DDIMScheduler(
        num_train_timesteps=1000,
        beta_schedule="squaredcos_cap_v2",
        prediction_type="sample",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
        set_alpha_to_one=True,
        clip_sample=True,
    )


class Base(torch.nn.Module):
    """The text encoder and the network."""

    def __init__(self, tokenizer: Any, size: int) -> None:
        super().__init__()
        self.text_encoder = small_text_encoder(tokenizer, TEXT)
        self.unet = build_unet(size)

    def forward(self, noisy: torch.Tensor, timesteps: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        states = encode_tokens(self.text_encoder, tokens)
        return self.unet(noisy, timesteps, states, timestep_cond=states.mean(dim=1), return_dict=False)[0]


@dataclass
class BaseTraining:
    """The state of the training, for saving and resuming."""

    model: Base
    optimizer: torch.optim.Optimizer
    ema: EMAModel
    step: int = 0
    seconds: float = 0.0
    losses: list[list[float]] = field(default_factory=list)

    def save(self, path: Path) -> None:
        """Writes the state atomically."""
        parts = {name: getattr(self, name).state_dict() for name in ("model", "optimizer", "ema")}
        torch.save(
            {**parts, "step": self.step, "seconds": self.seconds, "losses": self.losses}, path.with_suffix(".tmp")
        )
        os.replace(path.with_suffix(".tmp"), path)

    def load(self, path: Path) -> None:
        """Resumes from a saved state."""
        state = torch.load(path, weights_only=True)
        for name in ("model", "optimizer", "ema"):
            getattr(self, name).load_state_dict(state[name])
        self.step, self.seconds, self.losses = state["step"], state["seconds"], state["losses"]


class Pictures:
    """Single frames with captions, drawn family by family."""

    def __init__(self, frames: NDArray[np.uint8], subjects: list[Subject]) -> None:
        self.frames = frames
        self.subjects = subjects
        self.trained = [number for number, subject in enumerate(subjects) if subject.split == "train"]
        families: dict[str, list[int]] = {}
        for number in self.trained:
            families.setdefault(subjects[number].family, []).append(number)
        self.families = list(families.values())
        shares = np.array([PEOPLE_SHARE if subjects[family[0]].is_person else 1 for family in self.families])
        self.shares = shares / shares.sum()

    def batch(self, size: int, rng: np.random.Generator) -> tuple[torch.Tensor, list[str]]:
        """Patches [B, C, h, w] in [-1, 1] and captions, every tenth of them empty."""
        families = rng.choice(len(self.families), size=size, p=self.shares)
        sticker_numbers = [int(rng.choice(self.families[family])) for family in families]
        pictures = np.stack([self.frames[number, rng.integers(self.frames.shape[1])] for number in sticker_numbers])
        clean = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1
        texts = [
            "" if rng.random() < CAPTION_DROPOUT else self.subjects[number].caption(rng) for number in sticker_numbers
        ]
        return functional.pixel_unshuffle(clean, PATCH), texts

    def example_captions(self) -> list[str]:
        """Enough of them to hold every word."""
        rng = np.random.default_rng(1)
        return [self.subjects[number].caption(rng) for number in self.trained for _ in range(200)]


def train_base(out: Path, frames: NDArray[np.uint8], subjects: list[Subject], *, num_steps: int, bf16: bool) -> Path:
    """Trains to `num_steps`, or resumes; returns the folder `base`."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    pictures = Pictures(frames, subjects)
    tokenizer = word_tokenizer(pictures.example_captions(), TEXT)
    model, scheduler = Base(tokenizer, frames.shape[2]), build_scheduler()
    parameters = list(model.parameters())
    optimizer = torch.optim.AdamW(parameters, LEARNING_RATE, betas=(0.9, 0.99), weight_decay=0.01, fused=True)
    training = BaseTraining(model, optimizer, EMAModel(parameters, decay=0.998))
    folder = out / "base"
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / STATE).exists():
        training.load(folder / STATE)
    while training.step < num_steps:
        started = time.process_time()
        for group in optimizer.param_groups:
            group["lr"] = LEARNING_RATE * rate(training.step, num_steps)
        training.losses.append(train_step(training, scheduler, tokenizer, pictures, bf16=bf16))
        training.step += 1
        training.seconds += time.process_time() - started
        if training.step % 50 == 0:
            print(f"base {training.step}/{num_steps} loss {np.mean(training.losses[-50:], axis=0)[0]:.4f}", flush=True)
        if training.step % SAVE_EVERY == 0 or training.step == num_steps:
            training.save(folder / STATE)
            write_pipeline(folder, training, tokenizer, scheduler)
    return folder


def train_step(
    training: BaseTraining, scheduler: DDIMScheduler, tokenizer: Any, pictures: Pictures, *, bf16: bool
) -> list[float]:
    """One step; the weighted and the plain squared error. Its randomness depends only on the step's number."""
    torch.manual_seed(training.step)
    clean, texts = pictures.batch(BATCH_SIZE, np.random.default_rng([2, training.step]))
    timesteps = torch.randint(1000, (len(clean),))
    noisy = scheduler.add_noise(clean, torch.randn_like(clean), timesteps)
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        predicted = training.model(noisy, timesteps, tokenize(tokenizer, texts))
    error = (predicted.float() - clean).square().mean(dim=(1, 2, 3))
    loss = (error * compute_snr(scheduler, timesteps).clamp(*WEIGHTS)).mean()
    loss.backward()
    parameters = list(training.model.parameters())
    torch.nn.utils.clip_grad_norm_(parameters, 1.0)
    training.optimizer.step()
    training.optimizer.zero_grad()
    training.ema.step(parameters)
    return [round(float(loss.detach()), 5), round(float(error.detach().mean()), 5)]


def rate(step: int, num_steps: int) -> float:
    """Share of the learning rate: a warm-up of 100 steps, and a line down over the last quarter."""
    return min(1.0, (step + 1) / 100, max(0.02, (num_steps - step) / (DECAY_SHARE * num_steps)))


def write_pipeline(folder: Path, training: BaseTraining, tokenizer: Any, scheduler: DDIMScheduler) -> None:
    """The averaged weights as a Stable Diffusion folder."""
    parameters = list(training.model.parameters())
    training.ema.store(parameters)
    training.ema.copy_to(parameters)
    training.model.unet.save_pretrained(folder / "unet")
    training.model.text_encoder.save_pretrained(folder / "text_encoder")
    tokenizer.save_pretrained(folder / "tokenizer")
    scheduler.save_pretrained(folder / "scheduler")
    index = {"_class_name": "StableDiffusionPipeline", "vae": [None, None], "patch_size": PATCH}
    (folder / "model_index.json").write_text(json.dumps(index, indent=2) + "\n")
    training.ema.restore(parameters)
