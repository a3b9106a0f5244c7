"""The job of the crawling process and the refusals it reports. Both are passed between processes as JSON."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, SecretStr

from vsd2m.crawl.scraping.redaction import Redaction
from vsd2m.crawl.sources import ChosenSource, open_source
from vsd2m.crawl.sources.base import Source


class Job(BaseModel):
    """One crawl: which words on which site, how politely, and the folder for the stickers.

    `words` None asks the site for its own list of words and does nothing else. `coordinator` is the address of
    the coordinator of several workers.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    source: ChosenSource
    words: tuple[str, ...] | None
    spool: Path
    coordinator: str | None = None
    user_agent: str
    contact: str | None
    media_hosts: tuple[str, ...]
    private_hosts: tuple[str, ...]
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
    max_memory_bytes: int
    takedown: dict[str, list[str]]
    max_outage_s: float
    is_site_known: bool = False

    @property
    def site(self) -> str:
        """The address of the site, without a final slash."""
        return self.source.site

    @property
    def sent_user_agent(self) -> str:
        """The user agent with the contact, as requests carry it."""
        return self.user_agent if self.contact is None else f"{self.user_agent} (+{self.contact})"

    def open_source(self) -> Source[Any]:
        """The source with its options; `ConfigError` if there is none of its name."""
        return open_source(self.source)

    def redaction(self) -> Redaction:
        """Removes the source's keys from texts."""
        return Redaction(self.source.secrets())

    def revealed_json(self) -> str:
        """As JSON with its keys, for the crawling process's standard input and nothing else."""
        return json.dumps(self.model_dump(), default=_revealed)


def _revealed(value: Any) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


@dataclass(frozen=True)
class Refusal:
    """Why an address was not downloaded: a reject's reason, value, limit and detail."""

    reason: str
    value: float | None = None
    limit: float | None = None
    detail: str | None = None


def is_loopback(url: str) -> bool:
    """Whether `url` is on this machine, as it is written."""
    host = urlsplit(url).hostname or ""
    return host == "::1" or re.fullmatch(r"127(\.\d+){3}|(.*\.)?localhost", host) is not None
