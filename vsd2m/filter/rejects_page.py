"""The rejects of a run, to look through by stage and reason."""

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

import polars as pl

from vsd2m.core.run import Run
from vsd2m.core.schema import MEDIA_COLUMNS
from vsd2m.filter.report import write_text
from vsd2m.pages.contact_sheet import Sample, contact_sheet
from vsd2m.pages.html import number, page, table

NUM_SAMPLES = 40

Media = Mapping[str, Mapping[str, Any]]


def write_page(run: Run, path: str | Path) -> Path:
    """Writes one self-contained HTML page with every stage's rejects to `path`: counts, and up to `NUM_SAMPLES`
    of each reason, those with the smallest keys; a near duplicate stands beside the sticker that was kept for it."""
    rejects = _rejects(run)
    counts = rejects.group_by("stage", "outcome", "reason", maintain_order=True).len()
    rows = [[stage, reason, outcome, f"{count:,}"] for stage, outcome, reason, count in counts.iter_rows()]
    media = _media(run)
    body = [
        f'<p class="quiet">{escape(run.store.url)}</p>',
        f"<p>{len(rejects):,} rejects.</p>",
        table(["stage", "reason", "outcome", "count"], rows),
    ]
    for (stage, _, reason), part in rejects.group_by("stage", "outcome", "reason", maintain_order=True):
        body += _section(run, str(stage), str(reason), part, media)
    return write_text(path, page("Rejects", body))


def _rejects(run: Run) -> pl.DataFrame:
    """All rejects with their stage, stages in the run's order, reasons by name."""
    parts = [rejects.drop("input_digest").with_columns(stage=pl.lit(stage)) for stage, rejects in run.all_rejects()]
    empty = {"stage": pl.String, "outcome": pl.String, "reason": pl.String, "key": pl.String}
    if not parts:
        return pl.DataFrame(schema=empty)
    place = {entry.name: number for number, entry in enumerate(run.layout)}
    order = pl.col("stage").replace_strict(place, return_dtype=pl.Int32)
    return pl.concat(parts).sort(order, "reason", "key", "url", nulls_last=True)


def _media(run: Run) -> Media:
    """Where each sticker's bytes lie, by key."""
    chain = run.chain
    after_root = chain[1].name if len(chain) > 1 else None
    rows = run.frame(list(MEDIA_COLUMNS), before=after_root).drop("partition").to_dicts()
    return {row["key"]: row for row in rows}


def _section(run: Run, stage: str, reason: str, part: pl.DataFrame, media: Media) -> list[str]:
    shown = part.head(NUM_SAMPLES).to_dicts()
    more = f", the first {len(shown)} shown" if len(part) > len(shown) else ""
    samples = [sample for row in shown for sample in _samples(row, media)]
    return [
        f"<h2>{escape(stage)}: {escape(reason)}</h2>",
        f'<p class="quiet">{len(part):,} stickers{more}</p>',
        contact_sheet(run, samples),
    ]


def _samples(row: Mapping[str, Any], media: Media) -> list[Sample]:
    notes = []
    if row["value"] is not None:
        against = f" (limit {number(row['limit'])})" if row["limit"] is not None else ""
        notes.append(number(row["value"]) + against)
    kept_for_it = row["detail"] if row["reason"] == "near_duplicate" else None
    if row["detail"] and kept_for_it is None:
        notes.append(row["detail"].splitlines()[-1])
    if row["key"] is None and row["url"]:
        notes.append(row["url"])
    samples = [Sample(row["key"], media.get(row["key"] or ""), notes)]
    if kept_for_it is not None:
        samples.append(Sample(kept_for_it, media.get(kept_for_it), ["kept for it"]))
    return samples
