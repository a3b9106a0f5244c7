"""The crawling process: `python -m vsd2m.crawl.scraping.child`, its job as one line of JSON on stdin.

A process of its own, because Twisted's reactor starts once per process. stdin stays open as long as the parent
lives; when it ends, so does this process, even if the parent was killed.
"""

import os
import sys
import threading
from typing import Any, TextIO, cast

from scrapy.crawler import CrawlerProcess

from vsd2m.crawl.records.known import Known
from vsd2m.crawl.rights.signal import product_of
from vsd2m.crawl.scraping.addresses import Places
from vsd2m.crawl.scraping.job import Job, is_loopback
from vsd2m.crawl.scraping.redaction import RedactedStream
from vsd2m.crawl.scraping.resolver import PRIVATE_HOSTS
from vsd2m.crawl.scraping.spider import MAX_PAGE_BYTES, StickerSpider
from vsd2m.crawl.scraping.spool import Spool, read_known

ORPHANED = 3


def main() -> None:
    """Crawls, and notes as its last fact that it came to its end, and why."""
    job = Job.model_validate_json(sys.stdin.buffer.readline())
    redacted = job.redaction()
    for name in ("stdout", "stderr"):  # before Scrapy makes its log's handler; tracebacks are written there too
        setattr(sys, name, cast(TextIO, RedactedStream(getattr(sys, name), redacted)))
    threading.Thread(target=_end_with_parent, name="parent-watch", daemon=True).start()
    spool = Spool(job.spool, redacted)
    process = CrawlerProcess(settings_of(job))
    crawler = process.create_crawler(StickerSpider)
    process.crawl(crawler, job=job, spool=spool, known=Known.of(read_known(job.spool)))
    process.start(install_signal_handlers=False)
    if process.bootstrap_failed:
        sys.exit("the spider could not start")
    if spool.error is not None:
        sys.exit(spool.error)
    spool.note("end", reason=crawler.stats.get_value("finish_reason"))
    spool.close()


def settings_of(job: Job) -> dict[str, Any]:
    """Scrapy's settings for a job."""
    return {
        "USER_AGENT": job.user_agent,
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
        "DOWNLOADER_MIDDLEWARES": {
            "scrapy.downloadermiddlewares.robotstxt.RobotsTxtMiddleware": None,
            "vsd2m.crawl.scraping.middlewares.ObeyRobots": 100,
            "vsd2m.crawl.scraping.reservations.ObeyReservations": 110,
            "scrapy.downloadermiddlewares.offsite.OffsiteMiddleware": None,
            "scrapy.downloadermiddlewares.redirect.RedirectMiddleware": None,
            "vsd2m.crawl.scraping.middlewares.StayOnSite": 600,
            "scrapy.downloadermiddlewares.httpcompression.HttpCompressionMiddleware": None,
            "vsd2m.crawl.scraping.middlewares.Decompress": 590,
            "scrapy.downloadermiddlewares.retry.RetryMiddleware": None,
            "vsd2m.crawl.scraping.middlewares.PatientRetry": 550,
            "scrapy.downloadermiddlewares.redirect.MetaRefreshMiddleware": None,
        },
        "DOWNLOAD_HANDLERS": {"data": None, "file": None, "ftp": None, "s3": None},
        "HTTPERROR_ALLOW_ALL": True,
        "HTTPPROXY_ENABLED": not is_loopback(job.site),
        "COOKIES_ENABLED": False,
        "REFERRER_POLICY": "strict-origin-when-cross-origin",  # the address of a results page may hold a key
        "TELNETCONSOLE_ENABLED": False,
        "REMOTE_CONTROL_ENABLED": False,
        "URLLENGTH_LIMIT": 0,
        "LOG_LEVEL": "INFO",
    }


def _end_with_parent() -> None:
    while os.read(0, 1024):
        pass
    os._exit(ORPHANED)


if __name__ == "__main__":
    main()
