"""Whether a clip shows what its prompt says, by CLIP (Radford et al., arXiv 2103.00020)."""

import numpy as np

from vsd2m.benchmark.clips import JudgedClip
from vsd2m.benchmark.frame_rules import FRAME_RULES
from vsd2m.benchmark.metric import ClipMetric
from vsd2m.core.errors import EngineError
from vsd2m.core.registry import import_extra
from vsd2m.core.torchvision_cpu import allow_torchvision_beside_cpu_torch

WEIGHTS = "clip"
FRAMES = "spread8"


class ClipSimilarity(ClipMetric):
    """Cosine between the prompt's and the frames' CLIP embeddings, mean over 8 frames; any CLIP of transformers."""

    name = "clip_similarity"
    better = "higher"

    def missing(self) -> str | None:
        if self.weights.get(WEIGHTS):
            return None
        return f"weights `{WEIGHTS}`: folder or hub id of a CLIP model, such as openai/clip-vit-base-patch32"

    def protocol(self) -> dict[str, str | int]:
        return {"frames": FRAMES, "extractor": self.weights.get(WEIGHTS) or "missing", "reading": "cosine"}

    def setup(self) -> None:
        import_extra("torch", extra="benchmark")
        allow_torchvision_beside_cpu_torch()
        transformers = import_extra("transformers", extra="benchmark")
        path = self.weights.get(WEIGHTS)
        try:
            self._model = transformers.CLIPModel.from_pretrained(path).eval()
            self._tokenizer = transformers.AutoTokenizer.from_pretrained(path)
            self._pictures = transformers.CLIPImageProcessorPil.from_pretrained(path)
        except (OSError, ValueError) as error:
            raise EngineError(f"{WEIGHTS}: cannot load {path}: {str(error).splitlines()[0]}") from error

    def measure(self, clip: JudgedClip) -> float | None:
        import torch

        if not clip.prompt:
            return None
        shown = clip.frames[FRAME_RULES[FRAMES](len(clip.frames))]
        text = self._tokenizer([clip.prompt], truncation=True, return_tensors="pt")
        pixels = self._pictures(list(shown), return_tensors="pt")
        with torch.inference_mode():
            found = self._model(**text, **pixels)
        cosines = (found.image_embeds @ found.text_embeds.T).numpy()  # both are unit vectors
        return float(np.mean(cosines))
