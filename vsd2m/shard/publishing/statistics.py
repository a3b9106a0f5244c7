"""Writes what is published with the shards: statistics, a page, a dataset card, Croissant and the Energon folder.

Nothing here depends on the clock or the machine: the same shards give the same bytes.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
from pydantic import Field

from vsd2m.core.commit import CommitRecord, digest
from vsd2m.core.errors import StageError
from vsd2m.core.run import Run
from vsd2m.core.schema import MEDIA_COLUMNS
from vsd2m.core.stage import FileResult, FileStage, StageConfig, StageSpec
from vsd2m.media.media_types import BROWSER_PICTURES
from vsd2m.pages.contact_sheet import Sample, SheetPicture, sheet_pictures
from vsd2m.pages.previews import bytes_each
from vsd2m.pages.render import PACKAGES
from vsd2m.shard.columns import PLAN, layout_of, published_columns
from vsd2m.shard.inventory import STATS_FILE
from vsd2m.shard.publishing.card import dataset_card
from vsd2m.shard.publishing.croissant import PublishedFile, croissant
from vsd2m.shard.publishing.energon import energon_files
from vsd2m.shard.publishing.figures import READ_COLUMNS, figures, funnel
from vsd2m.shard.publishing.page import statistics_page
from vsd2m.shard.stage import FOLDER

PAGE = "stats.html"
_SHARD_FILE = re.compile(r"(vsd2m-[a-z0-9_]+-\d{6})\.(tar|tar\.idx|parquet)")


class StatisticsConfig(StageConfig):
    """Facts about the whole data set, and the size of the page's sample."""

    title: str = Field("VSD2M", min_length=1, description="name of the data set")
    description: str = Field(
        "Animated stickers with captions, trigger words and domains.", description="one or two sentences"
    )
    url: str | None = Field(None, description="where the data set is published")
    licence: str | None = Field(None, description="licence of the whole data set, as an SPDX name or a URL")
    creator: str | None = Field(None, description="person or organisation that created the data set")
    date_published: str | None = Field(
        None, pattern=r"^\d{4}-\d{2}-\d{2}$", description="date of publication, YYYY-MM-DD"
    )
    data_version: str = Field("1.0.0", description="version of the data set")
    num_pictures: int = Field(24, ge=0, le=200, description="stickers on the page's contact sheet")
    seed: int = Field(0, ge=0, description="seed of the choice for the contact sheet")


class StatisticsStage(FileStage[StatisticsConfig]):
    """Writes the page and the files next to the shards, and removes shards that are no longer in the plan."""

    Config = StatisticsConfig
    folders = (FOLDER, "")

    @property
    def spec(self) -> StageSpec:
        return StageSpec("stats", version=3, reads=(*PLAN, *MEDIA_COLUMNS))

    def packages(self) -> Mapping[str, str]:
        return PACKAGES

    def num_partitions(self, run: Run) -> int:
        return 1

    def input_digest(self, run: Run, partition: int) -> str:
        """Digest of the columns of all stickers, the written shards, and every stage's counts."""
        before = layout_of(run, "stats").name
        columns = run.input_digest(_columns(run), before=before, partition=None)
        shards = [[path, file.sha256] for record in _shard_records(run) for path, file in record.outputs.items()]
        described = [column.to_json() for column in run.schema.values()]
        return digest([columns, shards, _funnel(run), described])

    def write_partition(self, run: Run, partition: int) -> FileResult:
        table = run.frame(_columns(run), before=layout_of(run, "stats").name).drop("partition").sort("key")
        files = _published_files(run)
        stats = self._stats(run, table, files)
        _remove_stale_shards(run, {entry["name"] for entry in stats["shards"]})
        documents = self._documents(run, table, stats, files)
        for path, content in documents.items():
            run.store.write_bytes(path, content)
        return FileResult(num_read=table.height, num_kept=table.height, files=list(documents))

    def _stats(self, run: Run, table: pl.DataFrame, files: Sequence[PublishedFile]) -> dict[str, Any]:
        return {
            "title": self.config.title,
            "description": self.config.description,
            "version": self.config.data_version,
            **figures(table, _described(run)),
            "funnel": _funnel(run),
            "shards": _shards(table, files),
        }

    def _documents(
        self, run: Run, table: pl.DataFrame, stats: dict[str, Any], files: Sequence[PublishedFile]
    ) -> dict[str, bytes]:
        """Path in the run -> content."""
        columns = (*published_columns(run, layout_of(run, "shard").name), "tar_offset")
        languages = ["en"] + (["zh"] if stats.get("num_with_caption_zh") else [])
        card = dataset_card(stats, columns, licence=self.config.licence, caption_languages=languages, schema=run.schema)
        page = statistics_page(stats, self._pictures(run, table))
        documents = {
            STATS_FILE: _json(stats),
            "README.md": card.encode(),
            "croissant.json": _json(croissant(self._about(), columns, files, run.schema)),
            **_energon(stats),
        }
        return {PAGE: page.encode(), **{f"{FOLDER}/{name}": content for name, content in documents.items()}}

    def _about(self) -> dict[str, Any]:
        config = self.config
        return {
            "name": config.title,
            "description": config.description,
            "url": config.url,
            "license": config.licence,
            "creator": config.creator,
            "datePublished": config.date_published,
            "version": config.data_version,
            "keywords": ["stickers", "animation"],
        }

    def _pictures(self, run: Run, table: pl.DataFrame) -> list[SheetPicture]:
        """Animated stickers, chosen by a hash of the key, alternating between domains."""
        if "media_format" not in table.columns:
            return []
        moving = table.filter(pl.col("media_format").is_in(BROWSER_PICTURES))
        if "num_frames" in table.columns:
            moving = moving.filter(pl.col("num_frames") > 1)
        salt = f"sheet/{self.config.seed}/".encode()
        order = [hashlib.blake2b(salt + key.encode(), digest_size=16).hexdigest() for key in moving["key"]]
        moving = moving.with_columns(order=pl.Series(order, dtype=pl.String)).sort("order")
        if "domain" in table.columns:
            moving = moving.with_columns(turn=pl.int_range(pl.len()).over("domain")).sort("turn", "order")
        samples = [_sample(row) for row in moving.head(self.config.num_pictures).iter_rows(named=True)]
        return sheet_pictures(run, samples, max_bytes=bytes_each(len(samples)))


