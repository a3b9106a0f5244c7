"""Whether a clip finds its prompt among all texts of the test set: the other reading of the paper's CLIP score."""

import numpy as np
from numpy.typing import NDArray

from vsd2m.benchmark.clip_encoder import ClipEncoder
from vsd2m.benchmark.clips import JudgedClip
from vsd2m.benchmark.metric import Metric, Score, Weights, bootstrap_of_mean


class ClipRetrieval(Metric):
    """Share of clips whose own prompt is the most similar of all (recall at 1).

    The candidates are the different prompts of the generated and the real clips. Their number is part of the
    protocol: with more candidates the same model scores lower.
    """

    name = "clip_retrieval"
    better = "higher"
    compares = True

    def __init__(self, weights: Weights) -> None:
        super().__init__(weights)
        self.encoder = ClipEncoder(weights)
        self._texts: dict[str, NDArray[np.float32]] = {}
        self._pictures: list[tuple[str, NDArray[np.float32]]] = []

    def missing(self) -> str | None:
        return self.encoder.missing()

    def protocol(self) -> dict[str, str | int]:
        return {**self.encoder.protocol(), "reading": "recall at 1", "num_candidates": len(self._texts)}

    def setup(self) -> None:
        self.encoder.setup()

    def update(self, clip: JudgedClip) -> None:
        if clip.prompt:
            picture, self._texts[clip.prompt] = self.encoder.encode(clip, clip.prompt)
            self._pictures.append((clip.prompt, picture))

    def update_reference(self, clip: JudgedClip) -> None:
        if clip.prompt and clip.prompt not in self._texts:
            _, self._texts[clip.prompt] = self.encoder.encode(clip, clip.prompt)

    def compute(self, *, seed: int) -> Score:
        hits = np.array([self._hit(prompt, picture) for prompt, picture in self._pictures], np.float64)
        low, high = bootstrap_of_mean(hits, seed=seed)
        value = float(hits.mean()) if len(hits) else float("nan")
        return Score(self.name, value, low, high, len(hits), self.protocol(), self.better)

    def _hit(self, prompt: str, picture: NDArray[np.float32]) -> float:
        """1 if no other prompt is as similar; a tie of k counts 1 / k, or a model that sees nothing would score 1."""
        similarities = {text: float(picture @ vector) for text, vector in self._texts.items()}
        best = [text for text, similarity in similarities.items() if similarity == max(similarities.values())]
        return 1 / len(best) if prompt in best else 0.0
