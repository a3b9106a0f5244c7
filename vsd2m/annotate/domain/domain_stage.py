"""The domain stage: whether a sticker was photographed or drawn."""

from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
from pydantic import Field

from vsd2m.annotate.domain.domain_head import HEAD_FILE, head_digest, load_head
from vsd2m.core.errors import EngineError
from vsd2m.core.schema import Column
from vsd2m.core.stage import Batch, Columns, Drop, Resources, StageConfig, StageSpec, StickerStage, neutral
from vsd2m.media.decode import decode
from vsd2m.media.frame_indices import flatten, middle_indices
from vsd2m.networks.efficientnet_lite0 import BACKBONE_PACKAGES, VERSIONS, load_backbone, missing_backbone

COLUMNS = (
    Column("domain", pa.string(), "real or cartoon", in_json=True, in_samples=True),
    Column("domain_score", pa.float64(), "probability of `real`"),
)


class DomainConfig(StageConfig):
    """The number of frames, the head, and the probability from which a sticker is real."""

    max_frames: int = Field(3, ge=1, le=32, description="frames classified, spread over the clip")
    min_real_score: float = Field(0.5, ge=0, le=1, description="probability of real from which `domain` is real")
    head: str | None = neutral(  # its digest is a model version instead
        None, min_length=1, description=".npz file of a head of your own, with `weights` and `bias`"
    )

    @property
    def head_file(self) -> Path:
        return HEAD_FILE if self.head is None else Path(self.head).expanduser()


class DomainStage(StickerStage[DomainConfig]):
    """Writes `domain` (real or cartoon) and `domain_score`, the probability of real."""

    Config = DomainConfig

    @property
    def spec(self) -> StageSpec:
        return StageSpec(
            name="domain",
            version=1,
            reads=(),
            columns=COLUMNS,
            reads_media=True,
            batch_size=32,
            resources=Resources(num_cpus=1),  # two threads on cores shared with others took 3 to 10 times as long
        )

    def model_versions(self) -> dict[str, str]:
        path = self.config.head_file
        if not path.is_file():
            raise EngineError(_no_head(path))
        return VERSIONS | {"domain_head": f"sha256:{head_digest(path)}"}

    def packages(self) -> Mapping[str, str]:
        return BACKBONE_PACKAGES

    def missing(self) -> list[str]:
        head = self.config.head_file
        absent = [] if head.is_file() else [_no_head(head)]
        return [*absent, *missing_backbone()]

    def seconds_per_sticker(self) -> float:
        return 0.1

    def setup(self) -> None:
        self._head = load_head(self.config.head_file)
        self._backbone = load_backbone(num_threads=self.spec.resources.num_cpus)

    def process(self, batch: Batch) -> list[Columns | Drop]:
        return [self._columns(data) for data in batch.media]

    def _columns(self, data: bytes) -> Columns:
        frames = decode(data).frames
        chosen = flatten(frames[middle_indices(len(frames), min(len(frames), self.config.max_frames))])
        score = round(self._head.probability_of_real(self._backbone.features(chosen)), 4)
        return {"domain": "real" if score >= self.config.min_real_score else "cartoon", "domain_score": score}


def _no_head(path: Path) -> str:
    return f"no domain head at {path}: expected an .npz file with `weights` and `bias`"
