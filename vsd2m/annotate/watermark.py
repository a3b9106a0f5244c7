"""The watermark stage: how probable it is that a stock site or an editor left its mark in a sticker.

A classifier of the kind: `amrul-hzz/watermark_detector` (ViT, labels watermark, no_watermark).
"""

from pydantic import Field

from vsd2m.annotate.picture_scores import PictureScoreConfig, PictureScoreStage


class WatermarkConfig(PictureScoreConfig):
    """Which classifier judges, and which of its labels is the watermark."""

    labels: tuple[str, ...] = Field(
        ("watermark", "watermarked"), min_length=1, description="labels whose probabilities are added up"
    )


class WatermarkStage(PictureScoreStage[WatermarkConfig]):
    """Writes `watermark_score`."""

    Config = WatermarkConfig

    @property
    def column(self) -> str:
        return "watermark_score"
