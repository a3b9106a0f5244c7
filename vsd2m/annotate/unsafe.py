"""The unsafe stage: the probability that a sticker is not suitable for all viewers.

Suitable classifiers: `Falconsai/nsfw_image_detection` (ViT, labels normal, nsfw) and
`LukeJacobs/nsfw_image_detector` (neutral, drawings, sexy, porn, hentai). Both were mostly trained on photographs.
"""

import pyarrow as pa
from pydantic import Field

from vsd2m.annotate.picture_scores import PictureScoreConfig, PictureScoreStage
from vsd2m.core.schema import Column

COLUMNS = (Column("unsafe_score", pa.float64(), "probability of an unsafe picture; None: no classifier ran"),)


class UnsafeConfig(PictureScoreConfig):
    """The classifier, and which of its labels are unsafe."""

    labels: tuple[str, ...] = Field(
        ("nsfw", "porn", "hentai", "sexy"), min_length=1, description="labels whose probabilities are added"
    )


class UnsafeStage(PictureScoreStage[UnsafeConfig]):
    """Writes `unsafe_score`."""

    Config = UnsafeConfig

    columns = COLUMNS
