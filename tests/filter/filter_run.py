"""A finished run over drawn stickers, with the real catalog-to-near-duplicates stages."""

import io
from pathlib import Path

import numpy as np
import polars as pl
from filter_clips import character, filled, lossy
from PIL import Image

from vsd2m.core.commit import digest
from vsd2m.core.keys import sticker_key
from vsd2m.core.run import Run
from vsd2m.core.stage import FileResult, FileStage, StageConfig, StageSpec, TableResult, TableStage
from vsd2m.pipelines.engine.config import PipelineConfig
from vsd2m.pipelines.engine.local import run_local
from vsd2m.pipelines.engine.plan import make_plan

PLACE = ("media_tar", "media_offset", "num_bytes")


def pictures() -> list[bytes]:
    """Twelve characters, a near copy of the first, a banner, a speck, a truncated file and a page."""
    clips = [character(seed) for seed in range(12)]
    clips.append(lossy(filled(character(0, size=100), (200, 220, 255))))
    clips.append(np.full((2, 20, 200, 4), 255, np.uint8))
    clips.append(np.zeros((1, 48, 48, 4), np.uint8))
    files = []
    for frames in clips:
        sink = io.BytesIO()
        first, *rest = map(Image.fromarray, frames)
        first.save(sink, "WEBP", save_all=True, append_images=rest, duration=70, lossless=True)
        files.append(sink.getvalue())
    return [*files, files[0][:200], b"<html><script>alert(1)</script></html>"]


def noisy_pictures() -> list[bytes]:
    files = []
    for seed in range(300):
        noise = np.random.default_rng(seed).integers(0, 255, (8, 70, 70, 3), np.uint8)
        first, *rest = (Image.fromarray(frame).quantize(32) for frame in noise)
        sink = io.BytesIO()
        first.save(sink, "GIF", save_all=True, append_images=rest, duration=70)
        files.append(sink.getvalue())
    return files


class Pictures(FileStage[StageConfig]):
    files = staticmethod(pictures)

    @property
    def spec(self) -> StageSpec:
        return StageSpec("pictures", 1, (), ("url", *PLACE))

    def num_partitions(self, run: Run) -> int:
        return 1

    def input_digest(self, run: Run, partition: int) -> str:
        return digest([partition])

    def write_partition(self, run: Run, partition: int) -> FileResult:
        files, rows, offset = self.files(), [], 0
        run.store.write_bytes("pictures/media.bin", b"".join(files))
        for number, data in enumerate(files):
            place = {"media_tar": "pictures/media.bin", "media_offset": offset, "num_bytes": len(data)}
            rows.append({"key": sticker_key(data), "url": f"memory://{number}", **place})
            offset += len(data)
        gone = {"key": None, "outcome": "dropped", "reason": "http_error", "url": "memory://<gone>"}
        return FileResult(len(rows) + 1, rows, [gone], ["pictures/media.bin"])


class NoisyPictures(Pictures):
    files = staticmethod(noisy_pictures)


class Catalog(TableStage[StageConfig]):
    @property
    def spec(self) -> StageSpec:
        return StageSpec("catalog", 1, ("url", *PLACE), PLACE)

    def process_table(self, table: pl.DataFrame) -> TableResult:
        types = {"key": pl.String, "reason": pl.String, "value": pl.Float64, "limit": pl.Float64, "detail": pl.String}
        return TableResult(table.select("key", *PLACE), pl.DataFrame(schema=types))


RULES = {"aspect_ratio": {"max_ratio": 3}, "entropy": {"min_bits": 0.3}, "size": {"min_side": 16}}


def finished_run(folder: Path, *, with_filter: bool = True, source: str = "Pictures", rules: dict = RULES) -> Run:
    stages = {
        "pictures": {"stage": f"filter_run:{source}"},
        "catalog": {"stage": "filter_run:Catalog"},
        "probe": {},
        "filter": {"rules": rules},
        "near_duplicates": {},
    }
    if not with_filter:
        del stages["filter"]
    return run_local(make_plan(PipelineConfig(run=str(folder), partition_size=5, stages=stages)))
