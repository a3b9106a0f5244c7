"""Training samples per second: a plain diffusers loop over the stock 3D UNet compared with ours, in one process.

python measurements/speed/train.py --scale tiny --device cpu
python measurements/speed/train.py --scale full --device cuda --precision bf16 --batch-size 8 --peak-tflops 989
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import torch
from generation_models import SCALES, TABLE_HEAD, Scale, Timing, make_diffusers_pipeline, make_pipeline, measure

from vsd2m.generation.config import TrainConfig
from vsd2m.generation.data import ClipSource, TrainingClip
from vsd2m.generation.diffusion.objective import DenoisingObjective
from vsd2m.generation.diffusion.speed import use_channels_last
from vsd2m.generation.diffusion.text_states import open_text_states
from vsd2m.generation.training.codec import make_codec
from vsd2m.generation.training.latents import LatentStore, open_latents
from vsd2m.generation.training.loop import TrainingLoop

TEXT = "cartoon\ta cat waves its paw"


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", choices=sorted(SCALES), default="tiny")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--precision", choices=["no", "bf16", "fp16"], default="no")
    parser.add_argument("--batch-size", type=int, default=2)
    parser.add_argument("--checkpointing", action="store_true", help="ours with gradient checkpointing, too")
    parser.add_argument("--compile", action="store_true", help="ours compiled and channels-last, too")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--peak-tflops", type=float, help="of the device at this precision, for MFU")
    return parser.parse_args()


def main() -> None:
    arguments = parse()
    torch.manual_seed(0)
    scale = SCALES[arguments.scale]
    timings = [time_plain(arguments, scale), time_ours(arguments, scale, "conv"), time_ours(arguments, scale, "sti")]
    if arguments.checkpointing:
        timings.append(time_ours(arguments, scale, "sti", checkpointing=True))
    if arguments.compile:
        timings.append(time_ours(arguments, scale, "sti", compiled=True, flops=timings[2].flops))
    report(arguments, timings)


def time_plain(arguments: argparse.Namespace, scale: Scale) -> Timing:
    """What a short script over accelerate does: encode, add noise, predict, square, step."""
    from accelerate import Accelerator

    accelerator = Accelerator(mixed_precision=arguments.precision)
    pipeline = make_diffusers_pipeline(scale, device=arguments.device, dtype=torch.float32)
    unet = pipeline.unet.requires_grad_(True).train()
    unet, optimizer = accelerator.prepare(unet, torch.optim.AdamW(unet.parameters(), lr=1e-6))
    latents = random_latents(arguments, scale).to(arguments.device)
    tokens = pipeline.tokenizer([TEXT] * arguments.batch_size, padding="max_length", return_tensors="pt").input_ids

    def step() -> None:
        with torch.no_grad():
            states = pipeline.text_encoder(tokens.to(arguments.device)).last_hidden_state
        noise = torch.randn_like(latents)
        timesteps = torch.randint(1000, (arguments.batch_size,), device=arguments.device)
        noisy = pipeline.scheduler.add_noise(latents, noise, timesteps)
        loss = torch.nn.functional.mse_loss(unet(noisy, timesteps, states).sample, noise)
        accelerator.backward(loss)
        accelerator.clip_grad_norm_(unet.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()

    return measure("plain diffusers loop, Make-A-Video", step, repeats=arguments.repeats, device=arguments.device)


def time_ours(
    arguments: argparse.Namespace,
    scale: Scale,
    layer: str,
    *,
    checkpointing: bool = False,
    compiled: bool = False,
    flops: int | None = None,
) -> Timing:
    """A step of our trainer, reading latents and text states from its cache, averaging the weights."""
    pipeline = make_pipeline(scale, temporal_layer=layer, device=arguments.device, dtype=torch.float32)
    pipeline.unet.requires_grad_(True)
    if checkpointing:
        pipeline.unet.enable_gradient_checkpointing()
    if compiled:
        use_channels_last(pipeline.unet)
        pipeline.unet.compile()
    with tempfile.TemporaryDirectory() as folder:
        config = TrainConfig.model_validate(
            {
                "out": folder,
                "data": {"shards": "none", "num_frames": scale.num_frames, "size": scale.size},
                "model": {"pretrained": "none", "temporal_layer": layer},
                "mixed_precision": arguments.precision,
                "batch_size": arguments.batch_size,
            }
        )
        states = open_text_states(Path(folder), [TEXT], pipeline.tokenizer, pipeline.text_encoder)
        objective = DenoisingObjective(config, pipeline, random_store(Path(folder), scale, pipeline), states)
        loop = TrainingLoop(config, objective)
        extra = [word for word, on in (("checkpointing", checkpointing), ("compiled", compiled)) if on]
        name = ", ".join(["ours", layer, *extra])
        return measure(name, loop.train_step, repeats=arguments.repeats, device=arguments.device, flops=flops)


def random_latents(arguments: argparse.Namespace, scale: Scale) -> torch.Tensor:
    side = scale.size // 8
    return torch.randn(arguments.batch_size, 4, scale.num_frames, side, side)


def random_store(folder: Path, scale: Scale, pipeline: object) -> LatentStore:
    """Sixteen clips of noise, encoded."""
    generator = np.random.default_rng(0)
    shape = (scale.num_frames, 3, scale.size, scale.size)
    clips = [
        TrainingClip(f"{number:032x}", TEXT, generator.integers(0, 256, shape, np.uint8), np.ones(shape[0], bool))
        for number in range(16)
    ]
    return open_latents(folder, ClipSource("noise", lambda: clips), make_codec(pipeline.vae, 1), "benchmark")


def report(arguments: argparse.Namespace, timings: list[Timing]) -> None:
    device = torch.cuda.get_device_name() if arguments.device == "cuda" else "CPU"
    print(f"One optimiser step of {arguments.batch_size} clips, scale {arguments.scale}, {arguments.precision},")
    print(f"{device}, torch {torch.__version__}, {torch.get_num_threads()} threads, {arguments.repeats} steps.\n")
    print(TABLE_HEAD)
    peak = arguments.peak_tflops * 1e12 if arguments.peak_tflops else None
    for timing in timings:
        print(timing.row(timings[0], peak))


if __name__ == "__main__":
    main()
