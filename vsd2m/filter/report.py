"""What each rule of a run's filters does and would do: histogram, samples on both sides of the limit, other limits.

Everything comes from columns that were measured before the filter, for kept and dropped stickers alike; no model runs
again.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from vsd2m.core.errors import StageError, StorageError
from vsd2m.core.run import Run, StageLayout
from vsd2m.core.schema import MEDIA_COLUMNS
from vsd2m.core.storage import Store
from vsd2m.filter.rule import Check
from vsd2m.filter.stage import FilterConfig
from vsd2m.pages.contact_sheet import MAX_PICTURE_BYTES, Sample, contact_sheet
from vsd2m.pages.histogram import histogram
from vsd2m.pages.html import number, page, table

NUM_SAMPLES = 20
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
        """How many stickers this limit alone would drop if it were `limit`."""
        return sum(not self.check.passes(value, limit) for value in self.values)

    def nearest(self, *, kept: bool, count: int) -> list[int]:
        """The stickers nearest to the limit on one side, by number, the nearest first; those too large to show last."""
        side = [i for i, value in enumerate(self.values) if self.check.passes(value) == kept]
        return sorted(
            side, key=lambda i: (not self._fits(i), abs(self.values[i] - self.check.limit), self.rows[i]["key"])
        )[:count]

    def _fits(self, place: int) -> bool:
        return bool(self.rows[place]["num_bytes"] <= MAX_PICTURE_BYTES)


def write_report(run: Run, path: str | Path) -> Path:
    """Writes one self-contained HTML page on all filters of `run` to `path`; `StageError` where none has finished."""
    sections = [section for report in check_reports(run) for section in _section(run, report)]
    if not sections:
        raise StageError(f"{run.store.url} has no finished filter stage to report on; run the pipeline first")
    return write_text(path, page("Filter report", [f'<p class="quiet">{escape(run.store.url)}</p>', *sections]))


def check_reports(run: Run) -> Iterator[CheckReport]:
    """Every limit of every filter stage that has begun, in the order they are tried."""
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
    """Limits worth comparing with the present one: those that would drop 0.1 to 20 %, and the present one."""
    values = np.asarray(report.values)
    shares = [1 - share if report.check.kind == "max" else share for share in _SHARES]
    whole = bool(np.all(values == np.round(values)))
    found = np.quantile(values, shares, method="nearest" if whole else "linear")
    return sorted({report.check.limit, *(float(f"{value:.4g}") for value in found)})


def write_text(path: str | Path, text: str) -> Path:
    """Writes `text` to a local file, whole or not at all."""
    target = Path(path).absolute()
    if target.is_dir():
        raise StorageError(f"cannot write {target}: it is a folder; give the name of a file such as report.html")
    Store(str(target.parent)).write_bytes(target.name, text.encode())
    return target


def _config(run: Run, entry: StageLayout) -> FilterConfig | None:
    """The config a filter stage last ran with; None for other stages, or where it has not run."""
    if entry.stage != "filter":
        return None
    records = run.records(entry.name)
    return FilterConfig.model_validate(records[-1].config) if records else None


def _section(run: Run, report: CheckReport) -> list[str]:
    check = report.check
    bound = "at most" if check.kind == "max" else "at least"
    dropped = report.num_dropped(check.limit)
    limits = other_limits(report)
    rows = [
        [number(limit), f"{report.num_dropped(limit):,}", f"{report.num_dropped(limit) / len(report.values):.2%}"]
        for limit in limits
    ]
    return [
        f"<h2>{escape(report.stage)}: {escape(report.rule)}</h2>",
        f"<p>Keeps {escape(check.measure)} of {bound} {number(check.limit)}; drops {dropped:,} of "
        f"{len(report.values):,} as <code>{escape(check.reason)}</code>, if it were the only rule.</p>",
        histogram(report.values, limit=check.limit, passes=check.passes),
        table(["limit", "dropped", "share"], rows, marked=limits.index(check.limit)),
        "<h3>Kept, nearest to the limit</h3>",
        contact_sheet(run, _samples(report, kept=True)),
        "<h3>Dropped, nearest to the limit</h3>",
        contact_sheet(run, _samples(report, kept=False)),
    ]


def _samples(report: CheckReport, *, kept: bool) -> list[Sample]:
    places = report.nearest(kept=kept, count=NUM_SAMPLES)
    return [Sample(report.rows[i]["key"], report.rows[i], [number(report.values[i])]) for i in places]
