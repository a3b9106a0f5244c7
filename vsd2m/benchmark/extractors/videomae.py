"""VideoMAE (Tong et al., arXiv 2203.12602) features.

They are more sensitive to motion than I3D's (Ge et al., arXiv 2404.12391).
"""

import numpy as np
from numpy.typing import NDArray

from vsd2m.benchmark.extractors.base import Extractor, weights_digest
from vsd2m.benchmark.suite.clips import JudgedClip
from vsd2m.core.errors import EngineError
from vsd2m.core.registry import import_extra
from vsd2m.media.frame_indices import resize
from vsd2m.networks.torchvision_cpu import allow_torchvision_beside_cpu_torch

WEIGHTS = "videomae"
FRAMES = "loop16"
MEAN = np.array([0.485, 0.456, 0.406], np.float32)
DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)


class VideoMae(Extractor):
    """The input of the classifier's last layer: tokens of 16 frames averaged, then normalised. Any VideoMAE of
    transformers.

    It is not the VideoMAE-v2 giant of the content-debiased FVD: the hash of the weights in the protocol distinguishes
    them.
    """

    def missing(self) -> str | None:
        if self.weights.get(WEIGHTS):
            return None
        example = "MCG-NJU/videomae-base-finetuned-ssv2"
        return f"weights `{WEIGHTS}`: folder or hub id of a fine-tuned VideoMAE, such as {example}"

    @property
    def num_features(self) -> int:
        return int(self._network.config.hidden_size)

    def protocol(self) -> dict[str, str | int]:
        weights = weights_digest(self.weights.get(WEIGHTS))
        return {
            "frames": FRAMES,
            "size": "bicubic squash to the model's size, ImageNet mean and deviation",
            "extractor": "VideoMAE mean tokens",
            "weights": weights,
        }

    def setup(self) -> None:
        torch = import_extra("torch", extra="benchmark")
        allow_torchvision_beside_cpu_torch()
        transformers = import_extra("transformers", extra="benchmark")
        path = self.weights.get(WEIGHTS)
        try:
            network, report = transformers.VideoMAEForVideoClassification.from_pretrained(
                path, output_loading_info=True, dtype=torch.float32
            )
        except (OSError, ValueError) as error:
            raise EngineError(f"{WEIGHTS}: cannot load {path}: {str(error).splitlines()[0]}") from error
        if network.config.num_frames != 16 or network.fc_norm is None or report["missing_keys"]:
            raise EngineError(f"{WEIGHTS}: {path} is not a fine-tuned VideoMAE of 16 frames with mean pooling")
        self._network = network.eval()

    def features(self, clip: JudgedClip) -> NDArray[np.float32]:
        import torch

        frames = clip.frames_by(FRAMES)
        pixels = (resize(frames, self._network.config.image_size).astype(np.float32) / 255 - MEAN) / DEVIATION
        with torch.inference_mode():
            video = torch.from_numpy(pixels).permute(0, 3, 1, 2)[None].contiguous()
            tokens = self._network.videomae(video).last_hidden_state
            pooled = self._network.fc_norm(tokens.mean(dim=1))
        vector: NDArray[np.float32] = pooled[0].float().numpy()
        return vector
