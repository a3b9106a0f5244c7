"""A small run, as the stages before the split leave it: real animated GIFs in a tar, and their columns."""

import hashlib
import io
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
from PIL import Image

from vsd2m.core.commit import CommitRecord, OutputFile
from vsd2m.core.keys import sticker_key
from vsd2m.core.run import Run, StageLayout, part_path, rejects_path
from vsd2m.core.schema import columns_schema
from vsd2m.core.storage import Store
from vsd2m.pipelines.engine.stages import contract
from vsd2m.shard.split import SplitConfig, SplitStage
from vsd2m.shard.stage import ShardConfig, ShardStage
from vsd2m.shard.writer import MEDIA_OFFSET, ShardSample, write_tar

CATALOG = ("media_tar", "media_offset", "num_bytes", "urls", "trigger_words", "given_captions", "titles", "licences")
PROBE = ("media_format", "width", "height", "num_frames", "num_distinct_frames", "durations_ms", "fingerprint")
GROUPS = ("duplicate_group", "duplicate_group_size")
ANNOTATE = (
    "ocr_text",
    "ocr_num_characters",
    "ocr_score",
    "domain",
    "description",
    "caption",
    "caption_zh",
    "caption_zh_source",
)
PLAN = ("split", "shard", "shard_index")
WORDS = ["hello", "good night", "panda", "cat", "晚安", "thanks", "wow"]


def make_gif(num_frames: int, *, seed: int, size: tuple[int, int] = (24, 16)) -> bytes:
    """An animated GIF whose frames all differ."""
    generator = np.random.default_rng(seed)
    frames = [
        Image.fromarray(generator.integers(0, 255, (*size[::-1], 3), dtype=np.uint8)).quantize(16)
        for _ in range(num_frames)
    ]
    file = io.BytesIO()
    frames[0].save(
        file, "GIF", save_all=True, append_images=frames[1:], duration=[50 + 10 * i for i in range(num_frames)]
    )
    return file.getvalue()


def make_rows(num_stickers: int, *, seed: int = 0) -> list[dict]:
    """Columns of all stages before the split, and the bytes under `media`."""
    rows = []
    for i in range(num_stickers):
        number = seed * 1_000_000 + i
        num_frames = 1 + number % 11
        media = make_gif(num_frames, seed=number)
        key = sticker_key(media)
        has_text = number % 3 == 0
        rows.append(
            {
                "key": key,
                "media": media,
                "num_bytes": len(media),
                "urls": [f"http://example.org/{number}.gif"],
                "trigger_words": sorted({WORDS[number % 7], WORDS[number % 3]}),
                "given_captions": [],
                "titles": [f"sticker {number}"] if number % 2 else [],
                "licences": ["CC0-1.0"] if number % 4 else [],
                "media_format": "gif",
                "width": 24,
                "height": 16,
                "num_frames": num_frames,
                "num_distinct_frames": num_frames,
                "durations_ms": [50 + 10 * k for k in range(num_frames)],
                "fingerprint": [2**63 + number],
                "duplicate_group": key,
                "duplicate_group_size": 1,
                "ocr_text": "HI 你好" if has_text else "",
                "ocr_num_characters": 4 if has_text else 0,
                "ocr_score": 0.9 if has_text else None,
                "domain": [None, "real", "cartoon", "cartoon"][number % 4],
                "description": f"A video of a cartoon panda, number {number}, waving on a white background.",
                "caption": f"Panda {number} waves.",
                "caption_zh": "熊猫挥手。" if number % 5 == 0 else None,
                "caption_zh_source": "tiny" if number % 5 == 0 else "absent: empty",
            }
        )
    return rows


