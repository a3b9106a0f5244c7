"""The interface of temporal layers, and their registry.

A layer follows every spatial ResNet block of the UNet and mixes frames: a module
`forward(hidden_states [B*T, C, H, W], num_frames) -> [B*T, C, H, W]` that is the identity at the start.
"""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

TEMPORAL_LAYERS: dict[str, str] = {
    "conv": "vsd2m.generation.diffusion.layers.conv:ConvLayer",
    "alpha": "vsd2m.generation.diffusion.layers.alpha:AlphaLayer",
    "swap": "vsd2m.generation.diffusion.layers.swap:SwapLayer",
    "sti": "vsd2m.generation.diffusion.layers.sti:StiLayerKind",
    "i2vgen": "vsd2m.generation.diffusion.i2vgen:I2VGenLayers",
}


class TemporalLayerConfig(BaseModel):
    """Base of every layer's options; `layer` is its name in the registry, or `module:Class`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    layer: str


class TemporalLayer(ABC):
    """A kind of temporal layer with its options. A subclass declares them as its `Config` and adds modules to the
    network in `install`; their weights are trained, saved and loaded with the other temporal ones."""

    Config: ClassVar[type[TemporalLayerConfig]] = TemporalLayerConfig

    gates: ClassVar[tuple[str, ...]] = ()
    """Names (without those of the parent modules) of scalars that scale a branch; they are trained at
    `optimizer.gate_learning_rate`."""

    def __init__(self, config: Any) -> None:
        self.config = config

    @abstractmethod
    def install(self, unet: Any) -> None:
        """Installs the layer in a new `StickerUNetModel`, whose temporal convolutions are the stock ones."""

    def own_network(self) -> Any:
        """The class of a network that only this layer can have; None: it is installed in `StickerUNetModel`."""
        return None

    def arguments(self) -> dict[str, Any]:
        """The arguments of `StickerUNetModel` that choose this layer."""
        return {
            "temporal_layer": self.config.layer,
            "temporal_options": self.config.model_dump(mode="json", exclude={"layer"}),
        }
