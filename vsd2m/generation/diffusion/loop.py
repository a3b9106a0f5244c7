"""The training loop. A step is a function of the weights, the optimiser and the step's number: all randomness of
step k is seeded by (seed, k, rank), which is what makes a resumed run repeat an uninterrupted one exactly.

Letters: B batch, T frames, C channels.
"""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from diffusers.training_utils import EMAModel
from torch import nn

from vsd2m.core.commit import digest
from vsd2m.generation.config import OptimizerConfig, TrainConfig
from vsd2m.generation.data import batch_indices
from vsd2m.generation.diffusion import noise as noising
from vsd2m.generation.diffusion.checkpoint import (
    checkpoint_path,
    keep_last,
    list_checkpoints,
    read_state,
    write_checkpoint,
)
from vsd2m.generation.diffusion.latents import LatentStore
from vsd2m.generation.diffusion.pipeline import StickerPipeline
from vsd2m.generation.diffusion.text import encode_tokens, tokenize
from vsd2m.generation.errors import TrainingError

LOSSES = "losses.jsonl"


class Denoiser(nn.Module):  # type: ignore[misc]
    """The text encoder and the UNet as one module, so that both train under any wrapper."""

    def __init__(self, pipeline: StickerPipeline) -> None:
        super().__init__()
        self.unet = pipeline.unet
        self.text_encoder = pipeline.text_encoder

    def forward(self, noisy: torch.Tensor, timesteps: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        states = encode_tokens(self.text_encoder, tokens)
        return self.unet(noisy, timesteps, states, return_dict=False)[0]


class TrainingLoop:
    """Trains a pipeline on encoded clips, and checkpoints it."""

    def __init__(self, config: TrainConfig, pipeline: StickerPipeline, store: LatentStore) -> None:
        self.config = config
        self.pipeline = pipeline
        self.store = store
        self.folder = Path(config.out)
        self.accelerator = Accelerator(mixed_precision=config.mixed_precision)
        self.scheduler = pipeline.scheduler
        self.module = Denoiser(pipeline)
        self.parameters = [weight for weight in self.module.parameters() if weight.requires_grad]
        optimizer = make_optimizer(self.parameters, config.optimizer)
        self.model, self.optimizer = self.accelerator.prepare(self.module, optimizer)
        self.ema = EMAModel(self.parameters, decay=config.optimizer.ema_decay)
        self.losses: list[float] = []
        self.step = 0

    def run(
        self,
        *,
        on_step: Callable[[int, int, float], None] | None = None,
        on_checkpoint: Callable[[Path], None] | None = None,
    ) -> Path:
        """Trains to `num_steps`; returns the last checkpoint.

        `on_step(step, num_steps, loss)` is called after each step, `on_checkpoint` by the first process after each
        checkpoint.
        """
        self._resume()
        path = checkpoint_path(self.folder, self.step)
        while self.step < self.config.num_steps:
            loss = self.train_step()
            self.step += 1
            self.losses.append(loss)
            if self.step % self.config.save_every == 0 or self.step == self.config.num_steps:
                path = self._save()
                if on_checkpoint is not None and self.accelerator.is_main_process:
                    on_checkpoint(path)
            if on_step is not None:
                on_step(self.step, self.config.num_steps, loss)
        return path

    def train_step(self) -> float:
        """One optimiser step; its mean loss over all devices. `TrainingError` if it is not a number."""
        self.model.train()
        self._seed_step()
        total = torch.zeros((), device=self.accelerator.device)
        for micro in range(self.config.accumulation):
            loss = self._loss(micro)
            self.accelerator.backward(loss / self.config.accumulation)
            total += loss.detach() / self.config.accumulation
        self.accelerator.clip_grad_norm_(self.parameters, self.config.optimizer.max_grad_norm)
        set_learning_rate(self.optimizer, self.config, self.step)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.ema.step(self.parameters)
        return float(self.accelerator.reduce(total, reduction="mean"))

    def _loss(self, micro: int) -> torch.Tensor:
        indices = self._indices(micro)
        device = self.accelerator.device
        latents = self.store.latents(indices).to(device)
        noise = torch.randn_like(latents)
        timesteps = torch.randint(self.scheduler.config.num_train_timesteps, (len(indices),), device=device)
        tokens = tokenize(self.pipeline.tokenizer, self._texts(indices)).to(device)
        noisy = self.scheduler.add_noise(latents, noise, timesteps)
        prediction = self.model(noisy, timesteps, tokens)
        target = noising.prediction_target(self.scheduler, latents, noise, timesteps)
        clip_weights = noising.min_snr_weights(self.scheduler, timesteps, self.config.noise.min_snr_gamma)
        masks = torch.from_numpy(self.store.masks[indices]).to(device)
        weights = noising.frame_weights(masks, self.config.data.fill_weight)
        loss = noising.denoising_loss(prediction, target, clip_weights.to(device), weights)
        if not torch.isfinite(loss):
            keys = ", ".join(self.store.keys[index] for index in indices)
            raise TrainingError(f"the loss is {loss.item()} at step {self.step}; stickers of the batch: {keys}")
        return loss

    def _indices(self, micro: int) -> Any:
        """The clips of this device's micro-batch."""
        size, world = self.config.batch_size, self.accelerator.num_processes
        number = (self.step * self.config.accumulation + micro) * world + self.accelerator.process_index
        return batch_indices(len(self.store), seed=self.config.seed, first=number * size, count=size)

    def _texts(self, indices: Any) -> list[str]:
        kept = torch.rand(len(indices)) >= self.config.noise.caption_dropout
        return [self.store.texts[index] if keep else "" for index, keep in zip(indices, kept, strict=True)]

    def _seed_step(self) -> None:
        # one number for (seed, step, rank): dropout inside the network draws from torch's global generators
        generator = torch.Generator().manual_seed(self.config.seed)
        offset = int(torch.randint(2**40, (1,), generator=generator))
        torch.manual_seed(offset + self.step * self.accelerator.num_processes + self.accelerator.process_index)

    def _save(self) -> Path:
        path = checkpoint_path(self.folder, self.step)
        if self.accelerator.is_main_process:
            state = {
                "step": self.step,
                "identity": run_identity(self.config),
                "weights": [weight.detach().clone() for weight in self.parameters],
                "optimizer": self.optimizer.state_dict(),
                "ema": self.ema.state_dict(),
                "losses": self.losses,
                "scaler": scaler.state_dict() if (scaler := self.accelerator.scaler) else None,
            }
            self.ema.store(self.parameters)
            self.ema.copy_to(self.parameters)
            write_checkpoint(path, state, self.pipeline)
            self.ema.restore(self.parameters)
            write_losses(self.folder / LOSSES, self.losses)
            keep_last(self.folder, self.config.keep_last_n)
        self.accelerator.wait_for_everyone()
        return path

    def _resume(self) -> None:
        found = list_checkpoints(self.folder) if self.config.resume else []
        if not found:
            return
        _, path = found[-1]
        state = read_state(path)
        if state["identity"] != run_identity(self.config):
            raise TrainingError(
                f"{path} was trained with another model, data or optimiser; give another `out`, or `resume: false`"
            )
        with torch.no_grad():
            for weight, saved in zip(self.parameters, state["weights"], strict=True):
                weight.copy_(saved)
        self.optimizer.load_state_dict(state["optimizer"])
        self.ema.load_state_dict(state["ema"])
        self.ema.to(self.accelerator.device)
        if self.accelerator.scaler is not None:
            self.accelerator.scaler.load_state_dict(state["scaler"])
        self.losses = list(state["losses"])
        self.step = state["step"]


def make_optimizer(parameters: list[Any], config: OptimizerConfig) -> torch.optim.Optimizer:
    """AdamW; scalars, biases and norms are not decayed."""
    matrices = [weight for weight in parameters if weight.ndim > 1]
    others = [weight for weight in parameters if weight.ndim <= 1]
    groups = [{"params": matrices, "weight_decay": config.weight_decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=config.learning_rate, betas=(config.beta1, config.beta2))


def set_learning_rate(optimizer: Any, config: TrainConfig, step: int) -> None:
    """Sets the rate of the schedule at `step`, counted from 0."""
    for group in optimizer.param_groups:
        group["lr"] = learning_rate(config.optimizer, step, config.num_steps)


def learning_rate(config: OptimizerConfig, step: int, num_steps: int) -> float:
    """Linear warm-up to the configured rate, then constant, or down to 0 at `num_steps` by a cosine or a line."""
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / config.warmup_steps
    if config.decay == "constant":
        return config.learning_rate
    progress = (step - config.warmup_steps) / max(num_steps - config.warmup_steps, 1)
    remaining = 1 - progress if config.decay == "linear" else (1 + math.cos(math.pi * progress)) / 2
    return config.learning_rate * remaining


def run_identity(config: TrainConfig) -> str:
    """What must be equal for a checkpoint to be gone on with; the number of steps, say, may change.

    Settings at their defaults do not count, so that a new option leaves old checkpoints valid.
    """
    fields = {"model", "text", "data", "noise", "optimizer", "lora", "trainable", "batch_size", "accumulation", "seed"}
    chosen = config.model_dump(mode="json", include=fields, exclude={"data": {"cache"}}, exclude_defaults=True)
    return digest(chosen)


def write_losses(path: Path, losses: list[float]) -> None:
    """One JSON line per step."""
    lines = [json.dumps({"step": step, "loss": round(loss, 6)}) for step, loss in enumerate(losses, start=1)]
    path.write_text("\n".join(lines) + "\n")
