"""Numbers of the VSD2M paper (arXiv 2412.08259): quality on VSD-R and VSD-C, and the cost of a sticker.

The paper states neither the number of clips, nor intervals, nor the frame rule, resize and weights behind its
numbers. They are shown next to ours for orientation and are never ranked with them.
"""

from dataclasses import dataclass
from typing import Literal

Training = Literal["apart", "joint", "tgif", "ser30k"]
TestSet = Literal["VSD-R", "VSD-C"]


@dataclass(frozen=True)
class PublishedScore:
    """Lower is better for `fvd`, higher for the others; `clip_similarity` is None if the paper has none.

    `training`: on the tested domain alone, on both domains, or on another data set (there `model` is None).
    """

    model: str | None
    training: Training
    test: TestSet
    video_quality: float
    fvd: float
    clip_similarity: float | None

    @property
    def by_metric(self) -> dict[str, float | None]:
        """The numbers by this package's names of metrics."""
        return {"video_quality": self.video_quality, "fvd": self.fvd, "clip_similarity": self.clip_similarity}


@dataclass(frozen=True)
class PublishedCost:
    """Seconds per sticker on a V100 (8 frames of 256 x 256, 25 DDIM steps), parameters in billions."""

    model: str
    seconds: float
    parameters_billions: float


PUBLISHED_SCORES: tuple[PublishedScore, ...] = (
    PublishedScore("VideoGPT", "apart", "VSD-R", 0.189, 2645.02, None),
    PublishedScore("Make-A-Video", "apart", "VSD-R", 0.475, 2661.99, 0.213),
    PublishedScore("VideoLDM", "apart", "VSD-R", 0.436, 2629.48, 0.334),
    PublishedScore("VideoFactory", "apart", "VSD-R", 0.480, 2638.97, 0.223),
    PublishedScore("I2VGen-XL", "apart", "VSD-R", 0.481, 2623.47, 0.349),
    PublishedScore("STI", "apart", "VSD-R", 0.487, 2613.41, 0.345),
    PublishedScore("VideoGPT", "apart", "VSD-C", 0.287, 5887.49, None),
    PublishedScore("Make-A-Video", "apart", "VSD-C", 0.378, 5846.75, 0.159),
    PublishedScore("VideoLDM", "apart", "VSD-C", 0.457, 5822.87, 0.169),
    PublishedScore("VideoFactory", "apart", "VSD-C", 0.495, 5611.73, 0.139),
    PublishedScore("I2VGen-XL", "apart", "VSD-C", 0.493, 5570.24, 0.174),
    PublishedScore("STI", "apart", "VSD-C", 0.511, 5513.64, 0.172),
    PublishedScore("VideoGPT", "joint", "VSD-R", 0.226, 2780.44, None),
    PublishedScore("Make-A-Video", "joint", "VSD-R", 0.491, 2636.68, 0.204),
    PublishedScore("VideoLDM", "joint", "VSD-R", 0.454, 2589.86, 0.311),
    PublishedScore("VideoFactory", "joint", "VSD-R", 0.494, 2605.70, 0.266),
    PublishedScore("I2VGen-XL", "joint", "VSD-R", 0.483, 2573.82, 0.319),
    PublishedScore("STI", "joint", "VSD-R", 0.503, 2550.11, 0.314),
    PublishedScore("VideoGPT", "joint", "VSD-C", 0.233, 5731.82, None),
    PublishedScore("Make-A-Video", "joint", "VSD-C", 0.447, 5824.31, 0.185),
    PublishedScore("VideoLDM", "joint", "VSD-C", 0.457, 5822.32, 0.191),
    PublishedScore("VideoFactory", "joint", "VSD-C", 0.535, 5716.40, 0.126),
    PublishedScore("I2VGen-XL", "joint", "VSD-C", 0.552, 5621.12, 0.201),
    PublishedScore("STI", "joint", "VSD-C", 0.557, 5503.57, 0.193),
    PublishedScore(None, "tgif", "VSD-R", 0.394, 3310.25, None),
    PublishedScore(None, "ser30k", "VSD-C", 0.372, 5813.47, None),
)

PUBLISHED_COSTS: tuple[PublishedCost, ...] = (
    PublishedCost("VideoGPT", 193.34, 0.102),
    PublishedCost("Make-A-Video", 11.34, 1.835),
    PublishedCost("VideoLDM", 11.64, 1.835),
    PublishedCost("VideoFactory", 11.87, 1.847),
    PublishedCost("I2VGen-XL", 13.12, 2.489),
    PublishedCost("STI", 11.71, 1.856),
)
