"""The perceptual hashes stage: hashes that other tools also compute, so that their tables can be joined with ours."""

from collections.abc import Mapping
from importlib import metadata

import pyarrow as pa
from PIL import Image

from vsd2m.core.errors import MissingExtraError
from vsd2m.core.registry import import_extra
from vsd2m.core.schema import Column
from vsd2m.core.stage import Batch, Columns, Drop, StageConfig, StageSpec, StickerStage
from vsd2m.media.clip import Frames
from vsd2m.media.decode import decode
from vsd2m.media.frame_indices import flatten

COLUMNS = tuple(
    Column(f"phash_{which}", pa.string(), f"imagehash.phash of the {which} frame on white, 16 hex digits", in_json=True)
    for which in ("first", "middle", "last")
)


class PerceptualHashesStage(StickerStage[StageConfig]):
    """Writes `imagehash.phash` of the first, the middle (`num_frames // 2`) and the last frame on white.

    Near duplicates are found by the fingerprint of the whole animation, not by these hashes. imagehash's bits of
    symmetrical pictures depend on rounding, so this stage is not part of the default run, which is equal byte for byte
    on every host.
    """

    @property
    def spec(self) -> StageSpec:
        return StageSpec("perceptual_hashes", 1, reads=(), columns=COLUMNS, reads_media=True)

    def model_versions(self) -> dict[str, str]:
        try:
            return {"imagehash": metadata.version("imagehash")}
        except metadata.PackageNotFoundError as error:
            raise MissingExtraError("imagehash", "filter") from error

    def packages(self) -> Mapping[str, str]:
        return {"imagehash": "filter"}

    def seconds_per_sticker(self) -> float:
        return 0.01

    def process(self, batch: Batch) -> list[Columns | Drop]:
        names = [column.name for column in COLUMNS]
        return [dict(zip(names, frame_hashes(decode(data).frames), strict=True)) for data in batch.media]


def frame_hashes(frames: Frames) -> list[str]:
    """The hashes of the first, the middle and the last of `frames` (`[T, H, W, 4]`)."""
    imagehash = import_extra("imagehash", extra="filter")
    chosen = flatten(frames[[0, len(frames) // 2, len(frames) - 1]])
    return [str(imagehash.phash(Image.fromarray(frame))) for frame in chosen]
