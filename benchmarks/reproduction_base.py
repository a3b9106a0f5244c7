"""The two-dimensional network of the reproduction: it learns to draw single frames, as Stable Diffusion has before the
temporal layers are put in. Writes a folder that `vsd2m train` takes as `model.pretrained`.

Letters: B batch, C channels, L tokens.
"""

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
from reproduction_data import read_subjects

from vsd2m.core.torchvision_cpu import allow_torchvision_beside_cpu_torch

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
"""How often people and hands, of whom there are many much alike, are drawn, against animals and things."""
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=Path, required=True, help="npz with `names` and `frames` [N, T, H, W, 3]")
    parser.add_argument("--words", type=Path, required=True, help="emoji-en-US.json of the package emojilib")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--decay-share", type=float, default=0.25)
    parser.add_argument("--start-from", type=Path, help="state.pt of an earlier training")
    parser.add_argument("--save-every", type=int, default=250)
    train(parser.parse_args())


def train(args: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    data = np.load(args.frames)
    subjects = read_subjects([str(name) for name in data["names"]], args.words)
    kept = [index for index, subject in enumerate(subjects) if subject.split == "train"]
    frames = data["frames"]
    families: dict[str, list[int]] = {}
    for index in kept:
        families.setdefault(subjects[index].family, []).append(index)
    groups = list(families.values())
    shares = np.array([PEOPLE_SHARE if subjects[group[0]].is_person else 1 for group in groups])
    shares = shares / shares.sum()
    rng = np.random.default_rng(1)
    tokenizer = word_tokenizer([subjects[i].caption(rng) for i in kept for _ in range(200)], TEXT)
    model, scheduler = Base(tokenizer, frames.shape[2]), build_scheduler()
    parameters = list(model.parameters())
    print(
        sum(p.numel() for p in parameters),
        sum(p.numel() for p in model.text_encoder.parameters()),
        len(tokenizer),
        len(groups),
        flush=True,
    )
    optimizer = torch.optim.AdamW(parameters, args.learning_rate, betas=(0.9, 0.99), weight_decay=0.01, fused=True)
    if args.start_from:
        model.load_state_dict(torch.load(args.start_from, weights_only=True)["model"], strict=False)
    ema = EMAModel(parameters, decay=0.998)
    args.out.mkdir(parents=True, exist_ok=True)
    state_path, step, seconds, losses = args.out / "state.pt", 0, 0.0, []
    if state_path.exists():
        state = torch.load(state_path, weights_only=True)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        ema.load_state_dict(state["ema"])
        step, seconds, losses = state["step"], state["seconds"], state["losses"]
    decay_from = args.steps * (1 - args.decay_share)
    while step < args.steps:
        started = time.process_time()
        rng = np.random.default_rng([2, step])
        torch.manual_seed(step)
        picked = [int(rng.choice(groups[g])) for g in rng.choice(len(groups), size=args.batch_size, p=shares)]
        pictures = np.stack([frames[i, rng.integers(frames.shape[1])] for i in picked])
        clean = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1
        clean = functional.pixel_unshuffle(clean, PATCH)
        texts = ["" if rng.random() < 0.1 else subjects[i].caption(rng) for i in picked]
        timesteps = torch.randint(1000, (len(picked),))
        noisy = scheduler.add_noise(clean, torch.randn_like(clean), timesteps)
        with torch.autocast("cpu", torch.bfloat16):
            predicted = model(noisy, timesteps, tokenize(tokenizer, texts))
        weights = compute_snr(scheduler, timesteps).clamp(1, 4)
        error = (predicted.float() - clean).square().mean(dim=(1, 2, 3))
        loss = (error * weights).mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        rate = min(1, (step + 1) / 100) * min(1.0, max(0.02, (args.steps - step) / max(args.steps - decay_from, 1)))
        for group in optimizer.param_groups:
            group["lr"] = args.learning_rate * rate
        optimizer.step()
        optimizer.zero_grad()
        ema.step(parameters)
        step += 1
        seconds += time.process_time() - started
        losses.append([round(float(loss.detach()), 5), round(float(error.detach().mean()), 5)])
        if step % 25 == 0:
            recent = np.mean(losses[-25:], axis=0)
            print(
                f"{step} loss {recent[0]:.4f} error {recent[1]:.4f} cpu {seconds:.0f} s at {time.strftime('%H:%M:%S')}",
                flush=True,
            )
        if step % args.save_every == 0 or step == args.steps:
            save(
                args.out,
                model,
                tokenizer,
                scheduler,
                ema,
                optimizer,
                {"step": step, "seconds": seconds, "losses": losses},
            )


def save(
    out: Path, model: Base, tokenizer: Any, scheduler: Any, ema: EMAModel, optimizer: Any, facts: dict[str, Any]
) -> None:
    """The averaged weights as a Stable Diffusion folder, and the state to go on from."""
    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "ema": ema.state_dict(), **facts}
    torch.save(state, out / "state.tmp")
    os.replace(out / "state.tmp", out / "state.pt")
    ema.store(model.parameters())
    ema.copy_to(model.parameters())
    model.unet.save_pretrained(out / "unet")
    model.text_encoder.save_pretrained(out / "text_encoder")
    tokenizer.save_pretrained(out / "tokenizer")
    scheduler.save_pretrained(out / "scheduler")
    index = {"_class_name": "StableDiffusionPipeline", "vae": [None, None], "patch_size": PATCH}
    (out / "model_index.json").write_text(json.dumps(index, indent=2) + "\n")
    ema.restore(model.parameters())


if __name__ == "__main__":
    main()
