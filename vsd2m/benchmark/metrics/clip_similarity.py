"""Whether a clip shows what its prompt says: CLIP's cosine."""

from vsd2m.benchmark.metric import ClipMetric
from vsd2m.benchmark.networks.openclip import EncodedMetric
from vsd2m.benchmark.suite.clips import JudgedClip


class ClipSimilarity(EncodedMetric, ClipMetric):
    """Cosine between the prompt's and the frames' embeddings, mean over 8 frames. Only clips with a prompt count."""

    name = "clip_similarity"
    better = "higher"
    reading = "cosine"

    def measure(self, clip: JudgedClip) -> float | None:
        return float(self.encoder.picture(clip) @ self.encoder.text(clip.prompt)) if clip.prompt else None
