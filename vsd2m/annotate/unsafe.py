"""The unsafe stage: how probable it is that a sticker is not safe to show everybody.

Classifiers of the kind: `Falconsai/nsfw_image_detection` (ViT, labels normal, nsfw) and
`LukeJacobs/nsfw_image_detector` (neutral, drawings, sexy, porn, hentai); they were trained on photographs for the
greater part.
"""

import pyarrow as pa
from pydantic import Field

from vsd2m.annotate.picture_scores import PictureScoreConfig, PictureScoreStage
from vsd2m.core.schema import Column

COLUMNS = (Column("unsafe_score", pa.float64(), "probability of a picture unsafe to show; None: not asked"),)


class UnsafeConfig(PictureScoreConfig):
    """Which classifier judges, and which of its labels are unsafe."""

    labels: tuple[str, ...] = Field(
        ("nsfw", "porn", "hentai", "sexy"), min_length=1, description="labels whose probabilities are added up"
    )


class UnsafeStage(PictureScoreStage[UnsafeConfig]):
    """Writes `unsafe_score`."""

    Config = UnsafeConfig

    columns = COLUMNS
