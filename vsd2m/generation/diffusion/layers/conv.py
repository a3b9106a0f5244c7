"""Make-A-Video (arXiv 2209.14792): a stack of 3x1x1 convolutions over the frames, as in the stock 3D UNet."""

from typing import Any

from diffusers.models.resnet import TemporalConvLayer

from vsd2m.generation.temporal_layers import TemporalLayer


class ConvLayer(TemporalLayer):
    """The stock temporal convolutions."""

    def install(self, unet: Any) -> None:
        """Changes nothing."""


def identity_layer(stock: Any) -> TemporalConvLayer:
    """A new temporal convolution of the shape of `stock`, initialised as the identity."""
    return TemporalConvLayer(**dimensions(stock))


def dimensions(stock: Any) -> dict[str, Any]:
    """The constructor's arguments for a layer of the shape of `stock`."""
    return {
        "in_dim": stock.in_dim,
        "out_dim": stock.out_dim,
        "dropout": stock.conv2[2].p,
        "norm_num_groups": stock.conv1[0].num_groups,
    }


def temporal_blocks(unet: Any) -> list[Any]:
    """The UNet's blocks with temporal layers, from the input to the output."""
    return [*unet.down_blocks, unet.mid_block, *unet.up_blocks]
