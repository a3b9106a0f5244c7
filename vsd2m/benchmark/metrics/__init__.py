"""The metrics by name, one file each. A new metric is a file here and a line below."""

from vsd2m.benchmark.metric import Metric
from vsd2m.core.registry import component

METRICS: dict[str, str] = {
    "motion_amount": "vsd2m.benchmark.metrics.motion_amount:MotionAmount",
    "frozen_share": "vsd2m.benchmark.metrics.frozen_share:FrozenShare",
    "flicker": "vsd2m.benchmark.metrics.flicker:Flicker",
    "loop_closure": "vsd2m.benchmark.metrics.loop_closure:LoopClosure",
    "frame_blur": "vsd2m.benchmark.metrics.frame_blur:FrameBlur",
    "frame_noise": "vsd2m.benchmark.metrics.frame_noise:FrameNoise",
    "palette_error": "vsd2m.benchmark.metrics.palette_error:PaletteError",
    "transparency": "vsd2m.benchmark.metrics.transparency:Transparency",
    "text_legibility": "vsd2m.benchmark.metrics.text_legibility:TextLegibility",
    "frechet_efficientnet_lite0": "vsd2m.benchmark.metrics.frechet_efficientnet_lite0:FrechetEfficientNetLite0",
    "frechet_efficientnet_lite0_motion": (
        "vsd2m.benchmark.metrics.frechet_efficientnet_lite0_motion:FrechetEfficientNetLite0Motion"
    ),
    "mmd_efficientnet_lite0": "vsd2m.benchmark.metrics.mmd_efficientnet_lite0:MmdEfficientNetLite0",
    "video_quality": "vsd2m.benchmark.metrics.video_quality:VideoQuality",
    "video_quality_faster": "vsd2m.benchmark.metrics.video_quality_faster:VideoQualityFaster",
    "fvd": "vsd2m.benchmark.metrics.fvd:FrechetVideoDistance",
    "fvd_infinite": "vsd2m.benchmark.metrics.fvd_infinite:FvdInfinite",
    "fvd_videomae": "vsd2m.benchmark.metrics.fvd_videomae:FvdVideoMae",
    "fvd_videomae_v2": "vsd2m.benchmark.metrics.fvd_videomae_v2:FvdVideoMaeV2",
    "mmd_videomae": "vsd2m.benchmark.metrics.mmd_videomae:MmdVideoMae",
    "frame_quality": "vsd2m.benchmark.metrics.frame_quality:FrameQuality",
    "clip_similarity": "vsd2m.benchmark.metrics.clip_similarity:ClipSimilarity",
    "clip_retrieval": "vsd2m.benchmark.metrics.clip_retrieval:ClipRetrieval",
}


def metric_class(name: str) -> type[Metric]:
    """The metric of that name, or at `module:Class`; `ConfigError` if there is none."""
    metric: type[Metric] = component(METRICS, name, kind="metric", base=Metric)
    return metric