def _sample(row: dict[str, Any]) -> Sample:
    tags = [tag for tag in (*(row.get("trigger_words") or [])[:2], row.get("domain")) if tag]
    return Sample(row["key"], row, [row["caption"]] if row.get("caption") else [], tags)


def _columns(run: Run) -> tuple[str, ...]:
    """The columns that the statistics and the contact sheet read, as far as the run has them."""
    has = published_columns(run, layout_of(run, "stats").name)
    return tuple(dict.fromkeys((*(name for name in READ_COLUMNS if name in has), *_described(run), *MEDIA_COLUMNS)))


def _described(run: Run) -> tuple[str, ...]:
    """The columns in the tars' JSON or in the loader's samples."""
    names = published_columns(run, layout_of(run, "shard").name)
    return tuple(name for name in names if run.schema[name].in_json or run.schema[name].in_samples)


def _funnel(run: Run) -> list[dict[str, Any]]:
    """The counts of the stages whose outcomes are stickers; packing drops nothing and is omitted."""
    last = layout_of(run, "shard").name
    names = [entry.name for entry in run.layout]
    return funnel((name, run.records(name)) for name in names[: names.index(last)])


def _shard_records(run: Run) -> list[CommitRecord]:
    records = run.records(layout_of(run, "shard").name)
    if not records:
        raise StageError("the shard stage has not finished; run the pipeline again to resume")
    return records


def _published_files(run: Run) -> list[PublishedFile]:
    """The shards' tars and Parquet files, as their commit records describe them."""
    published_files = [
        PublishedFile(path.removeprefix(f"{FOLDER}/"), file.sha256, file.num_bytes)
        for record in _shard_records(run)
        for path, file in record.outputs.items()
        if path.startswith(f"{FOLDER}/") and path.endswith((".tar", ".parquet"))
    ]
    return sorted(published_files, key=lambda file: file.name)


def _shards(table: pl.DataFrame, files: Sequence[PublishedFile]) -> list[dict[str, Any]]:
    by_name = {file.name: file for file in files}
    counts = table.group_by("shard", "split").agg(num_stickers=pl.len()).sort("shard")
    return [
        {
            "name": row["shard"],
            "split": row["split"],
            "num_stickers": row["num_stickers"],
            "tar_num_bytes": by_name[f"{row['shard']}.tar"].num_bytes,
            "tar_sha256": by_name[f"{row['shard']}.tar"].sha256,
            "parquet_sha256": by_name[f"{row['shard']}.parquet"].sha256,
        }
        for row in counts.iter_rows(named=True)
    ]


def _energon(stats: dict[str, Any]) -> dict[str, bytes]:
    splits: dict[str, list[str]] = {}
    for shard in stats["shards"]:
        splits.setdefault(shard["split"], []).append(f"{shard['name']}.tar")
    return energon_files({f"{shard['name']}.tar": shard["num_stickers"] for shard in stats["shards"]}, splits)


def _remove_stale_shards(run: Run, names: set[str]) -> None:
    """Deletes shards of an earlier, larger data set, which a loader would also read."""
    for file in run.store.list(FOLDER):
        match = _SHARD_FILE.fullmatch(file)
        if match and match[1] not in names:
            run.store.delete(f"{FOLDER}/{file}")


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()
