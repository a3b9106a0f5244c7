"""What the crawling process is told, and how it says no. Both cross the process border as JSON."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict

from vsd2m.core.registry import component
from vsd2m.crawl.sources import SOURCES
from vsd2m.crawl.sources.base import Source


class Job(BaseModel):
    """One crawl: which words on which site, how politely, and the folder for what is found.

    `words` None asks the site for its own list of words and does nothing else.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str
    site: str
    words: tuple[str, ...] | None
    spool: Path
    user_agent: str
    media_hosts: tuple[str, ...]
    max_stickers_per_word: int
    max_pages_per_word: int
    max_file_bytes: int
    delay_s: float
    concurrency: int
    autothrottle: bool
    timeout_s: float
    retries: int
    first_wait_s: float
    max_wait_s: float
    max_redirects: int

    def open_source(self) -> Source:
        """The source under its registry name, or `package.module:Class`; `ConfigError` if there is none."""
        source: Source = component(SOURCES, self.source, kind="crawl source", base=Source)(self.site)
        return source


@dataclass(frozen=True)
class Refusal:
    """Why something that was asked for was not had: a reject's reason, value, limit and detail."""

    reason: str
    value: float | None = None
    limit: float | None = None
    detail: str | None = None


def is_loopback(url: str) -> bool:
    """Whether `url` is on this machine."""
    return urlsplit(url).hostname in ("127.0.0.1", "::1", "localhost")
