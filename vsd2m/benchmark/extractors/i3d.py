"""The I3D of StyleGAN-V's TorchScript file: the network of most published FVDs."""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vsd2m.benchmark.clips import JudgedClip
from vsd2m.benchmark.extractor import Extractor, weights_digest
from vsd2m.benchmark.frame_rules import FRAME_RULES
from vsd2m.core.errors import EngineError
from vsd2m.core.registry import import_extra

WEIGHTS = "i3d_torchscript"
GIT_BLOB = "93daef59c7ae0e9e8f76225521407e60cbafa6aa"
FRAMES = "loop16"
SIDE = 224


class I3d(Extractor):
    """400 logits of 16 frames at 224 x 224."""

    def missing(self) -> str | None:
        if self.weights.get(WEIGHTS):
            return None
        return f"weights `{WEIGHTS}`: i3d_torchscript.pt of StyleGAN-V, git blob {GIT_BLOB}"

    def protocol(self) -> dict[str, str | int]:
        found = weights_digest(self.weights.get(WEIGHTS))
        return {"frames": FRAMES, "size": f"bilinear squash {SIDE}", "extractor": "I3D logits", "weights": found}

    def setup(self) -> None:
        torch = import_extra("torch", extra="benchmark")
        path = self.weights.get(WEIGHTS)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # the published file is TorchScript
                self._network = torch.jit.load(path, map_location="cpu").eval()
        except (RuntimeError, ValueError, OSError) as error:
            raise EngineError(f"{WEIGHTS}: {path} is no TorchScript file: {str(error).splitlines()[0]}") from error

    def features(self, clip: JudgedClip) -> NDArray[np.float32]:
        """Pixels go in as -1..1, [1, 3, 16, 224, 224]."""
        import torch

        shown = clip.frames[FRAME_RULES[FRAMES](len(clip.frames))]
        video = torch.from_numpy(shown).permute(0, 3, 1, 2).float() / 127.5 - 1
        video = torch.nn.functional.interpolate(video, size=(SIDE, SIDE), mode="bilinear", align_corners=False)
        return self.logits(video.permute(1, 0, 2, 3)[None].contiguous())

    def logits(self, video: Any) -> NDArray[np.float32]:
        """float32 [400] of a tensor [1, 3, T, 224, 224] of -1..1, T >= 9."""
        import torch

        with torch.inference_mode():
            logits = self._network(video, rescale=False, resize=False, return_features=True)
        vector: NDArray[np.float32] = logits[0].float().numpy()
        return vector
