"""The VideoMAE-v2 (Wang et al., arXiv 2303.16727) of the content-debiased FVD (Ge et al., arXiv 2404.12391).

The public file is the giant fine-tuned on Something-Something v2; it runs in transformers' class, with renamed tensors.
D dimensions of a token.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vsd2m.benchmark.extractors.base import Extractor, weights_digest
from vsd2m.benchmark.networks.state_dicts import not_expected, read_state
from vsd2m.benchmark.suite.clips import JudgedClip
from vsd2m.core.registry import import_extra
from vsd2m.networks.torchvision_cpu import allow_torchvision_beside_cpu_torch

WEIGHTS = "videomae_v2"
FILE = "vit_g_hybrid_pt_1200e_ssv2_ft.pth"
FRAMES = "loop16"
SIDE = 224
NUM_HEADS = 16
EPSILON = 1e-6
RENAMED = {
    "norm1": "layernorm_before",
    "norm2": "layernorm_after",
    "attn.proj": "attention.output.dense",
    "mlp.fc1": "intermediate.dense",
    "mlp.fc2": "output.dense",
}


class VideoMaeV2(Extractor):
    """1,408 features: tokens of 16 frames at 224 x 224 averaged, then normalised."""

    num_heads = NUM_HEADS

    def missing(self) -> str | None:
        return None if self.weights.get(WEIGHTS) else f"weights `{WEIGHTS}`: {FILE} of VideoMAE-v2, as cd-fvd takes it"

    @property
    def num_features(self) -> int:
        return int(self._network.config.hidden_size)

    def protocol(self) -> dict[str, str | int]:
        return {
            "frames": FRAMES,
            "size": f"bilinear squash {SIDE}, 0..1",
            "extractor": "VideoMAE-v2 mean tokens",
            "weights": weights_digest(self.weights.get(WEIGHTS)),
        }

    def setup(self) -> None:
        import_extra("torch", extra="benchmark")
        path = self.weights.get(WEIGHTS)
        checkpoint = read_state(path, name=WEIGHTS)
        try:
            state = next((checkpoint[key] for key in ("model", "module") if key in checkpoint), checkpoint)
            self._network, self._norm = build(state, num_heads=self.num_heads)
        except (RuntimeError, KeyError, TypeError, ValueError) as error:
            raise not_expected(WEIGHTS, path, error) from error

    def features(self, clip: JudgedClip) -> NDArray[np.float32]:
        """The input is 0..1 without normalisation, as for the published number."""
        import torch

        frames = clip.frames_by(FRAMES)
        pixels = torch.from_numpy(frames).permute(0, 3, 1, 2).float() / 255
        small = torch.nn.functional.interpolate(pixels, size=(SIDE, SIDE), mode="bilinear", align_corners=False)
        with torch.inference_mode():
            tokens = self._network(small[None]).last_hidden_state
            vector: NDArray[np.float32] = self._norm(tokens.mean(dim=1))[0].numpy()
        return vector


def build(state: Mapping[str, Any], *, num_heads: int) -> tuple[Any, Any]:
    """transformers' VideoMAE of the sizes that the public tensors have, and the normalisation [D] after it.

    `RuntimeError` or `KeyError` if tensors are missing, too many, or of other shapes.
    """
    import torch

    allow_torchvision_beside_cpu_torch()
    transformers = import_extra("transformers", extra="benchmark")
    width, _, tubelet, patch, _ = state["patch_embed.proj.weight"].shape
    config = transformers.VideoMAEConfig(
        image_size=SIDE,
        patch_size=patch,
        tubelet_size=tubelet,
        num_frames=16,
        hidden_size=width,
        num_hidden_layers=1 + max(int(name.split(".")[1]) for name in state if name.startswith("blocks.")),
        num_attention_heads=num_heads,
        intermediate_size=len(state["blocks.0.mlp.fc1.bias"]),
        layer_norm_eps=EPSILON,
        use_mean_pooling=True,
    )
    network = transformers.VideoMAEModel(config).eval()
    network.load_state_dict(as_transformers(state))
    norm = torch.nn.LayerNorm(width, eps=EPSILON)
    norm.load_state_dict({"weight": state["fc_norm.weight"], "bias": state["fc_norm.bias"]})
    return network, norm


def as_transformers(state: Mapping[str, Any]) -> dict[str, Any]:
    """The public tensors under transformers' names; without the classifier and its normalisation."""
    renamed = {}
    for name, value in state.items():
        if name.startswith("patch_embed.proj."):
            renamed[f"embeddings.patch_embeddings.projection.{name.rpartition('.')[2]}"] = value
        elif name.startswith("blocks."):
            number, _, rest = name.removeprefix("blocks.").partition(".")
            renamed |= {f"encoder.layer.{number}.{new}": part for new, part in _of_block(rest, value).items()}
        elif not name.startswith(("fc_norm.", "head.")):
            raise KeyError(f"tensor {name} is not one of VideoMAE-v2's")
    return renamed


def _of_block(name: str, value: Any) -> dict[str, Any]:
    if name == "attn.qkv.weight":
        parts = zip(("query", "key", "value"), value.chunk(3), strict=True)
        return {f"attention.attention.{part}.weight": rows for part, rows in parts}
    if name in ("attn.q_bias", "attn.v_bias"):
        return {f"attention.attention.{'query' if name == 'attn.q_bias' else 'value'}.bias": value}
    layer, _, kind = name.rpartition(".")
    return {f"{RENAMED[layer]}.{kind}": value}
