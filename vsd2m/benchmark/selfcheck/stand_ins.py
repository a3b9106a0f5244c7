"""Random weights in the file formats of published checkpoints, and clips as inputs.

Their numbers are meaningless; they show that two programs agree, and that a loader accepts the format.
"""

import gzip
import json
import warnings
from importlib import util
from pathlib import Path
from typing import Any

import numpy as np

from vsd2m.benchmark.suite.clips import JudgedClip
from vsd2m.core.errors import MissingExtraError
from vsd2m.core.registry import import_extra
from vsd2m.networks.torchvision_cpu import allow_torchvision_beside_cpu_torch

NUM_CLIP_MERGES = 49152 - 256 - 2
SMALL = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
SMALL_FAST_VQA: dict[str, Any] = {"width": 12, "depths": (2, 2), "num_heads": (3, 6), "window": (2, 3, 3)}


def moving_clip(
    seed: int, *, num_frames: int = 8, height: int = 40, width: int = 56, prompt: str | None = None
) -> JudgedClip:
    """A coloured disc moving over a coloured background: smooth, unlike noise, and different for every seed."""
    chance = np.random.default_rng(seed)
    ground, disc = chance.integers(0, 256, (2, 3))
    start, step = chance.uniform(0.2, 0.8, 2), chance.uniform(-0.06, 0.06, 2)
    rows, columns = np.mgrid[:height, :width] / np.array([height, width])[:, None, None]
    frames = np.empty((num_frames, height, width, 3), np.uint8)
    for t in range(num_frames):
        inside = np.hypot(rows - start[0] - t * step[0], columns - start[1] - t * step[1]) < 0.25
        frames[t] = np.where(inside[..., None], disc, ground)
    return JudgedClip(f"moving disc {seed}", frames, prompt)


def randomised(network: Any, *, seed: int = 0) -> Any:
    """The network with weights that preserve a signal through many layers, and non-trivial normalisations."""
    torch = import_extra("torch", extra="benchmark")
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in network.state_dict().items():
            if not value.is_floating_point():
                continue
            values = torch.randn(value.shape, generator=generator)
            if name.endswith("running_var"):
                value.copy_(0.5 + values.abs())
            elif value.dim() > 1 and "table" not in name:
                value.copy_(values * (2 / value[0].numel()) ** 0.5)
            else:
                value.copy_(values * 0.1 + float(value.dim() == 1 and name.endswith("weight")))
    return network.eval()


def write_i3d(path: Path) -> str:
    """Like `i3d_pretrained_400.pt`: a state dict."""
    torch = import_extra("torch", extra="benchmark")
    from vsd2m.benchmark.networks.i3d import I3dNetwork

    torch.save(randomised(I3dNetwork()).state_dict(), path)
    return str(path)


def write_i3d_torchscript(path: Path) -> str:
    """Like `i3d_torchscript.pt`: called with `rescale`, `resize` and `return_features`. With one convolution."""
    torch = import_extra("torch", extra="benchmark")
    network = type("Network", (torch.nn.Module,), {})()  # a new type: its script is defined once, below
    network.convolution = randomised(torch.nn.Conv3d(3, 400, 8, 8))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the published file is TorchScript
        script = torch.jit.script(network)
        script.define(
            "def forward(self, x, rescale: bool, resize: bool, return_features: bool):\n"
            "    return self.convolution(x).mean([2, 3, 4])\n"
        )
        script.save(str(path))
    return str(path)


def write_fast_vqa(path: Path, **sizes: Any) -> str:
    """Like FAST-VQA's and FasterVQA's checkpoints: a state dict under `state_dict`; full size by default."""
    torch = import_extra("torch", extra="benchmark")
    from vsd2m.benchmark.networks.fast_vqa import FastVqaNetwork

    torch.save({"state_dict": randomised(FastVqaNetwork(**sizes)).state_dict()}, path)
    return str(path)


def write_videomae_v2(path: Path, *, width: int = 32, depth: int = 2, patch: int = 56) -> str:
    """Like `vit_g_hybrid_pt_1200e_ssv2_ft.pth`: a state dict under `module`, with its names, of a small network."""
    torch = import_extra("torch", extra="benchmark")
    hidden = width * 48 // 11
    shapes: dict[str, tuple[int, ...]] = {
        "patch_embed.proj.weight": (width, 3, 2, patch, patch),
        "patch_embed.proj.bias": (width,),
    }
    for i in range(depth):
        shapes |= {
            f"blocks.{i}.norm1.weight": (width,),
            f"blocks.{i}.norm1.bias": (width,),
            f"blocks.{i}.attn.q_bias": (width,),
            f"blocks.{i}.attn.v_bias": (width,),
            f"blocks.{i}.attn.qkv.weight": (3 * width, width),
            f"blocks.{i}.attn.proj.weight": (width, width),
            f"blocks.{i}.attn.proj.bias": (width,),
            f"blocks.{i}.norm2.weight": (width,),
            f"blocks.{i}.norm2.bias": (width,),
            f"blocks.{i}.mlp.fc1.weight": (hidden, width),
            f"blocks.{i}.mlp.fc1.bias": (hidden,),
            f"blocks.{i}.mlp.fc2.weight": (width, hidden),
            f"blocks.{i}.mlp.fc2.bias": (width,),
        }
    shapes |= {"fc_norm.weight": (width,), "fc_norm.bias": (width,), "head.weight": (174, width), "head.bias": (174,)}
    generator = torch.Generator().manual_seed(0)
    tensors = {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}
    scaled = {
        name: v / v[0].numel() ** 0.5 if v.dim() > 1 else 0.1 * v + ("norm" in name) for name, v in tensors.items()
    }
    torch.save({"module": scaled}, path)
    return str(path)


def write_clip(folder: Path) -> str:
    """Like openai/clip-vit-base-patch32 on the hub: config, safetensors, tokenizer, preprocessor; a small network."""
    import_extra("torch", extra="benchmark")
    allow_torchvision_beside_cpu_torch()
    transformers = import_extra("transformers", extra="benchmark")
    config = transformers.CLIPConfig(
        text_config={**SMALL, "vocab_size": NUM_CLIP_MERGES + 514, "eos_token_id": NUM_CLIP_MERGES + 513},
        vision_config={**SMALL, "image_size": 32, "patch_size": 8},
        projection_dim=16,
    )
    randomised(transformers.CLIPModel(config)).save_pretrained(folder)
    square = {"height": 32, "width": 32}
    transformers.CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size=square).save_pretrained(folder)
    _write_clip_tokenizer(folder)
    return str(folder)


def _write_clip_tokenizer(folder: Path) -> None:
    """CLIP's 49,408 tokens, from the list in open_clip's package."""
    spec = util.find_spec("open_clip")
    if spec is None or spec.origin is None:
        raise MissingExtraError("open-clip-torch", "test")
    packed = (Path(spec.origin).parent / "bpe_simple_vocab_16e6.txt.gz").read_bytes()
    merges = gzip.decompress(packed).decode().split("\n")[1 : NUM_CLIP_MERGES + 1]
    visible = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    letters = [*map(chr, visible), *(chr(256 + number) for number in range(256 - len(visible)))]
    words = [*letters, *(f"{letter}</w>" for letter in letters), *("".join(merge.split()) for merge in merges)]
    tokens = [*words, "<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({token: number for number, token in enumerate(tokens)}))
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges]) + "\n")
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "CLIPTokenizer"}))
