"""The paper's VQA: the quality of a clip as judged by people, predicted by FAST-VQA (Wu et al., arXiv 2207.02595)."""

from typing import Any, ClassVar

import numpy as np

from vsd2m.benchmark.extractors.base import weights_digest
from vsd2m.benchmark.metric import ClipMetric
from vsd2m.benchmark.networks.fast_vqa_fragments import FAST_VQA, FragmentSetting, mosaics
from vsd2m.benchmark.networks.state_dicts import load_state, read_state
from vsd2m.benchmark.suite.clips import JudgedClip
from vsd2m.core.keys import sticker_key
from vsd2m.core.registry import import_extra

MEAN = (123.675, 116.28, 103.53)
DEVIATION = (58.395, 57.12, 57.375)


class VideoQuality(ClipMetric):
    """FAST-VQA's score, 0 to 1. It uses only every second frame of a clip of 8 frames.

    The fragments' positions are derived from the clip's pixels, so a clip's score is reproducible.
    """

    name = "video_quality"
    better = "higher"
    setting: ClassVar[FragmentSetting] = FAST_VQA
    weights_name: ClassVar[str] = "fast_vqa"
    weights_file: ClassVar[str] = "FAST-VQA-B's published checkpoint"

    def missing(self) -> str | None:
        return None if self.weights.get(self.weights_name) else f"weights `{self.weights_name}`: {self.weights_file}"

    def protocol(self) -> dict[str, str | int]:
        return {
            "frames": f"{self.setting.num_clips} x 32, fragments move after {self.setting.frames_per_place}",
            "size": "7 x 7 fragments of 32, smaller clips enlarged",
            "places": "drawn from the clip's pixels",
            "weights": weights_digest(self.weights.get(self.weights_name)),
        }

    def setup(self) -> None:
        import_extra("torch", extra="benchmark")
        from vsd2m.benchmark.networks.fast_vqa import FastVqaNetwork

        self._network = load_weights(FastVqaNetwork(), self.weights.get(self.weights_name), name=self.weights_name)

    def measure(self, clip: JudgedClip) -> float | None:
        import torch

        chance = np.random.default_rng(int(sticker_key(clip.frames.tobytes()), 16))
        fragments = torch.from_numpy(mosaics(clip.frames, self.setting, chance))
        pixels = (
            ((fragments.float() - torch.tensor(MEAN)) / torch.tensor(DEVIATION)).permute(0, 4, 1, 2, 3).contiguous()
        )
        with torch.inference_mode():
            raw = float(self._network(pixels).mean())
        return self.setting.shown_score(raw)


def load_weights(network: Any, path: str | None, *, name: str) -> Any:
    """The network with the weights of a checkpoint, its tensors at the top level or under `state_dict`, in evaluation
    mode.

    `EngineError` if the file cannot be read, or its tensors do not match the network exactly.
    """
    checkpoint = read_state(path, name=name)
    state = checkpoint.get("state_dict", checkpoint) if isinstance(checkpoint, dict) else checkpoint
    return load_state(network, state, name=name, path=path)
