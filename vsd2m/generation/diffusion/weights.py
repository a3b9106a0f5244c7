"""Loading a 2D network's weights into a video network."""

from collections.abc import Mapping

import torch

from vsd2m.core.errors import ConfigError
from vsd2m.generation.diffusion.temporal_weights import TemporalWeightsMixin


def load_spatial(model: TemporalWeightsMixin, weights: Mapping[str, torch.Tensor]) -> None:
    """Loads a 2D network's weights into a video network, from which only temporal weights may be missing.

    A projection that is a 1x1 convolution in one network and a matrix in the other (Stable Diffusion 1.x and 2.x) is
    reshaped. `ConfigError` if any other weight is missing, unexpected or has another shape.
    """
    state = model.state_dict()
    fitting = {name: _reshaped(tensor, state[name]) if name in state else tensor for name, tensor in weights.items()}
    mismatched = [name for name, tensor in fitting.items() if name not in state or tensor.shape != state[name].shape]
    missing = [name for name in state if name not in weights and not model.is_temporal(name)]
    if mismatched or missing:
        raise ConfigError(
            f"the 2D network does not fit {type(model).__name__}: {len(missing)} weights are missing and "
            f"{len(mismatched)} are unexpected or have another shape, such as {(missing + mismatched)[0]}"
        )
    model.load_state_dict(fitting, strict=False)


def _reshaped(tensor: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    is_1x1 = tensor.ndim == 4 and tensor.shape[2:] == (1, 1)
    return tensor[:, :, 0, 0] if is_1x1 and like.ndim == 2 else tensor
