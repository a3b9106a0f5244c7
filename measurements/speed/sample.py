"""Seconds per sticker: diffusers' own text-to-video pipeline compared with ours, same weight shapes, in one process.

python measurements/speed/sample.py --scale tiny --device cpu
python measurements/speed/sample.py --scale tiny --device cpu --levers
python measurements/speed/sample.py --scale full --device cuda --dtype bfloat16 --levers --peak-tflops 989

`--levers` times only STI, first without optimisations, then with one more at a time, in the order below.
"""

import argparse
import contextlib
import json
from collections.abc import Iterator
from unittest import mock

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

from vsd2m.generation.diffusion import pipeline as pipeline_module
from vsd2m.generation.diffusion.layers import frame_conv, text_attention
from vsd2m.generation.diffusion.pipeline import StickerPipeline
from vsd2m.generation.diffusion.speed import compile_denoiser, use_channels_last

PROMPT = "cartoon\ta cat waves its paw"


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", choices=sorted(SCALES), default="tiny")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", choices=["float32", "bfloat16", "float16"], default="float32")
    parser.add_argument("--steps", type=int, default=25)
    parser.add_argument("--guidance", type=float, default=7.5)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--compile", choices=["default", "graphs"], help="also time ours compiled")
    parser.add_argument("--levers", action="store_true", help="time STI with one lever more at a time")
    parser.add_argument("--peak-tflops", type=float, help="of the device at this dtype, for MFU")
    parser.add_argument("--json", help="file for the raw seconds")
    return parser.parse_args()


def main() -> None:
    arguments = parse()
    torch.manual_seed(0)
    scale, dtype = SCALES[arguments.scale], getattr(torch, arguments.dtype)
    settings = {"num_inference_steps": arguments.steps, "guidance_scale": arguments.guidance}
    timings = [time_diffusers(arguments, scale, dtype, settings)]
    if arguments.levers:
        timings += time_levers(arguments, scale, dtype, settings)
    else:
        timings += [time_ours(arguments, scale, dtype, settings, layer) for layer in LAYER_OF]
        if arguments.compile:
            timings.append(time_compiled(arguments, scale, dtype, settings, flops=timings[-1].flops))
    report(arguments, timings)


def time_diffusers(arguments, scale, dtype, settings) -> Timing:
    pipeline = make_diffusers_pipeline(scale, device=arguments.device, dtype=dtype)

    def call():
        size = {"height": scale.size, "width": scale.size, "num_frames": scale.num_frames}
        pipeline(PROMPT, output_type="pt", generator=torch.Generator().manual_seed(0), **size, **settings)

    return measure("diffusers TextToVideoSDPipeline", call, repeats=arguments.repeats, device=arguments.device)


def time_ours(arguments, scale, dtype, settings, layer) -> Timing:
    pipeline = make_pipeline(scale, temporal_layer=layer, device=arguments.device, dtype=dtype)
    return time_pipeline(arguments, f"ours, {LAYER_OF[layer]}", pipeline, settings)


def time_compiled(arguments, scale, dtype, settings, *, flops: int) -> Timing:
    """STI with everything on; `flops` are those of unmodified STI."""
    pipeline = make_pipeline(scale, temporal_layer="sti", device=arguments.device, dtype=dtype)
    use_channels_last(pipeline.unet)
    compile_denoiser(pipeline.unet, arguments.compile)
    name = f"ours, STI, channels last, compiled ({arguments.compile})"
    return time_pipeline(arguments, name, pipeline, settings, flops=flops)


def time_pipeline(arguments, name: str, pipeline: StickerPipeline, settings, flops: int | None = None) -> Timing:
    call = lambda: pipeline([PROMPT], seeds=[0], **settings)  # noqa: E731
    return measure(name, call, repeats=arguments.repeats, device=arguments.device, flops=flops)


def time_levers(arguments, scale, dtype, settings) -> list[Timing]:
    """STI with no lever, then with one more at a time."""
    pipeline = make_pipeline(scale, temporal_layer="sti", device=arguments.device, dtype=dtype)
    timings = []
    with contextlib.ExitStack() as off:
        for lever in (text_per_frame, guidance_apart):
            off.enter_context(lever(pipeline))
        frame_conv.uninstall(pipeline.unet)
        timings.append(time_pipeline(arguments, "ours, STI, no lever", pipeline, settings))
        frame_conv.install(pipeline.unet)
        timings.append(time_pipeline(arguments, "+ frame convolutions as 2D ones", pipeline, settings))
    with text_per_frame(pipeline):
        timings.append(time_pipeline(arguments, "+ both halves of guidance in one batch", pipeline, settings))
    with mock.patch.object(pipeline_module, "text_projected", lambda *_: contextlib.nullcontext()):
        timings.append(time_pipeline(arguments, "+ text projected per clip, not per frame", pipeline, settings))
    timings.append(time_pipeline(arguments, "+ text projected once for all steps", pipeline, settings))
    use_channels_last(pipeline.unet)
    timings.append(time_pipeline(arguments, "+ channels last", pipeline, settings))
    if arguments.compile:
        compile_denoiser(pipeline.unet, arguments.compile)
        flops = timings[-1].flops
        timings.append(time_pipeline(arguments, f"+ compiled ({arguments.compile})", pipeline, settings, flops=flops))
    return timings


@contextlib.contextmanager
def text_per_frame(pipeline: StickerPipeline) -> Iterator[None]:
    """Inside, keys and values of the text are projected for every frame at every step, as diffusers does."""
    from diffusers.models.attention_processor import AttnProcessor2_0

    class PerFrame(AttnProcessor2_0):
        def __call__(self, attn, hidden_states, encoder_hidden_states, attention_mask=None, temb=None):
            num_frames = len(hidden_states) // len(encoder_hidden_states)
            repeated = encoder_hidden_states.repeat_interleave(num_frames, dim=0)
            return super().__call__(attn, hidden_states, repeated, attention_mask, temb)

    for attention in text_attention.text_attentions(pipeline.unet):
        attention.set_processor(PerFrame())
    try:
        yield
    finally:
        text_attention.install(pipeline.unet)


@contextlib.contextmanager
def guidance_apart(pipeline: StickerPipeline) -> Iterator[None]:
    """Inside, the network is called twice a step."""

    def predict(latents, timestep, states, guidance_scale):
        without, with_prompt = (
            pipeline.unet(latents, timestep, half, return_dict=False)[0] for half in states.chunk(2)
        )
        return without + guidance_scale * (with_prompt - without)

    pipeline.predict = predict
    try:
        yield
    finally:
        del pipeline.predict


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
