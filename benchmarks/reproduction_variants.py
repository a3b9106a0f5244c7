"""Trains the temporal layers of the four variants on the same two-dimensional network, with equal budgets."""

import contextlib
import itertools
import json
import time
from collections.abc import Iterator
from pathlib import Path

VARIANTS = ("conv", "alpha", "swap", "sti")
SEEDS = (0, 1, 2)
NAMES = {"conv": "Make-A-Video", "alpha": "VideoLDM", "swap": "VideoFactory", "sti": "STI"}


def variant_config(out: Path, variant: str, seed: int, *, num_steps: int) -> dict[str, object]:
    """The training of one variant: all that is temporal, on a frozen two-dimensional network."""
    return {
        "out": str(out / "variants" / f"{variant}-{seed}"),
        "model": {
            "pretrained": str(out / "base"),
            "temporal_layer": variant,
            "sti_num_heads": 4,
            "sti_head_dim": 16,
        },
        "data": {"shards": str(out / "shards"), "num_frames": 8, "size": 64, "cache": str(out / "cache")},
        "noise": {"min_snr_gamma": None},
        "optimizer": {
            "learning_rate": 1e-3,
            "warmup_steps": 10,
            "decay": "cosine",
            "beta2": 0.99,
            "ema_decay": 0.95,
        },
        "trainable": "temporal",
        "mixed_precision": "bf16",
        "batch_size": 4,
        "num_steps": num_steps,
        "save_every": num_steps,
        "keep_last_n": 1,
        "num_threads": 1,
        "seed": seed,
    }


def train_variants(out: Path, *, num_steps: int) -> None:
    """Every variant with every seed; those that are done are left as they are."""
    for seed in SEEDS:
        for variant in VARIANTS:
            train_variant(out, variant, seed, num_steps=num_steps)


def train_variant(out: Path, variant: str, seed: int, *, num_steps: int) -> None:
    """Writes `facts.json` beside the checkpoint: weights, seconds of processor time per step, losses."""
    from vsd2m.generation.config import TrainConfig
    from vsd2m.generation.trainer import train

    config = TrainConfig.model_validate(variant_config(out, variant, seed, num_steps=num_steps))
    facts = Path(config.out) / "facts.json"
    if facts.exists():
        return
    marks: list[float] = []

    def mark(*_: float) -> None:
        marks.append(time.process_time())

    with plain_attention():
        result = train(config, on_step=mark)
    steps = sorted(after - before for before, after in itertools.pairwise(marks))
    content = {
        "variant": variant,
        "seed": seed,
        "num_steps": result.num_steps,
        "num_clips": result.num_clips,
        "num_parameters": result.num_parameters,
        "num_trained_parameters": result.num_trained_parameters,
        "cpu_seconds_per_step": steps[len(steps) // 2],
        "losses": result.losses,
    }
    facts.write_text(json.dumps(content) + "\n")
    print(
        variant,
        seed,
        f"{content['cpu_seconds_per_step']:.2f} s a step, loss {sum(result.losses[-20:]) / 20:.4f}",
        flush=True,
    )


@contextlib.contextmanager
def plain_attention() -> Iterator[None]:
    """Matrix products instead of torch's fused attention, whose backward pass is several times slower on a CPU."""
    from torch.nn.attention import SDPBackend, sdpa_kernel

    with sdpa_kernel(SDPBackend.MATH):
        yield
