"""Pictures and prompts in one space, by CLIP (Radford et al., arXiv 2103.00020); any CLIP of transformers."""

import numpy as np
from numpy.typing import NDArray

from vsd2m.benchmark.clips import JudgedClip
from vsd2m.benchmark.extractor import weights_digest
from vsd2m.benchmark.frame_rules import FRAME_RULES
from vsd2m.benchmark.metric import Weights
from vsd2m.core.errors import EngineError
from vsd2m.core.registry import import_extra
from vsd2m.core.torchvision_cpu import allow_torchvision_beside_cpu_torch

WEIGHTS = "clip"
FRAMES = "spread8"


class ClipEncoder:
    """Unit vectors of 8 frames, averaged, and of prompts; their product is the mean cosine over the frames."""

    def __init__(self, weights: Weights) -> None:
        self._path = weights.get(WEIGHTS)

    def missing(self) -> str | None:
        if self._path:
            return None
        return (
            f"weights `{WEIGHTS}`: folder or hub id of a CLIP model, such as openai/clip-vit-base-patch32, or of a "
            "multilingual one in CLIP's format"
        )

    def protocol(self) -> dict[str, str | int]:
        return {"frames": FRAMES, "extractor": self._path or "missing", "weights": weights_digest(self._path)}

    def setup(self) -> None:
        import_extra("torch", extra="benchmark")
        allow_torchvision_beside_cpu_torch()
        transformers = import_extra("transformers", extra="benchmark")
        try:
            self.model = transformers.CLIPModel.from_pretrained(self._path).eval()
            self.tokenizer = transformers.AutoTokenizer.from_pretrained(self._path)
            self.pictures = transformers.CLIPImageProcessorPil.from_pretrained(self._path)
        except (OSError, ValueError) as error:
            raise EngineError(f"{WEIGHTS}: cannot load {self._path}: {str(error).splitlines()[0]}") from error

    def encode(self, clip: JudgedClip, prompt: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The clip's vector [D], of length 1 at most, and the prompt's unit vector [D]."""
        import torch

        shown = clip.frames[FRAME_RULES[FRAMES](len(clip.frames))]
        text = self.tokenizer([prompt], truncation=True, return_tensors="pt")
        pixels = self.pictures(list(shown), return_tensors="pt")
        with torch.inference_mode():
            found = self.model(**text, **pixels)  # its embeddings are unit vectors
        return found.image_embeds.mean(dim=0).numpy(), found.text_embeds[0].numpy()
