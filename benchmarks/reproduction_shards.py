"""The reproduction's stickers as shards, written by our own writer and read by our own loader."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from reproduction_data import Subject

from vsd2m.core.keys import sticker_key
from vsd2m.media.decode import decode
from vsd2m.shard.columns import json_columns, json_facts, parquet_schema
from vsd2m.shard.writer import MEDIA_OFFSET, ShardSample, write_tar

COLUMNS = (
    "num_bytes",
    "trigger_words",
    "licences",
    "sources",
    "media_format",
    "num_frames",
    "num_distinct_frames",
    "domain",
    "caption",
    "caption_source",
    "split",
)
LICENCE = "MIT"
SOURCE = "npm @lobehub/fluent-emoji-anim-1"


def write_shards(assets: Path, subjects: Iterable[Subject], out: Path) -> None:
    """One shard for each split of the subjects; a folder that is there already is left as it is."""
    if out.exists():
        return
    building = out.with_name(f"{out.name}.tmp")
    building.mkdir(parents=True, exist_ok=True)
    subjects = list(subjects)
    for split in sorted({subject.split for subject in subjects}):
        _write_shard(assets, [subject for subject in subjects if subject.split == split], split, building)
    building.rename(out)


def _write_shard(assets: Path, subjects: list[Subject], split: str, out: Path) -> None:
    rows, samples = [], []
    for subject in subjects:
        media = (assets / f"{subject.code}.webp").read_bytes()
        row = _row(subject, media, split)
        rows.append(row)
        facts = json_facts(row, json_columns(COLUMNS))
        samples.append(ShardSample(row["key"], media, facts, subject.plain_caption))
    name = f"vsd2m-{split}-000000"
    with (out / f"{name}.tar").open("wb") as file:
        offsets = write_tar(file, samples)
    rows = [{**row, "tar_offset": start + MEDIA_OFFSET} for row, start in zip(rows, offsets, strict=False)]
    pq.write_table(pa.Table.from_pylist(rows, schema=parquet_schema((*COLUMNS, "tar_offset"))), out / f"{name}.parquet")


def _row(subject: Subject, media: bytes, split: str) -> dict[str, Any]:
    num_frames = decode(media).num_frames
    return {
        "key": sticker_key(media),
        "num_bytes": len(media),
        "trigger_words": [subject.name],
        "licences": [LICENCE],
        "sources": [SOURCE],
        "media_format": "webp",
        "num_frames": num_frames,
        "num_distinct_frames": num_frames,
        "domain": "cartoon",
        "caption": subject.plain_caption,
        "caption_source": "unicode name",
        "split": split,
    }
