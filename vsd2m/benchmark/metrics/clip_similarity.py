"""Whether a clip shows what its prompt says: CLIP's cosine."""

from vsd2m.benchmark.clip_encoder import ClipEncoder
from vsd2m.benchmark.clips import JudgedClip
from vsd2m.benchmark.metric import ClipMetric, Weights


class ClipSimilarity(ClipMetric):
    """Cosine between the prompt's and the frames' embeddings, mean over 8 frames. Only clips with a prompt count."""

    name = "clip_similarity"
    better = "higher"

    def __init__(self, weights: Weights) -> None:
        super().__init__(weights)
        self.encoder = ClipEncoder(weights)

    def missing(self) -> str | None:
        return self.encoder.missing()

    def protocol(self) -> dict[str, str | int]:
        return {**self.encoder.protocol(), "reading": "cosine"}

    def setup(self) -> None:
        self.encoder.setup()

    def measure(self, clip: JudgedClip) -> float | None:
        return float(self.encoder.picture(clip) @ self.encoder.text(clip.prompt)) if clip.prompt else None
