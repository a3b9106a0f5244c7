"""The metrics by name, one file each. A new metric is a file here and a line below."""

METRICS: dict[str, str] = {
    "motion_amount": "vsd2m.benchmark.metrics.motion_amount:MotionAmount",
    "flicker": "vsd2m.benchmark.metrics.flicker:Flicker",
    "loop_closure": "vsd2m.benchmark.metrics.loop_closure:LoopClosure",
    "frechet_efficientnet_lite0": "vsd2m.benchmark.metrics.frechet_efficientnet_lite0:FrechetEfficientNetLite0",
    "fvd": "vsd2m.benchmark.metrics.fvd:FrechetVideoDistance",
    "clip_similarity": "vsd2m.benchmark.metrics.clip_similarity:ClipSimilarity",
}
