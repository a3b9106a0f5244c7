"""Starts crawling processes and gives them jobs. A process that has finished one waits for the next."""

import atexit
import contextlib
import json
import logging
import os
import select
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from vsd2m.core.errors import CrawlError, StorageError
from vsd2m.core.registry import check_extra
from vsd2m.core.storage import Store
from vsd2m.crawl.scraping.job import Job
from vsd2m.crawl.scraping.spool import LOG_FILE, count_facts, read_facts

logger = logging.getLogger(__name__)

REPORT_EVERY_S = 10.0


@contextlib.contextmanager
def spool_in(store: Store, path: str) -> Iterator[Path]:
    """An empty folder at `path`, or in the system's temporary folder where the store is on no disk of this machine.

    It is gone afterwards, unless the block raises: then it stays, for its log to be read. What a killed
    process left there is cleaned first.
    """
    folder = Path(store.local_path(path) or tempfile.mkdtemp(prefix="vsd2m-crawl-"))
    try:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    except OSError as error:
        raise StorageError(f"cannot write {folder}: {error.strerror}") from error
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def crawl(job: Job) -> list[dict[str, Any]]:
    """The facts that the crawl of `job` noted, in order of arrival; pictures lie in its spool under their keys.

    `CrawlError` where the site does not answer at all, or the process ended before its end.
    """
    check_extra("scrapy", extra="crawl")
    job.open_source()  # an unknown source is the user's mistake, not the process's
    log = job.spool / LOG_FILE
    log.touch()
    with _crawling_process() as process:
        code = process.do(_order(job, log), lambda: _report(job))
    if code != 0:
        raise CrawlError(f"the crawling process ended early ({code}): {_last_line(log)}; see {log}")
    facts = list(read_facts(job.spool))
    for fact in facts:
        if fact["fact"] == "site_down":
            raise CrawlError(f"cannot reach {job.site}: {fact['detail']}; check the address, and that the site is up")
    end = facts[-1] if facts else {}
    if (end.get("fact"), end.get("reason")) != ("end", "finished"):
        raise CrawlError(f"the crawling process did not come to its end ({end.get('reason', 'no reason')}); see {log}")
    return facts


def _order(job: Job, log: Path) -> bytes:
    """The job as a line for the crawling process, with the environment that this process has now."""
    around = {
        "folder": os.getcwd(),
        "environment": dict(os.environ),
        "search_path": [os.path.abspath(path) for path in sys.path],
        "log": str(log.absolute()),
    }
    return f'{{"job": {job.revealed_json()}, {json.dumps(around)[1:]}\n'.encode()


class _CrawlingProcess:
    """`vsd2m.crawl.scraping.child`, one job at a time. It ends with this process, whatever ends that."""

    def __init__(self) -> None:
        self._child = subprocess.Popen(
            [sys.executable, "-P", "-m", "vsd2m.crawl.scraping.child"],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )

    def do(self, order: bytes, report: Callable[[], None]) -> int:
        """The exit code of the job; `report` is called every now and then. An exception in here ends the process."""
        assert self._child.stdin is not None and self._child.stdout is not None
        try:
            with contextlib.suppress(BrokenPipeError):
                self._child.stdin.write(order)
                self._child.stdin.flush()
            while not select.select([self._child.stdout], [], [], REPORT_EVERY_S)[0]:
                report()
            answer = self._child.stdout.readline()
            return int(answer) if answer else self._child.wait()
        except BaseException:
            self.end()
            raise

    @property
    def is_alive(self) -> bool:
        return self._child.poll() is None

    def end(self) -> None:
        """Ends the process and its current job."""
        self._child.kill()
        with contextlib.suppress(BrokenPipeError):
            self._child.communicate()


_idle: list[_CrawlingProcess] = []


@contextlib.contextmanager
def _crawling_process() -> Iterator[_CrawlingProcess]:
    """One that is idle, or a new one."""
    try:
        process = _idle.pop()
    except IndexError:
        process = _CrawlingProcess()
    if not process.is_alive:
        process.end()
        process = _CrawlingProcess()
    yield process
    if process.is_alive:
        _idle.append(process)
    else:
        process.end()


@atexit.register
def _end_idle() -> None:
    while _idle:
        _idle.pop().end()


def _report(job: Job) -> None:
    counts = count_facts(job.spool)
    logger.info("crawling %s: %d stickers found, %d pictures answered", job.site, counts["find"], counts["picture"])


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"
