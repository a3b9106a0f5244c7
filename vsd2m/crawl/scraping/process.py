"""Running the crawling process from the outside."""

import contextlib
import logging
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from vsd2m.core.errors import CrawlError, StorageError
from vsd2m.core.registry import import_extra
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
    import_extra("scrapy", extra="crawl")
    job.open_source()  # an unknown source is the user's mistake, not the process's
    log = job.spool / LOG_FILE
    with open(log, "wb") as output:
        child = subprocess.Popen(
            [sys.executable, "-P", "-m", "vsd2m.crawl.scraping.child"],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path)},
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    with _ended(child):
        assert child.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            child.stdin.write(job.revealed_json().encode() + b"\n")
            child.stdin.flush()
        _wait(child, lambda: _report(job))
    if child.returncode != 0:
        raise CrawlError(f"the crawling process ended early ({child.returncode}): {_last_line(log)}; see {log}")
    facts = list(read_facts(job.spool))
    for fact in facts:
        if fact["fact"] == "site_down":
            raise CrawlError(f"cannot reach {job.site}: {fact['detail']}; check the address, and that the site is up")
    end = facts[-1] if facts else {}
    if (end.get("fact"), end.get("reason")) != ("end", "finished"):
        raise CrawlError(f"the crawling process did not come to its end ({end.get('reason', 'no reason')}); see {log}")
    return facts


@contextlib.contextmanager
def _ended(child: subprocess.Popen[bytes]) -> Iterator[None]:
    """The child does not outlive the block."""
    try:
        yield
    finally:
        if child.poll() is None:
            child.kill()
        with contextlib.suppress(BrokenPipeError):
            child.communicate()


def _wait(child: subprocess.Popen[bytes], report: Callable[[], None]) -> None:
    while True:
        try:
            child.wait(REPORT_EVERY_S)
            return
        except subprocess.TimeoutExpired:
            report()


def _report(job: Job) -> None:
    counts = count_facts(job.spool)
    logger.info("crawling %s: %d stickers found, %d pictures answered", job.site, counts["find"], counts["picture"])


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"
