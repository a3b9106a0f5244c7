"""Small stickers, and runs that bring them in and merge them."""

import io
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from vsd2m.core.run import Run
from vsd2m.pipelines.engine.config import PipelineConfig
from vsd2m.pipelines.engine.local import run_local
from vsd2m.pipelines.engine.plan import make_plan


def make_picture(number: int, media_format: str = "GIF") -> bytes:
    """An animated picture of two frames, another for every number."""
    frames = [Image.new("RGB", (8, 8), (number % 256, shade, number // 256)) for shade in (10, 200)]
    file = io.BytesIO()
    frames[0].save(file, media_format, save_all=True, append_images=frames[1:], duration=50)
    return file.getvalue()


def write_files(folder: Path, files: Mapping[str, bytes | str]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def bring(path: Path | str, run: Path | str, **config: Any) -> Run:
    """A run of ingest and catalog over `path`."""
    values = {"run": str(run), "stages": {"ingest": {"path": str(path), **config}, "catalog": None}}
    return run_local(make_plan(PipelineConfig.model_validate(values)))


def rows(run: Run, stage: str = "ingest") -> list[dict[str, Any]]:
    """The rows of every partition, by their address."""
    parts = [run.read_part(stage, record.partition).to_dicts() for record in run.records(stage)]
    return sorted((row for part in parts for row in part), key=lambda row: row["url"])


def stickers(run: Run) -> list[dict[str, Any]]:
    """The catalog's rows, by their addresses."""
    parts = [run.read_part("catalog", partition).to_dicts() for partition in range(run.num_partitions())]
    return sorted((row for part in parts for row in part), key=lambda row: row["urls"])


def rejects(run: Run, stage: str = "ingest") -> list[dict[str, Any]]:
    parts = [run.read_rejects(stage, record.partition).to_dicts() for record in run.records(stage)]
    return sorted((reject for part in parts for reject in part), key=lambda reject: str(reject["url"]))


def reasons(run: Run) -> Counter[str]:
    """How many rejects of the ingest stage there are, by reason; every record counts what it read."""
    records = run.records("ingest")
    assert all(record.num_kept + record.num_dropped + record.num_failed == record.num_read for record in records)
    return Counter(reject["reason"] for reject in rejects(run))
