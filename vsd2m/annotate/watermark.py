"""The watermark stage: the probability that a sticker has the watermark of a stock site or an editor.

A suitable classifier: `amrul-hzz/watermark_detector` (ViT, labels watermark, no_watermark).
"""

import pyarrow as pa
from pydantic import Field

from vsd2m.annotate.picture_scores import PictureScoreConfig, PictureScoreStage
from vsd2m.core.schema import Column

COLUMNS = (Column("watermark_score", pa.float64(), "probability of a watermark; None: no classifier ran"),)


class WatermarkConfig(PictureScoreConfig):
    """The classifier, and which of its labels mean a watermark."""

    labels: tuple[str, ...] = Field(
        ("watermark", "watermarked"), min_length=1, description="labels whose probabilities are added"
    )


class WatermarkStage(PictureScoreStage[WatermarkConfig]):
    """Writes `watermark_score`."""

    Config = WatermarkConfig

    columns = COLUMNS
