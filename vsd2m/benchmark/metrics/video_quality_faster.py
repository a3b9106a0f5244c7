"""FasterVQA (Wu et al., arXiv 2210.05357): the same network on fragments that also move in time."""

from vsd2m.benchmark.metrics.video_quality import VideoQuality
from vsd2m.benchmark.networks.fast_vqa_fragments import FASTER_VQA


class VideoQualityFaster(VideoQuality):
    """FasterVQA's score, 0 to 1: one pass instead of four, over every frame of a clip of 8."""

    name = "video_quality_faster"
    setting = FASTER_VQA
    weights_name = "faster_vqa"
    weights_file = "FasterVQA's published checkpoint (FAST_VQA_3D_1*1.pth)"
