"""A page with the rejects of a run, by stage and reason."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from vsd2m.core.run import Run
from vsd2m.core.schema import MEDIA_COLUMNS
from vsd2m.pages.contact_sheet import Sample, SheetPicture, sheet_pictures
from vsd2m.pages.numbers import number
from vsd2m.pages.previews import bytes_each
from vsd2m.pages.render import render
from vsd2m.pages.write import write_page

NUM_SAMPLES = 40
"""Most pictures per reason."""
MAX_PICTURES = 160
"""On one page."""
MAX_NAMED = 100
"""Most stickers per reason that are listed without a picture."""

Media = Mapping[str, Mapping[str, Any]]
Row = dict[str, Any]


@dataclass(frozen=True)
class Reason:
    """The stickers that one stage rejected for one reason: those with a picture, and those that are only listed."""

    stage: str
    name: str
    count: int
    drawable: Sequence[Row]
    undrawable: Sequence[Row]

    def num_pictures(self, num_rows: int) -> int:
        """Pictures of the first `num_rows` stickers; a near duplicate is shown next to the sticker that was kept
        instead."""
        pictures_each = 2 if self.name == "near_duplicate" else 1
        return pictures_each * min(num_rows, len(self.drawable))


def write_rejects(run: Run, path: str | Path) -> Path:
    """Writes one self-contained HTML page with every stage's rejects to `path`: counts, and for each reason as many
    pictures as fit, those with the smallest keys; a near duplicate is shown next to the sticker that was kept instead.
    """
    rejects, media = _rejects(run), _media(run)
    groups = rejects.group_by("stage", "outcome", "reason", maintain_order=True)
    reasons = [_reason(str(stage), str(name), part, media) for (stage, _, name), part in groups]
    num_drawn = _num_drawn(reasons)
    max_bytes = bytes_each(sum(reason.num_pictures(num_drawn) for reason in reasons))
    counts = groups.len().iter_rows()
    page = render(
        "rejects.html",
        title="Rejects",
        run=run.store.url,
        num_rejects=len(rejects),
        counts=[(f"{stage}: {name}", outcome, f"{count:,}") for stage, outcome, name, count in counts],
        reasons=[_section(run, reason, media, num_drawn, max_bytes) for reason in reasons],
    )
    return write_page(path, page)


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
    """The location of each sticker's bytes, by key."""
    chain = run.chain
    after_root = chain[1].name if len(chain) > 1 else None
    rows = run.frame(list(MEDIA_COLUMNS), before=after_root).drop("partition").to_dicts()
    return {row["key"]: row for row in rows}


def _reason(stage: str, name: str, part: pl.DataFrame, media: Media) -> Reason:
    """Only as many rows as fit on a page are kept in memory."""
    has_bytes = pl.col("key").is_in(list(media)) if "key" in part.columns else pl.lit(False)
    drawable = part.filter(has_bytes.fill_null(False)).head(NUM_SAMPLES + MAX_NAMED).to_dicts()
    undrawable = part.filter(~has_bytes.fill_null(False)).head(MAX_NAMED).to_dicts()
    return Reason(stage, name, len(part), drawable, undrawable)


def _num_drawn(reasons: Sequence[Reason]) -> int:
    """The number of pictures per reason, so that all together are at most `MAX_PICTURES`."""
    counts = range(NUM_SAMPLES, 0, -1)
    fitting = (n for n in counts if sum(reason.num_pictures(n) for reason in reasons) <= MAX_PICTURES)
    return next(fitting, 1)


def _section(run: Run, reason: Reason, media: Media, num_drawn: int, max_bytes: int) -> dict[str, Any]:
    """The variables of the template for one reason."""
    keys = reason.drawable[:num_drawn]
    named = [_line(row) for row in [*reason.undrawable, *reason.drawable[num_drawn:]]][:MAX_NAMED]
    return {
        "stage": reason.stage,
        "name": reason.name,
        "count": reason.count,
        "num_drawn": len(keys),
        "pictures": _pictures(run, keys, media, max_bytes),
        "named": named,
        "num_unnamed": reason.count - len(keys) - len(named),
    }


def _pictures(run: Run, rows: Sequence[Row], media: Media, max_bytes: int) -> list[SheetPicture]:
    samples = []
    for row in rows:
        samples.append(Sample(row["key"], media[row["key"]], _notes(row)))
        winner = row["detail"] if row["reason"] == "near_duplicate" else None
        if winner is not None:
            samples.append(Sample(winner, media.get(winner), ["kept for it"]))
    return sheet_pictures(run, samples, max_bytes=max_bytes)


def _notes(row: Row) -> list[str]:
    """The measured value with its limit, and the last line of the detail."""
    notes = []
    if row["value"] is not None:
        against = f" (limit {number(row['limit'])})" if row["limit"] is not None else ""
        notes.append(number(row["value"]) + against)
    if row["detail"] and row["reason"] != "near_duplicate":
        notes.append(row["detail"].splitlines()[-1])
    return notes


def _line(row: Row) -> str:
    """A sticker as text: its key or address, and the reason."""
    return " · ".join([row["key"] or row["url"] or "no address", *_notes(row)])