def commit(
    run: Run, stage: str, tables: dict[int, list[dict]], rejects: list[dict] = (), files: list[str] = ()
) -> None:
    """Writes a stage's partitions and its records, as a runner does."""
    entry = next(entry for entry in run.layout if entry.name == stage)
    groups = {None: list(tables)} if entry.kind == "table" else {number: [number] for number in tables}
    for partition, numbers in groups.items():
        for number in numbers:
            rows = [{**row, "input_digest": bytes(8)} for row in tables[number]]
            schema = columns_schema(entry.writes, run.schema)
            run.write_table(part_path(stage, number), pa.Table.from_pylist(rows, schema=schema))
            run.write_rejects(
                rejects_path(stage, number), [{**reject, "input_digest": bytes(8), "version": 1} for reject in rejects]
            )
        num_kept = sum(len(tables[number]) for number in numbers)
        reasons = (
            pl.Series([reject["reason"] for reject in rejects], dtype=pl.String).value_counts(sort=True).to_dicts()
        )
        run.commit(
            CommitRecord(
                stage=stage,
                partition=partition,
                identity="test",
                inputs="test",
                outputs={
                    path: OutputFile(sha256=run.store.sha256(path), num_bytes=run.store.size(path))
                    for number in numbers
                    for path in (part_path(stage, number), rejects_path(stage, number), *files)
                },
                num_read=num_kept + len(rejects),
                num_kept=num_kept,
                num_dropped=len(rejects),
                num_failed=0,
                reasons={reason[""]: reason["count"] for reason in reasons},
                versions={},
                config={},
                seconds=0.0,
                num_computed=num_kept,
            )
        )


def make_run(
    folder: Path | str, rows: list[dict], *, partition_size: int = 20, split: SplitConfig | None = None
) -> Run:
    """A run up to and with the split stage."""
    layout = (
        StageLayout("catalog", "catalog", "table", CATALOG),
        StageLayout("probe", "probe", "sticker", PROBE),
        StageLayout("near", "near_duplicates", "table", GROUPS),
        StageLayout("annotate", "annotate", "sticker", ANNOTATE),
        StageLayout("split", "split", "table", PLAN),
        StageLayout("pack", "shard", "file", ("tar_offset",)),
        StageLayout("stats", "stats", "file", ()),
    )
    run = Run(Store(str(folder)), layout, contract())
    run.describe(seed=0)
    with run.store.open_write("crawl/media.tar") as file:
        offsets = write_tar(file, (ShardSample(row["key"], row["media"], {}, "") for row in rows))
    rows = [
        {**row, "media_tar": "crawl/media.tar", "media_offset": offset + MEDIA_OFFSET}
        for row, offset in zip(rows, offsets, strict=False)
    ]
    parts = {i // partition_size: rows[i : i + partition_size] for i in range(0, len(rows), partition_size)}
    for stage, names in (("catalog", CATALOG), ("probe", PROBE), ("near", GROUPS), ("annotate", ANNOTATE)):
        commit(
            run,
            stage,
            {i: [{name: row[name] for name in ("key", *names)} for row in part] for i, part in parts.items()},
        )
    commit_split(run, split or SplitConfig(stickers_per_shard=16, per_word=2))
    return run


def commit_split(run: Run, config: SplitConfig) -> None:
    """Runs the split stage on the run's columns."""
    stage = SplitStage(config)
    table = run.frame(stage.spec.reads, before="split")
    result = stage.process_table(table)
    where = table.select("key", "partition")
    kept = where.join(result.kept, on="key", how="inner", maintain_order="left")
    parts = {i: kept.filter(pl.col("partition") == i).drop("partition").to_dicts() for i in range(run.num_partitions())}
    rejects = [{**reject, "outcome": "dropped"} for reject in result.rejects.to_dicts()]
    commit(run, "split", parts, rejects)


def write_shards(run: Run) -> ShardStage:
    """Runs the shard stage on every partition."""
    stage = ShardStage(ShardConfig())
    for partition in range(stage.num_partitions(run)):
        result = stage.write_partition(run, partition)
        commit(run, "pack", {partition: list(result.kept)}, files=list(result.files))
    return stage


def hashes(folder: Path) -> dict[str, str]:
    """Relative path -> sha256 of every file below a folder."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
