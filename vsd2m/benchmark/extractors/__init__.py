"""Networks that map a clip to one feature vector, by name, one file each; for metrics that compare sets of clips."""

from vsd2m.benchmark.extractors.base import Extractor
from vsd2m.core.registry import component

EXTRACTORS: dict[str, str] = {
    "efficientnet_lite0": "vsd2m.benchmark.extractors.efficientnet_lite0:EfficientNetLite0",
    "efficientnet_lite0_motion": "vsd2m.benchmark.extractors.efficientnet_lite0_motion:EfficientNetLite0Motion",
    "i3d": "vsd2m.benchmark.extractors.i3d:I3d",
    "videomae": "vsd2m.benchmark.extractors.videomae:VideoMae",
    "videomae_v2": "vsd2m.benchmark.extractors.videomae_v2:VideoMaeV2",
}


def extractor_class(name: str) -> type[Extractor]:
    """The extractor of that name, or at `module:Class`; `ConfigError` if there is none."""
    extractor: type[Extractor] = component(EXTRACTORS, name, kind="extractor", base=Extractor)
    return extractor
