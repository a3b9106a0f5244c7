"""Counts colours, and names the most frequent one."""

from typing import ClassVar

import numpy as np
import pyarrow as pa
from pydantic import Field

from vsd2m.core.schema import Column
from vsd2m.core.stage import Batch, Columns, Drop, StageConfig, StageSpec, StickerStage
from vsd2m.media.decode import decode

COLUMNS = (
    Column("num_colours", pa.int32(), "colours of the first frame", in_json=True, in_samples=True),
    Column("main_colour", pa.string(), "the most frequent colour, in hex digits", in_json=True, in_samples=True),
    Column("rare_colour", pa.string(), "the rarest colour; None: it is not rare", in_samples=True),
    Column("colour_shares", pa.list_(pa.float64()), "shares of the colours, the largest first"),
)


class ColoursConfig(StageConfig):
    max_shares: int = Field(4, ge=1, description="shares written")


class Colours(StickerStage[ColoursConfig]):
    """Writes columns of its own."""

    Config: ClassVar[type[StageConfig]] = ColoursConfig

    @property
    def spec(self) -> StageSpec:
        return StageSpec("colours", 1, reads=(), columns=COLUMNS, reads_media=True)

    def process(self, batch: Batch) -> list[Columns | Drop]:
        return [self._columns(media) for media in batch.media]

    def _columns(self, media: bytes) -> Columns:
        pixels = decode(media).frames[0, ..., :3].reshape(-1, 3)
        colours, counts = np.unique(pixels, axis=0, return_counts=True)
        order = np.argsort(-counts, kind="stable")
        return {
            "num_colours": len(colours),
            "main_colour": colours[order[0]].tobytes().hex(),
            "rare_colour": colours[order[-1]].tobytes().hex() if counts.min() < 0.15 * counts.sum() else None,
            "colour_shares": (counts[order] / counts.sum())[: self.config.max_shares].tolist(),
        }
