"""Forecast of the requests of a crawl to each host, and of their duration."""

from collections import Counter
from collections.abc import Mapping
from math import ceil
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from vsd2m.core.commit import CommitRecord
from vsd2m.core.run import Run
from vsd2m.core.stage import HostLoad
from vsd2m.crawl.config import CrawlConfig
from vsd2m.crawl.records.hosts import read_hosts, sum_of
from vsd2m.crawl.sources import source_class
from vsd2m.crawl.sources.base import Source

BUSIEST = 20
"""Hosts of a list that a forecast names."""


def host_loads(
    run: Run,
    finished: Mapping[int, CommitRecord],
    config: CrawlConfig,
    words: Mapping[int, list[str]],
    *,
    num_stickers: int,
) -> list[HostLoad]:
    """The requests that are left, by host, the busiest first.

    Where partitions are finished, what their words took is the measure for the others. Before that, a word is one
    results page, and a sticker is a picture and, if the source has sticker pages, one of those, all on the site's host.
    """
    delay_s = config.job(None, Path()).delay_s
    num_left = sum(len(part) for partition, part in words.items() if partition not in finished)
    measured = sum_of(read_hosts(run, config.media_folder, partition) for partition in finished)
    if not measured:
        has_pages = source_class(config.source).parse_sticker is not Source.parse_sticker
        num_requests = num_left + num_stickers * (2 if has_pages else 1)
        host = urlsplit(config.source.site).hostname or ""
        return [HostLoad(host, num_requests, delay_s, num_requests * delay_s)]
    share = num_left / sum(len(words[partition]) for partition in finished)
    seconds = share * sum(record.seconds for record in finished.values()) / config.num_workers
    return [
        HostLoad(host, num_requests, delay_s, max(num_requests * delay_s, seconds))
        for host, counts in measured.items()
        for num_requests in [ceil(counts.requests * share)]
    ]


def listed_loads(source: Source[Any], config: CrawlConfig) -> list[HostLoad]:
    """The pictures that a source lists, by host, the busiest first; `BUSIEST` hosts at most."""
    delay_s = config.job(None, Path()).delay_s
    counts = Counter(_host(sticker.url) for sticker in source.listed_stickers())
    return [HostLoad(host, number, delay_s, number * delay_s) for host, number in counts.most_common(BUSIEST)]


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
