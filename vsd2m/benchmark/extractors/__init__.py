"""Networks that map a clip to one feature vector, by name, one file each; for metrics that compare sets of clips."""

EXTRACTORS: dict[str, str] = {
    "efficientnet_lite0": "vsd2m.benchmark.extractors.efficientnet_lite0:EfficientNetLite0",
    "efficientnet_lite0_motion": "vsd2m.benchmark.extractors.efficientnet_lite0_motion:EfficientNetLite0Motion",
    "i3d": "vsd2m.benchmark.extractors.i3d:I3d",
    "videomae": "vsd2m.benchmark.extractors.videomae:VideoMae",
    "videomae_v2": "vsd2m.benchmark.extractors.videomae_v2:VideoMaeV2",
}
