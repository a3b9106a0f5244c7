"""The watermark stage: how probable it is that a stock site or an editor left its mark in a sticker.

A classifier of the kind: `amrul-hzz/watermark_detector` (ViT, labels watermark, no_watermark).
"""

import pyarrow as pa
from pydantic import Field

from vsd2m.annotate.picture_scores import PictureScoreConfig, PictureScoreStage
from vsd2m.core.schema import Column

COLUMNS = (Column("watermark_score", pa.float64(), "probability of a watermark; None: not asked"),)


class WatermarkConfig(PictureScoreConfig):
    """Which classifier judges, and which of its labels is the watermark."""

    labels: tuple[str, ...] = Field(
        ("watermark", "watermarked"), min_length=1, description="labels whose probabilities are added up"
    )


class WatermarkStage(PictureScoreStage[WatermarkConfig]):
    """Writes `watermark_score`."""

    Config = WatermarkConfig

    columns = COLUMNS
