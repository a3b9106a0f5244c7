"""What a temporal layer is, and the registry of them. No torch here.

A layer sits after every spatial ResNet block of the UNet and mixes frames: a module
`forward(hidden_states [B*T, C, H, W], num_frames) -> [B*T, C, H, W]` that is the identity at the start.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
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
    """A kind of temporal layer with its options. A subclass declares them as its `Config` and puts modules into the
    network in `install`; whatever weights they have are trained, saved and loaded with the other temporal ones."""

    Config: ClassVar[type[TemporalLayerConfig]] = TemporalLayerConfig

    gates: ClassVar[tuple[str, ...]] = ()
    """Names, without those of the modules around them, of single numbers that decide how much of a branch is let
    through; they are trained at `optimizer.gate_learning_rate`."""

    def __init__(self, config: Any) -> None:
        self.config = config

    @abstractmethod
    def install(self, unet: Any) -> None:
        """Puts the layer into a freshly built `StickerUNetModel`, whose temporal convolutions are the stock ones."""

    def network(self, layout: Mapping[str, Any]) -> Any:
        """The network of this layout (the arguments of `StickerUNetModel`), with random weights."""
        from vsd2m.generation.diffusion.sticker_unet import StickerUNetModel

        return StickerUNetModel(**layout, **self.arguments())

    def network_on(self, unet2d: Any) -> Any:
        """The network on the weights of a diffusers `UNet2DConditionModel`."""
        from vsd2m.generation.diffusion.sticker_unet import StickerUNetModel

        return StickerUNetModel.from_unet2d(unet2d, **self.arguments())

    def arguments(self) -> dict[str, Any]:
        """The arguments of `StickerUNetModel` that choose this layer."""
        return {
            "temporal_layer": self.config.layer,
            "temporal_options": self.config.model_dump(mode="json", exclude={"layer"}),
        }
