"""The crawling process: `python -m vsd2m.crawl.scraping.child`, orders as lines of JSON on stdin.

Twisted's reactor starts once per process, and importing Scrapy costs seconds; so this process imports, and forks for
every job. stdin stays open as long as the parent lives; when it ends, so do this process and its fork, even if the
parent was killed.
"""

import gc
import importlib
import json
import os
import resource
import select
import sys
import threading
import traceback
from typing import Any, NoReturn, TextIO, cast

from scrapy.crawler import CrawlerProcess

from vsd2m.crawl.records.known import EarlierAnswers
from vsd2m.crawl.rights.signal import product_of
from vsd2m.crawl.scraping.addresses import Places
from vsd2m.crawl.scraping.job import Job, is_loopback
from vsd2m.crawl.scraping.redaction import RedactedStream
from vsd2m.crawl.scraping.resolver import PRIVATE_HOSTS
from vsd2m.crawl.scraping.spider import MAX_PAGE_BYTES, StickerSpider
from vsd2m.crawl.scraping.spool import Spool, read_known

ORPHANED = 3

_USED_BY_EVERY_CRAWL = (
    "scrapy.core.downloader.handlers.http11",
    "scrapy.core.scheduler",
    "scrapy.extensions.corestats",
    "scrapy.extensions.logstats",
    "scrapy.extensions.throttle",
    "scrapy.robotstxt",
    "twisted.internet.asyncioreactor",
    "vsd2m.crawl.scraping.middlewares",
    "vsd2m.crawl.scraping.sharing",
    "vsd2m.crawl.sources.gallery",
    "vsd2m.crawl.sources.json_api",
    "jmespath",
    "parsel",
    "protego",
)

_DOWNLOADER_MIDDLEWARES = {
    "vsd2m.crawl.scraping.middlewares.ObeyRobots": 100,
    "vsd2m.crawl.scraping.reservations.ObeyReservations": 110,
    "scrapy.downloadermiddlewares.downloadtimeout.DownloadTimeoutMiddleware": 350,
    "scrapy.downloadermiddlewares.defaultheaders.DefaultHeadersMiddleware": 400,
    "scrapy.downloadermiddlewares.useragent.UserAgentMiddleware": 500,
    "vsd2m.crawl.scraping.middlewares.PatientRetry": 550,
    "vsd2m.crawl.scraping.middlewares.Decompress": 590,
    "vsd2m.crawl.scraping.middlewares.StayOnSite": 600,
    "scrapy.downloadermiddlewares.httpproxy.HttpProxyMiddleware": 750,
    "vsd2m.crawl.scraping.sharing.ShareAnswers": 950,
}
_SPIDER_MIDDLEWARES = {
    "scrapy.spidermiddlewares.start.StartSpiderMiddleware": 25,
    "scrapy.spidermiddlewares.referer.RefererMiddleware": 700,
}
_EXTENSIONS = (
    "scrapy.extensions.corestats.CoreStats",
    "scrapy.extensions.logstats.LogStats",
    "vsd2m.crawl.scraping.middlewares.Throttle",
)


def main() -> None:
    """Answers each order with the exit code of the process that did it, until stdin ends."""
    for module in _USED_BY_EVERY_CRAWL:
        importlib.import_module(module)
    gc.freeze()  # what is imported stays shared with the forks
    while line := sys.stdin.buffer.readline():
        code = _forked(json.loads(line))
        os.write(1, f"{code}\n".encode())


def _forked(order: dict[str, Any]) -> int:
    """The exit code of a fork of this process that does the job; where stdin ends meanwhile, this process ends too."""
    end_of_fork, fork_lives = os.pipe()
    end_of_this, this_lives = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(end_of_fork)
        os.close(this_lives)
        _run(order, end_of_this)
    os.close(fork_lives)
    os.close(end_of_this)
    ready, _, _ = select.select([0, end_of_fork], [], [])
    if end_of_fork not in ready:
        os._exit(ORPHANED)
    os.close(end_of_fork)
    _, status = os.waitpid(pid, 0)
    os.close(this_lives)
    return os.waitstatus_to_exitcode(status)


