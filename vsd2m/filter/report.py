"""The effect of each filter rule of a run: histogram, samples on both sides of the limit, effects of other limits.

Everything is computed from columns that were measured before the filter, for kept and dropped stickers; no model runs.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vsd2m.core.errors import StageError
from vsd2m.core.run import Run, StageLayout
from vsd2m.core.schema import MEDIA_COLUMNS
from vsd2m.filter.rule import Check
from vsd2m.filter.stage import FilterConfig
from vsd2m.pages.charts import limit_histogram
from vsd2m.pages.contact_sheet import Sample, SheetPicture, sheet_pictures
from vsd2m.pages.numbers import number
from vsd2m.pages.previews import bytes_each
from vsd2m.pages.render import render
from vsd2m.pages.write import write_page

NUM_SAMPLES = 20
"""Most stickers on one side of a limit."""
MAX_PICTURES = 160
"""Limit of all pictures on the page."""
_SHARES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.2)

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class CheckReport:
    """One limit of one rule, and the value of every sticker that it concerns, in catalog order."""

    stage: str
    rule: str
    check: Check
    rows: Rows
    values: Sequence[float]

    def num_dropped(self, limit: float) -> int:
        """The number of stickers that only this check would drop with `limit`."""
        return sum(not self.check.passes(value, limit) for value in self.values)

    def nearest(self, *, passing: bool, count: int) -> list[int]:
        """The indices of the stickers nearest to the limit on one side, the nearest first."""
        side = [i for i, value in enumerate(self.values) if self.check.passes(value) == passing]
        return sorted(side, key=lambda i: (abs(self.values[i] - self.check.limit), self.rows[i]["key"]))[:count]


def write_report(run: Run, path: str | Path) -> Path:
    """Writes one self-contained HTML page about all filters of `run` to `path`; `StageError` if none has finished."""
    reports = list(check_reports(run))
    if not reports:
        raise StageError(f"{run.store.url} has no finished filter stage to report on; run the pipeline first")
    count = max(2, min(NUM_SAMPLES, MAX_PICTURES // (2 * len(reports))))
    num_pictures = 2 * sum(min(count, len(report.values)) for report in reports)
    sections = [_section(run, report, count=count, max_bytes=bytes_each(num_pictures)) for report in reports]
    return write_page(path, render("filter_report.html", title="Filter report", run=run.store.url, reports=sections))


def check_reports(run: Run) -> Iterator[CheckReport]:
    """Every limit of every started filter stage, in the order of evaluation."""
    for entry in run.layout:
        config = _config(run, entry)
        if config is None:
            continue
        columns = dict.fromkeys([*(name for rule in config.rules.values() for name in rule.reads), *MEDIA_COLUMNS])
        rows = run.frame(list(columns), before=entry.name).to_dicts()
        for name, rule in config.rules.items():
            for check in rule.checks():
                measured = [(row, value) for row in rows if (value := check.value(row)) is not None]
                if measured:
                    yield CheckReport(entry.name, name, check, *map(list, zip(*measured, strict=True)))


def other_limits(report: CheckReport) -> list[float]:
    """Limits to compare: those that would drop 0.1 to 20 %, and the current one."""
    values = np.asarray(report.values)
    shares = [1 - share if report.check.kind == "max" else share for share in _SHARES]
    whole = bool(np.all(values == np.round(values)))
    quantiles = np.quantile(values, shares, method="nearest" if whole else "linear")
    return sorted({report.check.limit, *(float(f"{value:.4g}") for value in quantiles)})


def _config(run: Run, entry: StageLayout) -> FilterConfig | None:
    """The config of a filter stage's last run; None for other stages, or if it has not run."""
    if entry.stage != "filter":
        return None
    records = run.records(entry.name)
    return FilterConfig.model_validate(records[-1].config) if records else None


def _section(run: Run, report: CheckReport, *, count: int, max_bytes: int) -> dict[str, Any]:
    """The variables of the template for one limit."""
    check, limits = report.check, other_limits(report)
    label = f"{check.measure} of {len(report.values):,} stickers, limit {number(check.limit)}"
    drop_counts = [report.num_dropped(limit) for limit in limits]
    sides = (("Kept, nearest to the limit", True), ("Dropped, nearest to the limit", False))
    return {
        "stage": report.stage,
        "rule": report.rule,
        "measure": check.measure,
        "bound": "at most" if check.kind == "max" else "at least",
        "limit": check.limit,
        "num_dropped": report.num_dropped(check.limit),
        "num_values": len(report.values),
        "reason": check.reason,
        "histogram": limit_histogram(report.values, limit=check.limit, passes=check.passes, label=label),
        "limits": [
            (number(limit), f"{num_dropped:,}", f"{num_dropped / len(report.values):.2%}")
            for limit, num_dropped in zip(limits, drop_counts, strict=True)
        ],
        "present": limits.index(check.limit),
        "sides": [
            (heading, _pictures(run, report, report.nearest(passing=passing, count=count), max_bytes))
            for heading, passing in sides
        ],
    }


def _pictures(run: Run, report: CheckReport, places: Sequence[int], max_bytes: int) -> list[SheetPicture]:
    measure = report.check.measure
    samples = [Sample(report.rows[i]["key"], report.rows[i], [f"{measure} {number(report.values[i])}"]) for i in places]
    return sheet_pictures(run, samples, max_bytes=max_bytes)
