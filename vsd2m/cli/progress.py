"""Progress bars on stderr; one line per stage if stderr is not a terminal."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from vsd2m.core import notices
from vsd2m.core.commit import CommitRecord

console = Console(stderr=True)


class Notices(logging.Handler):
    """Shows one-time preparations of a process, one line each, above the bars."""

    def emit(self, record: logging.LogRecord) -> None:
        console.print(record.getMessage(), style="dim", highlight=False, markup=False, soft_wrap=True)


def show_notices() -> None:
    """Shows the notices of this process on stderr."""
    logger = logging.getLogger(notices.NAME)
    logger.setLevel(logging.INFO)
    if not any(isinstance(handler, Notices) for handler in logger.handlers):
        logger.addHandler(Notices())


def bars() -> Progress:
    """The progress display of all commands."""
    columns = (
        SpinnerColumn(finished_text="[green]✓"),
        TextColumn("{task.description:<16}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("[dim]{task.fields[note]}"),
    )
    return Progress(*columns, console=console, disable=not console.is_terminal)


@contextmanager
def bar(description: str, total: int | None) -> Iterator["Bar"]:
    """One bar around a long call: `with bar("drawing", 320) as update_bar: update_bar(done)`."""
    with bars() as progress:
        updated_bar = Bar(progress, progress.add_task(description, total=total, note=""), description)
        yield updated_bar
        updated_bar.finish()


class Bar:
    """A callable that moves its bar; without a terminal it prints one line at the end."""

    def __init__(self, progress: Progress, task: TaskID, description: str) -> None:
        self._progress = progress
        self._task = task
        self._description = description
        self._started = time.monotonic()

    def __call__(self, done: int, total: int | None = None, note: str = "") -> None:
        self._progress.update(self._task, completed=done, total=total, note=note)

    def finish(self) -> None:
        """Shows the bar as done."""
        task = self._progress.tasks[self._task]
        self._progress.update(self._task, total=task.completed or 1, completed=task.completed or 1)
        if not console.is_terminal:
            console.print(f"{self._description}: done in {time.monotonic() - self._started:.0f} s", highlight=False)


class RunProgress:
    """The observer of a run: a bar per stage, with what was kept and dropped."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}
        self._counts: dict[str, list[int]] = {}
        self._totals: dict[str, int] = {}
        self._started: dict[str, float] = {}

    def stage_started(self, stage: str, *, num_partitions: int) -> None:
        self._tasks[stage] = self._progress.add_task(stage, total=None, note=f"{num_partitions} partitions")
        self._counts[stage] = [0, 0, 0, 0, 0]
        self._totals[stage] = 0
        self._started[stage] = time.monotonic()

    def partition_skipped(self, stage: str) -> None:
        self._counts[stage][4] += 1

    def partition_started(self, stage: str, partition: int | None, num_stickers: int | None) -> None:
        if num_stickers is not None:
            self._totals[stage] += num_stickers
            self._progress.update(self._tasks[stage], total=self._totals[stage])

    def stickers_done(self, stage: str, num_stickers: int) -> None:
        self._progress.advance(self._tasks[stage], num_stickers)

    def partition_done(self, record: CommitRecord) -> None:
        counts = self._counts[record.stage]
        for index, number in enumerate((record.num_read, record.num_kept, record.num_dropped, record.num_failed)):
            counts[index] += number
        self._progress.update(self._tasks[record.stage], note=self._note(record.stage))

    def stage_done(self, stage: str) -> None:
        num_done = max(self._counts[stage][0], 1)
        self._progress.update(self._tasks[stage], total=num_done, completed=num_done, note=self._note(stage))
        if not console.is_terminal:
            seconds = time.monotonic() - self._started[stage]
            console.print(f"{stage:<16} {seconds:6.1f} s  {self._note(stage)}", highlight=False)

    def _note(self, stage: str) -> str:
        num_read, num_kept, num_dropped, num_failed, num_skipped = self._counts[stage]
        if num_skipped and not num_read:
            return "already done"
        return f"{num_kept} kept, {num_dropped} dropped" + (f", {num_failed} failed" if num_failed else "")
