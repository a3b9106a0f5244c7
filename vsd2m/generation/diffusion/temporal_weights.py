"""Training, saving and loading the temporal weights of a video network: 0.55 B weights instead of 1.4 B."""

import json
from pathlib import Path
from typing import Any

from torch import nn

from vsd2m.core.errors import EngineError

IMAGE_MODULES = (
    "image_latents_proj_in",
    "image_latents_temporal_encoder",
    "image_latents_context_embedding",
    "context_embedding",
    "fps_embedding",
)
"""I2VGen-XL's layers for images and for the frame rate, which no 2D network has either."""

TEMPORAL_MODULES = ("temp_convs", "temp_attentions", "transformer_in", *IMAGE_MODULES)
"""Names of the modules of a block, or of the UNet, that mix frames; everything else is the 2D network."""


class TemporalWeightsMixin(nn.Module):  # type: ignore[misc]
    """For diffusers' 3D UNets: their temporal modules have known names; modules that a layer added elsewhere are
    recorded."""

    added_weights: frozenset[str] = frozenset()
    """Names of the weights that the temporal layer added."""

    gates: tuple[str, ...] = ()
    """Names of its gates: `TemporalLayer.gates`."""

    def is_temporal(self, name: str) -> bool:
        """Whether the parameter of this name does not belong to the 2D network."""
        return name in self.added_weights or any(part in TEMPORAL_MODULES for part in name.split("."))

    def temporal_parameters(self, *, convolutions_only: bool = False) -> dict[str, nn.Parameter]:
        """The parameters that mix frames, by name; with `convolutions_only` those of the layers after the
        ResNets and those that the layer added elsewhere."""
        return {
            name: parameter
            for name, parameter in self.named_parameters()
            if self.is_temporal(name) and not (convolutions_only and _is_beside_the_convolutions(name))
        }

    def freeze_spatial(self, *, convolutions_only: bool = False) -> None:
        """Trains the temporal layers only; with `convolutions_only` those after the ResNets, as the paper does."""
        self.requires_grad_(False)
        for parameter in self.temporal_parameters(convolutions_only=convolutions_only).values():
            parameter.requires_grad_(True)

    def save_temporal(self, path: str | Path) -> None:
        """Writes the temporal weights to one safetensors file, with their config."""
        from safetensors.torch import save_file

        weights = {name: tensor.contiguous() for name, tensor in self.state_dict().items() if self.is_temporal(name)}
        save_file(weights, str(path), metadata={"config": json.dumps(temporal_config(self.config), sort_keys=True)})

    def load_temporal(self, path: str | Path) -> None:
        """Loads a file of `save_temporal`; `EngineError` if it is missing or belongs to another kind of model."""
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(str(path), framework="pt") as file:
                saved = json.loads((file.metadata() or {}).get("config", "{}"))
                weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
        except (OSError, SafetensorError) as error:
            raise EngineError(f"cannot read temporal weights from {path}: {error}") from error
        config = temporal_config(self.config)
        if saved != config:
            different = sorted(name for name in {**saved, **config} if saved.get(name) != config.get(name))
            raise EngineError(f"{path} contains temporal weights of another model; these settings differ: {different}")
        self.load_state_dict(weights, strict=False)


def _is_beside_the_convolutions(name: str) -> bool:
    """Whether it also mixes frames in other places than after the ResNets, as the stock network's transformers do."""
    return any(part in TEMPORAL_MODULES and part != "temp_convs" for part in name.split("."))


def temporal_config(config: Any) -> dict[str, Any]:
    """The settings that temporal weights depend on."""
    chosen = {name: config[name] for name in ("block_out_channels", "layers_per_block", "attention_head_dim")}
    chosen["temporal_layer"] = config.get("temporal_layer")
    options = config.get("temporal_options") or {}
    chosen |= {f"temporal_layer.{name}": value for name, value in options.items()}
    if config.get("num_attention_heads") is not None:
        chosen["num_attention_heads"] = config["num_attention_heads"]
    chosen["block_out_channels"] = list(chosen["block_out_channels"])
    return chosen