def _run(order: dict[str, Any], end_of_parent: int) -> NoReturn:
    """Does a job in the environment that the ordering process has now, its output in the job's log; then exits."""
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    code = 1
    try:
        threading.Thread(target=_end_with, args=(end_of_parent,), name="parent-watch", daemon=True).start()
        os.chdir(order["folder"])
        os.environ.clear()
        os.environ.update(order["environment"])
        sys.path[:] = order["search_path"]
        crawl(Job.model_validate(order["job"]))
        code = 0
    except SystemExit as error:
        sys.stderr.write(f"{error}\n")
    except BaseException:
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code)


def crawl(job: Job) -> None:
    """Crawls, and writes as its last fact that it has finished, and why."""
    redacted = job.redaction()
    for name in ("stdout", "stderr"):  # before Scrapy makes its log's handler; tracebacks are written there too
        setattr(sys, name, cast(TextIO, RedactedStream(getattr(sys, name), redacted)))
    resource.setrlimit(resource.RLIMIT_AS, (job.max_memory_bytes, job.max_memory_bytes))
    spool = Spool(job.spool, redacted)
    process = CrawlerProcess(settings_of(job))
    crawler = process.create_crawler(StickerSpider)
    process.crawl(crawler, job=job, spool=spool, earlier_answers=EarlierAnswers.of(read_known(job.spool)))
    process.start(install_signal_handlers=False)
    if process.bootstrap_failed:
        sys.exit("the spider could not start")
    if spool.error is not None:
        sys.exit(spool.error)
    hosts = {host: counts.to_json() for host, counts in crawler.spider.hosts.items()}
    spool.note("hosts", hosts=hosts)
    spool.note("end", reason=crawler.stats.get_value("finish_reason"))
    spool.close()


def settings_of(job: Job) -> dict[str, Any]:
    """Scrapy's settings for a job."""
    return {
        "USER_AGENT": job.sent_user_agent,
        "DNS_RESOLVER": "vsd2m.crawl.scraping.resolver.PublicResolver",
        PRIVATE_HOSTS: sorted(Places(job.site, job.media_hosts, job.private_hosts).private_hosts),
        "ROBOTSTXT_OBEY": True,
        "ROBOTSTXT_USER_AGENT": product_of(job.user_agent),
        "ROBOTSTXT_PARSER": "vsd2m.crawl.scraping.reservations.RobotsParser",
        "CONCURRENT_REQUESTS": job.concurrency,
        "CONCURRENT_REQUESTS_PER_DOMAIN": job.concurrency,
        "DOWNLOAD_DELAY": job.delay_s,
        "DOWNLOAD_DELAY_JITTER": 0,
        "AUTOTHROTTLE_ENABLED": job.autothrottle,
        "AUTOTHROTTLE_START_DELAY": job.delay_s,
        "AUTOTHROTTLE_TARGET_CONCURRENCY": max(1, job.concurrency // 2),
        "DOWNLOAD_TIMEOUT": job.timeout_s,
        "DOWNLOAD_MAXSIZE": MAX_PAGE_BYTES,
        "DOWNLOAD_WARNSIZE": 0,
        "RETRY_TIMES": job.retries,
        "REDIRECT_MAX_TIMES": job.max_redirects,
        # in place of the usual sets, of which much is unused; they import an HTTP client of their own
        "DOWNLOADER_MIDDLEWARES_BASE": _DOWNLOADER_MIDDLEWARES,
        "SPIDER_MIDDLEWARES_BASE": _SPIDER_MIDDLEWARES,
        "EXTENSIONS_BASE": dict.fromkeys(_EXTENSIONS, 0),
        "DOWNLOAD_HANDLERS": {
            **dict.fromkeys(("http", "https"), "vsd2m.crawl.scraping.sharing.TakeTurns"),
            **dict.fromkeys(("data", "file", "ftp", "s3")),
        },
        "HTTPPROXY_ENABLED": not is_loopback(job.site),
        "REFERRER_POLICY": "strict-origin-when-cross-origin",  # the address of a results page may hold a key
        "LOG_LEVEL": "INFO",
        # measured: a fifth of a crawl's CPU time each. The spider gives requests only, and its callbacks are its own
        "CONCURRENT_ITEMS": 1,
        "WARN_ON_GENERATOR_RETURN_VALUE": False,
    }


def _end_with(end_of_parent: int) -> None:
    os.read(end_of_parent, 1)
    os._exit(ORPHANED)


if __name__ == "__main__":
    main()
