"""I3D trained on Kinetics, from one of the two files with which published FVDs were computed."""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vsd2m.benchmark.extractors.base import Extractor, weights_digest
from vsd2m.benchmark.networks.state_dicts import load_state, read_state
from vsd2m.benchmark.suite.clips import JudgedClip
from vsd2m.benchmark.suite.frame_rules import FRAME_RULES
from vsd2m.core.errors import EngineError
from vsd2m.core.registry import import_extra

WEIGHTS = "i3d_torchscript"
PYTORCH_WEIGHTS = "i3d_pytorch"
GIT_BLOB = "93daef59c7ae0e9e8f76225521407e60cbafa6aa"
PYTORCH_GIT_BLOB = "a867b87ac3a9097d200598b1d48a1b890d8ec744"
FRAMES = "loop16"
SIDE = 224
NUM_CLASSES = 400


class I3d(Extractor):
    """400 logits of 16 frames at 224 x 224."""

    def missing(self) -> str | None:
        if self._source()[1]:
            return None
        return (
            f"weights `{WEIGHTS}`: i3d_torchscript.pt of StyleGAN-V, git blob {GIT_BLOB}; or `{PYTORCH_WEIGHTS}`: "
            f"i3d_pretrained_400.pt of TATS and cd-fvd, git blob {PYTORCH_GIT_BLOB}"
        )

    @property
    def num_features(self) -> int:
        return NUM_CLASSES

    def protocol(self) -> dict[str, str | int]:
        weights = weights_digest(self._source()[1])
        return {"frames": FRAMES, "size": f"bilinear squash {SIDE}", "extractor": "I3D logits", "weights": weights}

    def setup(self) -> None:
        import_extra("torch", extra="benchmark")
        name, path = self._source()
        self._network = load_torchscript(path) if name == WEIGHTS else load_folded(path)

    def features(self, clip: JudgedClip) -> NDArray[np.float32]:
        """The input is -1..1, [1, 3, 16, 224, 224]."""
        return self.logits(preprocess(clip.frames, FRAME_RULES[FRAMES](len(clip.frames))))

    def logits(self, video: Any) -> NDArray[np.float32]:
        """float32 [400] of a tensor [1, 3, T, 224, 224] of -1..1, T >= 9."""
        import torch

        with torch.inference_mode():
            logits = self._network(video)
        vector: NDArray[np.float32] = logits[0].float().numpy()
        return vector

    def _source(self) -> tuple[str, str | None]:
        """The name and the path of the weights; the TorchScript file comes first."""
        sources = [(name, self.weights.get(name)) for name in (WEIGHTS, PYTORCH_WEIGHTS)]
        return next(((name, path) for name, path in sources if path), sources[0])


def preprocess(frames: NDArray[np.uint8], indices: NDArray[np.int64]) -> Any:
    """The `indices` of uint8 [T, H, W, 3] as a tensor [1, 3, len(indices), 224, 224] of -1..1, channels last.

    Bilinear and not antialiased, as in all published FVDs. A frame that is shown twice is resized once.
    """
    import torch

    distinct, places = np.unique(indices, return_inverse=True)
    pixels = torch.from_numpy(frames[distinct]).permute(0, 3, 1, 2).float()
    small = torch.nn.functional.interpolate(pixels, size=(SIDE, SIDE), mode="bilinear", align_corners=False)
    return (small / 127.5 - 1)[torch.from_numpy(places)].transpose(0, 1)[None]


def load_torchscript(path: str | None) -> Any:
    """The published TorchScript file as a function of clips -1..1 to logits; `EngineError` for any other file."""
    import torch

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # the published file is TorchScript
            network = torch.jit.load(path, map_location="cpu").eval()
    except (RuntimeError, ValueError, OSError) as error:
        raise EngineError(f"{WEIGHTS}: {path} is not a TorchScript file: {str(error).splitlines()[0]}") from error
    return lambda video: network(video.contiguous(), rescale=False, resize=False, return_features=True)


def load_folded(path: str | None) -> Any:
    """Our network with the tensors of the published file, folded; `EngineError` if they do not match it exactly."""
    state = read_state(path, name=PYTORCH_WEIGHTS)
    from vsd2m.benchmark.networks.i3d import I3dNetwork

    return load_state(I3dNetwork(), state, name=PYTORCH_WEIGHTS, path=path).fold()
