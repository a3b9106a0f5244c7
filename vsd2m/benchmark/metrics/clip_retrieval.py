"""Retrieval of a clip's prompt among all texts of the test set: another interpretation of the paper's CLIP score."""

import numpy as np
from numpy.typing import NDArray

from vsd2m.benchmark.metric import Metric, Score, Weights, check_finite, wilson
from vsd2m.benchmark.networks.openclip import EncodedMetric
from vsd2m.benchmark.suite.clips import JudgedClip
from vsd2m.core.errors import ConfigError

TIE = 1e-6
"""Similarities closer than this count as equal, because rounding depends on the position of a text in the matrix."""


class ClipRetrieval(EncodedMetric):
    """Share of clips whose own prompt is the most similar of all (recall at 1).

    The candidates are the different prompts of the generated and the real clips. Their number is part of the
    protocol: with more candidates the same model scores lower.
    """

    name = "clip_retrieval"
    better = "higher"
    compares = "prompts"
    reading = "recall at 1"

    def __init__(self, weights: Weights) -> None:
        super().__init__(weights)
        self._texts: dict[str, NDArray[np.float32]] = {}
        self._pictures: list[tuple[str, NDArray[np.float32]]] = []

    def protocol(self) -> dict[str, str | int]:
        return {**super().protocol(), "num_candidates": len(self._texts)}

    def update(self, clip: JudgedClip) -> None:
        if clip.prompt:
            self._add_text(clip.prompt)
            picture = self.encoder.picture(clip)
            check_finite(picture, clip, self.name)
            self._pictures.append((clip.prompt, picture))

    def update_reference(self, clip: JudgedClip) -> None:
        if clip.prompt:
            self._add_text(clip.prompt)

    def reset(self) -> None:
        self._texts = {}
        self._pictures = []

    def merge_state(self, other: Metric) -> None:
        if not isinstance(other, ClipRetrieval) or self.encoder.protocol() != other.encoder.protocol():
            raise ConfigError(f"{self.name} cannot be merged with {other.name}: another metric, or another encoder")
        self._texts |= other._texts
        self._pictures += other._pictures

    def compute(self, *, seed: int) -> Score:
        hits = np.sort(np.array([self._hit(prompt, picture) for prompt, picture in self._pictures], np.float64))
        value = float(hits.mean()) if len(hits) else float("nan")
        low, high = wilson(value, len(hits))
        return Score(self.name, value, low, high, len(hits), self.protocol(), self.better)

    def _add_text(self, prompt: str) -> None:
        if prompt not in self._texts:
            self._texts[prompt] = self.encoder.text(prompt)

    def _hit(self, prompt: str, picture: NDArray[np.float32]) -> float:
        """1 if no other prompt is as similar; a tie of k counts 1 / k, since otherwise constant embeddings would score
        1."""
        similarities = np.stack(list(self._texts.values())) @ picture
        best = similarities >= similarities.max() - TIE
        return float(best[list(self._texts).index(prompt)] / best.sum())
