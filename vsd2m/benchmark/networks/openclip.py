"""Pictures and prompts in one space, by CLIP (Radford et al., arXiv 2103.00020) or a multilingual model of its kind.

Any model of transformers that embeds both can be used: CLIP for English, ChineseCLIP, AltCLIP or SigLIP 2 for Chinese
and other languages. D dimensions.
"""

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from vsd2m.benchmark.extractors.base import weights_digest
from vsd2m.benchmark.metric import Metric, Weights
from vsd2m.benchmark.suite.clips import JudgedClip
from vsd2m.core.errors import EngineError
from vsd2m.core.registry import import_extra
from vsd2m.networks.torchvision_cpu import allow_torchvision_beside_cpu_torch

WEIGHTS = "clip"
FRAMES = "spread8"


class ClipEncoder:
    """The averaged unit vectors of 8 frames, and the unit vectors of prompts; their product is the mean cosine."""

    def __init__(self, weights: Weights) -> None:
        self._path = weights.get(WEIGHTS)

    def missing(self) -> str | None:
        if self._path:
            return None
        return (
            f"weights `{WEIGHTS}`: folder or hub id of a CLIP model, such as openai/clip-vit-base-patch32, or for "
            "Chinese prompts OFA-Sys/chinese-clip-vit-base-patch16, for many languages google/siglip2-base-patch16-224"
        )

    def protocol(self) -> dict[str, str | int]:
        return {"frames": FRAMES, "extractor": "mean of image features", "weights": weights_digest(self._path)}

    def setup(self) -> None:
        torch = import_extra("torch", extra="benchmark")
        allow_torchvision_beside_cpu_torch()
        transformers = import_extra("transformers", extra="benchmark")
        try:
            model = transformers.AutoModel.from_pretrained(self._path, dtype=torch.float32)
            self.tokenizer = transformers.AutoTokenizer.from_pretrained(self._path)
            self.processor = transformers.AutoImageProcessor.from_pretrained(self._path, backend="pil")
        except (OSError, ValueError, KeyError) as error:
            raise EngineError(f"{WEIGHTS}: cannot load {self._path}: {str(error).splitlines()[0]}") from error
        if not (hasattr(model, "get_image_features") and hasattr(model, "get_text_features")):
            raise EngineError(f"{WEIGHTS}: {self._path} is a {type(model).__name__}; expected a CLIP-like model")
        self.model = model.eval()
        # SigLIP's text network reads its last token, so padding must be as in its training.
        self._padding = "max_length" if model.config.model_type.startswith("siglip") else False

    def picture(self, clip: JudgedClip) -> NDArray[np.float32]:
        """[D], of length 1 at most."""
        frames = clip.frames_by(FRAMES)
        vectors: NDArray[np.float32] = self.frames(frames).mean(axis=0)
        return vectors

    def frames(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Unit vectors [T, D] of uint8 [T, H, W, 3]."""
        return _unit(self.model.get_image_features, self.processor(list(frames), return_tensors="pt"))

    def text(self, prompt: str) -> NDArray[np.float32]:
        """A unit vector [D]; prompts that are too long are truncated."""
        longest = self.model.config.text_config.max_position_embeddings
        tokens = self.tokenizer(
            [prompt], truncation=True, max_length=longest, padding=self._padding, return_tensors="pt"
        )
        vector: NDArray[np.float32] = _unit(self.model.get_text_features, tokens)[0]
        return vector


class EncodedMetric(Metric):
    """A metric that compares pictures with prompts through one `ClipEncoder`."""

    reading: ClassVar[str]
    """How it uses the vectors, for the protocol."""

    def __init__(self, weights: Weights) -> None:
        super().__init__(weights)
        self.encoder = ClipEncoder(weights)

    def missing(self) -> str | None:
        return self.encoder.missing()

    def protocol(self) -> dict[str, str | int]:
        return {**self.encoder.protocol(), "reading": self.reading}

    def setup(self) -> None:
        self.encoder.setup()


def _unit(encode: Any, inputs: Any) -> NDArray[np.float32]:
    import torch

    with torch.inference_mode():
        vectors = encode(**inputs).pooler_output
        normalised: NDArray[np.float32] = torch.nn.functional.normalize(vectors, dim=-1).numpy()
    return normalised
