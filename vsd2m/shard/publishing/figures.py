"""The statistics of a data set: those that the paper shows, and the outcomes of all stages.

Pure functions from columns to JSON values. Statistics whose column the run does not have are absent.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import polars as pl

from vsd2m.core.commit import CommitRecord
from vsd2m.shard.publishing.description_words import count_words, num_words

READ_COLUMNS = (
    "split",
    "shard",
    "num_bytes",
    "trigger_words",
    "licences",
    "media_format",
    "width",
    "height",
    "num_frames",
    "duration_ms",
    "ocr_num_characters",
    "domain",
    "description",
    "description_source",
    "caption",
    "caption_zh",
)
MAX_LISTED = 200
BIN_WORDS = 10


def figures(table: pl.DataFrame, described: Sequence[str] = ()) -> dict[str, Any]:
    """All statistics of the published stickers; `table` has `key` and the `READ_COLUMNS` of the run.

    For the columns `described`, which are also in `table`, the number of stickers with a value is counted.
    """
    statistics: dict[str, Any] = {"num_stickers": table.height, "num_bytes": int(table["num_bytes"].sum())}
    statistics["splits"] = _splits(table)
    if "trigger_words" in table.columns:
        statistics["trigger_words"] = _trigger_words(table["trigger_words"])
    if "licences" in table.columns:
        statistics["licences"] = _value_counts(table["licences"].explode(keep_nulls=False, empty_as_null=False))
    for name, title in (("media_format", "formats"), ("domain", "domains"), ("description_source", "describers")):
        if name in table.columns:
            statistics[title] = _value_counts(table[name].fill_null("none"))
    for name in ("num_frames", "duration_ms", "num_bytes", "width", "height", "ocr_num_characters"):
        if name in table.columns:
            statistics[f"{name}_quantiles"] = quantiles(table[name])
    if "num_frames" in table.columns:
        statistics["num_frames"] = {str(value): count for value, count in _histogram(table["num_frames"])}
    if "ocr_num_characters" in table.columns:
        statistics["num_with_text"] = int((table["ocr_num_characters"] > 0).sum())
    if "description" in table.columns:
        statistics |= _descriptions(table["description"].drop_nulls().to_list())
    for name in ("caption", "caption_zh"):
        if name in table.columns:
            statistics[f"num_with_{name}"] = table.height - table[name].null_count()
    statistics["num_with_value"] = {name: _num_values(table[name]) for name in described}
    return statistics


def _num_values(column: pl.Series) -> int:
    """The number of stickers with a value; an empty text or list is none."""
    if isinstance(column.dtype, pl.List):
        return int((column.list.len() > 0).sum())
    return int((column != "").sum()) if column.dtype == pl.String else len(column) - column.null_count()


def funnel(stages: Iterable[tuple[str, Sequence[CommitRecord]]]) -> list[dict[str, Any]]:
    """The numbers that each stage read, kept, dropped and failed, with reasons, in the order of the run."""
    return [
        {
            "stage": name,
            "num_read": sum(record.num_read for record in records),
            "num_kept": sum(record.num_kept for record in records),
            "num_dropped": sum(record.num_dropped for record in records),
            "num_failed": sum(record.num_failed for record in records),
            "reasons": _summed(record.reasons for record in records),
        }
        for name, records in stages
        if records
    ]


def quantiles(values: pl.Series) -> dict[str, float] | None:
    """The values at these quantiles, without interpolation; None if there are no values."""
    values = values.drop_nulls()
    if values.is_empty():
        return None
    shares = {"min": 0.0, "p05": 0.05, "p25": 0.25, "median": 0.5, "p75": 0.75, "p95": 0.95, "max": 1.0}
    return {name: float(values.quantile(share, interpolation="nearest") or 0) for name, share in shares.items()}


def _splits(table: pl.DataFrame) -> list[dict[str, Any]]:
    grouped = table.group_by("split").agg(
        num_stickers=pl.len(), num_shards=pl.col("shard").n_unique(), num_bytes=pl.col("num_bytes").sum()
    )
    return grouped.sort("split").to_dicts()


def _trigger_words(words: pl.Series) -> dict[str, Any]:
    counts = _value_counts(words.explode(keep_nulls=False, empty_as_null=False))
    return {"num_distinct": len(counts), "top": dict(list(counts.items())[:MAX_LISTED])}


def _descriptions(texts: list[str]) -> dict[str, Any]:
    lengths = pl.Series([num_words(text) for text in texts], dtype=pl.Int64)
    bins = _histogram((lengths - 1).clip(lower_bound=0) // BIN_WORDS)
    words = sorted(count_words(texts).items(), key=lambda item: (-item[1], item[0]))
    return {
        "description_words_quantiles": quantiles(lengths),
        "description_words": {f"{BIN_WORDS * i + 1}-{BIN_WORDS * (i + 1)}": count for i, count in bins},
        "frequent_words": dict(words[:MAX_LISTED]),
    }


def _value_counts(values: pl.Series) -> dict[str, int]:
    """Value -> count, most frequent first, equal counts by value."""
    counts = values.alias("value").value_counts(name="num").sort(["num", "value"], descending=[True, False])
    return dict(counts.iter_rows())


def _histogram(values: pl.Series) -> list[tuple[int, int]]:
    """(value, count) by value."""
    return list(values.drop_nulls().alias("value").value_counts(name="num").sort("value").iter_rows())


def _summed(histograms: Iterable[dict[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for histogram in histograms:
        for reason, count in histogram.items():
            total[reason] = total.get(reason, 0) + count
    return dict(sorted(total.items(), key=lambda item: (-item[1], item[0])))
