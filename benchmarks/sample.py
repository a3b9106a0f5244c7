"""Seconds per sticker: diffusers' own text-to-video pipeline beside ours, same weights' shapes, in one process.

python benchmarks/sample.py --scale tiny --device cpu
python benchmarks/sample.py --scale full --device cuda --dtype bfloat16 --peak-tflops 989
"""

import argparse
import json

import torch
from generation_models import (
    LAYER_OF,
    SCALES,
    TABLE_HEAD,
    Timing,
    make_diffusers_pipeline,
    make_pipeline,
    measure,
)

PROMPT = "cartoon\ta cat waves its paw"


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", choices=sorted(SCALES), default="tiny")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", choices=["float32", "bfloat16", "float16"], default="float32")
    parser.add_argument("--steps", type=int, default=25)
    parser.add_argument("--guidance", type=float, default=7.5)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--compile", action="store_true", help="also time ours compiled")
    parser.add_argument("--peak-tflops", type=float, help="of the device at this dtype, for MFU")
    parser.add_argument("--json", help="file for the raw seconds")
    return parser.parse_args()


def main() -> None:
    arguments = parse()
    torch.manual_seed(0)
    scale, dtype = SCALES[arguments.scale], getattr(torch, arguments.dtype)
    settings = {"num_inference_steps": arguments.steps, "guidance_scale": arguments.guidance}
    timings = [time_diffusers(arguments, scale, dtype, settings)]
    timings += [time_ours(arguments, scale, dtype, settings, layer, compiled=False) for layer in LAYER_OF]
    if arguments.compile:
        timings.append(time_ours(arguments, scale, dtype, settings, "sti", compiled=True))
    report(arguments, timings)


def time_diffusers(arguments, scale, dtype, settings) -> Timing:
    pipeline = make_diffusers_pipeline(scale, device=arguments.device, dtype=dtype)

    def call():
        size = {"height": scale.size, "width": scale.size, "num_frames": scale.num_frames}
        pipeline(PROMPT, output_type="pt", generator=torch.Generator().manual_seed(0), **size, **settings)

    return measure("diffusers TextToVideoSDPipeline", call, repeats=arguments.repeats, device=arguments.device)


def time_ours(arguments, scale, dtype, settings, layer, *, compiled) -> Timing:
    pipeline = make_pipeline(scale, temporal_layer=layer, device=arguments.device, dtype=dtype)
    if compiled:
        pipeline.unet.compile(fullgraph=True)
    name = f"ours, {LAYER_OF[layer]}{', compiled' if compiled else ''}"
    call = lambda: pipeline([PROMPT], seeds=[0], **settings)  # noqa: E731
    return measure(name, call, repeats=arguments.repeats, device=arguments.device)


def report(arguments, timings: list[Timing]) -> None:
    device = torch.cuda.get_device_name() if arguments.device.startswith("cuda") else "CPU"
    print(
        f"One sticker at batch 1, scale {arguments.scale}, {arguments.steps} DDIM steps, guidance, {arguments.dtype},"
    )
    print(f"{device}, torch {torch.__version__}, {torch.get_num_threads()} threads, {arguments.repeats} calls.\n")
    print(TABLE_HEAD)
    peak = arguments.peak_tflops * 1e12 if arguments.peak_tflops else None
    for timing in timings:
        print(timing.row(timings[0], peak))
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump({timing.name: timing.seconds for timing in timings}, file, indent=2)


if __name__ == "__main__":
    main()
