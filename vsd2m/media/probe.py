"""The probe stage: decodes every frame once and writes the columns that need no model."""

import pyarrow as pa
from pydantic import Field

from vsd2m.core.errors import MediaError
from vsd2m.core.schema import Column
from vsd2m.core.stage import Batch, Columns, Drop, StageConfig, StageSpec, StickerStage
from vsd2m.media.budget import DecodeBudget
from vsd2m.media.clip import Clip
from vsd2m.media.decode import decode
from vsd2m.media.fingerprints.fingerprint import fingerprint
from vsd2m.media.measures import aspect_ratio, measure

_BUDGET = DecodeBudget()

COLUMNS = (
    Column(
        "media_format",
        pa.string(),
        "by content: gif, apng, png, webp, jpeg, avif, webm, mp4, tgs, ...: see docs/formats.md",
        in_json=True,
    ),
    Column("width", pa.int32(), "pixels", in_json=True),
    Column("height", pa.int32(), "pixels", in_json=True),
    Column("num_frames", pa.int32(), "frames stored", in_json=True),
    Column("num_distinct_frames", pa.int32(), "frames with distinct pixels", in_json=True),
    Column("durations_ms", pa.list_(pa.int32()), "frame durations as stored", in_json=True),
    Column("duration_ms", pa.int64(), "one loop as browsers play it", in_json=True),
    Column("loop_count", pa.int32(), "times it plays; 0: endlessly", in_json=True),
    Column("faults", pa.list_(pa.string()), "what the file does wrong although it is shown", in_json=True),
    Column("aspect_ratio", pa.float64(), "longer side / shorter side, >= 1"),
    Column("entropy", pa.float64(), "Shannon entropy of grey levels and transparency, bits, mean over frames"),
    Column("transparent_share", pa.float64(), "share of pixels with alpha < 128, mean over frames"),
    Column("motion_energy", pa.float64(), "mean absolute change between successive frames, 0..1"),
    Column("sharpness", pa.float64(), "variance of the Laplacian of the luma on white, mean of 4 frames"),
    Column("fingerprint", pa.list_(pa.uint64()), "hashes of frames and a small picture: see media/fingerprint.py"),
)


class ProbeConfig(StageConfig):
    """What decoding one sticker may cost; all limits are inclusive."""

    max_file_bytes: int = Field(_BUDGET.max_file_bytes, ge=1, description="bytes of the file")
    max_pixels: int = Field(_BUDGET.max_pixels, ge=1, description="pixels of one frame")
    max_frames: int = Field(_BUDGET.max_frames, ge=1, description="frames")
    max_decoded_bytes: int = Field(_BUDGET.max_decoded_bytes, ge=4, description="bytes of all frames as RGBA")
    max_seconds: float = Field(
        _BUDGET.max_seconds, gt=0, description="a guard against a hang, far above what the other limits allow"
    )

    max_cpu_seconds: float = Field(
        _BUDGET.max_cpu_seconds,
        gt=0,
        description="the same in processor time, for formats decoded in a separate process: AVIF, videos, drawings",
    )

    def budget(self) -> DecodeBudget:
        return DecodeBudget(**self.model_dump())


class ProbeStage(StickerStage[ProbeConfig]):
    """Drops what cannot be decoded, with the reason of `vsd2m.media.decode.REASONS`."""

    Config = ProbeConfig

    @property
    def spec(self) -> StageSpec:
        return StageSpec(name="probe", version=6, reads=(), columns=COLUMNS, reads_media=True)

    def seconds_per_sticker(self) -> float:
        return 0.01

    def process(self, batch: Batch) -> list[Columns | Drop]:
        budget = self.config.budget()
        return [probe(data, budget) for data in batch.media]


def probe(data: bytes, budget: DecodeBudget = _BUDGET) -> Columns | Drop:
    """The probe columns of one sticker, or why it cannot be decoded."""
    try:
        clip = decode(data, budget)
    except MediaError as error:
        return Drop(error.reason, error.value, error.limit, error.detail)
    return describe_clip(clip)


def describe_clip(clip: Clip) -> Columns:
    """The probe columns of a decoded sticker."""
    measures = measure(clip.frames)
    return {
        "media_format": clip.media_format,
        "width": clip.width,
        "height": clip.height,
        "num_frames": clip.num_frames,
        "num_distinct_frames": measures.num_distinct_frames,
        "durations_ms": clip.durations_ms.tolist(),
        "duration_ms": int(clip.played_durations_ms.sum()) if clip.num_frames > 1 else 0,
        "loop_count": clip.loop_count,
        "faults": list(clip.faults),
        "aspect_ratio": round(aspect_ratio(clip.width, clip.height), 6),
        "entropy": measures.entropy,
        "transparent_share": measures.transparent_share,
        "motion_energy": measures.motion_energy,
        "sharpness": measures.sharpness,
        "fingerprint": fingerprint(clip.frames, clip.durations_ms),
    }
