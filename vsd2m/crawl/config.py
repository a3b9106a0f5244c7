"""The options of a crawl."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from vsd2m.core.errors import ConfigError
from vsd2m.core.finds.valid_text import valid_text
from vsd2m.core.stage import StageConfig, neutral
from vsd2m.core.takedown import TakedownList
from vsd2m.crawl.scraping.addresses import is_place
from vsd2m.crawl.scraping.job import Job, is_loopback
from vsd2m.crawl.sources import SOURCES, ChosenSource, source_class
from vsd2m.crawl.sources.base import SourceConfig

POLITE_DELAY_S = 0.5
NO_CONTACT = (
    "{site} is not asked before its owner can reach you: set `contact` to your e-mail address or a page that says who "
    "crawls and why"
)


class CrawlConfig(StageConfig):
    """What to crawl, and how politely. robots.txt and reservations against machine learning are always obeyed."""

    source: ChosenSource = Field(
        description=f"kind of site ({', '.join(SOURCES)}, or `package.module:Class` of your own) and its options, such "
        "as `{source: gallery, site: http://127.0.0.1:8640}`"
    )
    words: tuple[str, ...] | Literal["all"] | None = neutral(
        None, description="trigger words to search for; `all` asks the site for its own list, once per run"
    )
    words_file: str | None = neutral(None, description="text file with one trigger word a line, instead of `words`")
    words_per_partition: int = neutral(
        100, ge=1, le=100_000, description="words, or listed addresses, that are crawled and committed at once"
    )
    max_stickers_per_word: int = Field(1000, ge=1, description="stickers taken from the results of one word")
    max_pages_per_word: int = Field(100, ge=1, description="results pages visited for one word")
    max_file_bytes: int = Field(20 << 20, ge=1, description="largest picture that is downloaded")
    media_hosts: tuple[str, ...] = Field(
        (), description="further hosts, with subdomains, that may be requested, as HOST or HOST:PORT"
    )
    private_hosts: tuple[str, ...] = Field(
        (),
        description="hosts whose names may lead to loopback or private addresses, as HOST or HOST:PORT; not needed "
        "where `site` or `media_hosts` has such an address itself",
    )
    max_redirects: int = Field(5, ge=0, le=20, description="redirects followed for one address")
    user_agent: str = neutral(
        "vsd2m", min_length=1, description="name of the crawler, for the site and in the rules of robots.txt"
    )
    contact: str | None = neutral(
        None,
        pattern=r"^(mailto:)?[^@\s()]+@[^@\s()]+$|^https?://[^\s()]+$",
        description="e-mail address or page where the owner of a site can reach you, sent with every request; "
        "required for sites that are not on this machine, unless `user_agent` holds one",
    )
    timeout_s: float = neutral(30.0, gt=0, le=3600, description="seconds that one download may take")
    retries: int = neutral(3, ge=0, le=10, description="further attempts after a timeout, lost connection, 429 or 5xx")
    first_wait_s: float = neutral(
        1.0, gt=0, le=3600, description="seconds before the first further attempt, give or take a half; doubles"
    )
    max_wait_s: float = neutral(
        120.0, gt=0, le=86400, description="longest wait; a host that asks for a longer one is `rate_limited`"
    )
    max_outage_s: float = neutral(
        900.0,
        ge=0,
        le=604_800,
        description="seconds that a site which has answered before is waited for when it cannot be reached",
    )
    delay_s: float | None = neutral(
        None,
        ge=0,
        description="seconds between requests to a host, robots.txt may ask for more; null: 0.5, or 0 on this machine",
    )
    max_memory_bytes: int = neutral(
        4 << 30,
        ge=1 << 29,
        description="address space of the crawling process; a response that needs more is `out_of_memory`",
    )
    concurrency: int = neutral(8, ge=1, le=256, description="simultaneous requests of each worker")
    workers: int = neutral(
        1,
        ge=1,
        le=64,
        description="partitions crawled at once, each by its own process; together they keep the rate of each host",
    )
    autothrottle: bool | None = neutral(
        None, description="slow down as the site slows down; null: yes, except on this machine"
    )
    takedown: str | None = neutral(
        None,
        description="list of addresses, hosts, authors and keys (YAML or text) that are not asked for and not kept",
    )
    media_folder: str = Field(
        "crawl", pattern=r"^[a-z0-9_]+$", description="folder of the tars; a run with several crawls needs several"
    )

    @model_validator(mode="before")
    @classmethod
    def _site_has_moved(cls, values: Any) -> Any:
        if isinstance(values, Mapping) and "site" in values:
            raise ValueError("`site` is an option of the source now: source: {source: NAME, site: ADDRESS}")
        return values

    @field_validator("source")
    @classmethod
    def _terms_allow_it(cls, source: SourceConfig) -> SourceConfig:
        terms = source_class(source).terms
        if terms is not None and terms.forbidden and source.contract is None:
            raise ValueError(
                f"the terms of {source.source} do not allow {terms.forbidden} ({terms.url}, read on {terms.read_on}); "
                "name the contract that does in `contract`, or take another source"
            )
        return source

    @field_validator("media_hosts", "private_hosts")
    @classmethod
    def _are_places(cls, hosts: tuple[str, ...]) -> tuple[str, ...]:
        for host in hosts:
            if not is_place(host):
                raise ValueError(f"expected HOST or HOST:PORT, found {host!r}")
        return hosts

    @field_validator("words")
    @classmethod
    def _are_words(cls, words: tuple[str, ...] | str | None) -> tuple[str, ...] | str | None:
        if isinstance(words, tuple) and (not words or not all(word.strip() for word in words)):
            raise ValueError("expected at least one word, and no empty ones")
        if isinstance(words, tuple) and any(word != valid_text(word) for word in words):
            raise ValueError("expected words of whole characters, found half of a surrogate pair")
        return words

    @model_validator(mode="after")
    def _can_be_reached(self) -> "CrawlConfig":
        if source_class(self.source).needs_contact and self.lacks_contact():
            raise ValueError(
                f"contact: {self.source.site} asks for an address to reach you at, such as `you@lab.example`, and the "
                f"user agent has none, found {self.user_agent!r}"
            )
        return self

    @model_validator(mode="after")
    def _one_list_of_words(self) -> "CrawlConfig":
        if source_class(self.source).lists_stickers:
            if self.words is not None or self.words_file is not None:
                raise ValueError(f"source {self.source.source} lists its stickers; leave out `words` and `words_file`")
        elif (self.words is None) == (self.words_file is None):
            raise ValueError("give exactly one of `words` and `words_file`")
        return self

    @property
    def num_workers(self) -> int:
        """Partitions crawled at once; no more than the site's rules allow workers or connections."""
        source = source_class(self.source)
        return min(self.workers, source.max_workers or self.workers, source.max_connections or self.workers)

    def takedown_list(self) -> TakedownList:
        """The takedown list; `StorageError` or `ConfigError` if it cannot be read."""
        return TakedownList() if self.takedown is None else TakedownList.read(self.takedown)

    def lacks_contact(self) -> bool:
        """Whether requests would go to a site on another machine without a contact."""
        has_contact = self.contact is not None or re.search(r"\S@\S|https?://\S", self.user_agent)
        return not has_contact and not is_loopback(self.source.site)

    def job(
        self, words: Sequence[str] | None, spool: Path, coordinator: str | None = None, *, is_site_known: bool = False
    ) -> Job:
        """The job that crawls these words, or for None the one that reads the words of the site."""
        if self.lacks_contact():
            raise ConfigError(NO_CONTACT.format(site=self.source.site or "a site"))
        is_here = is_loopback(self.source.site)
        source = source_class(self.source)
        delay_s = (0.0 if is_here else POLITE_DELAY_S) if self.delay_s is None else self.delay_s
        decided: dict[str, Any] = {
            "words": None if words is None else tuple(words),
            "spool": spool,
            "coordinator": coordinator,
            "is_site_known": is_site_known,
            "takedown": self.takedown_list().to_json(),
            "delay_s": delay_s if is_here else max(delay_s, source.min_delay_s),
            "concurrency": min(
                self.concurrency, (source.max_connections or self.concurrency * self.num_workers) // self.num_workers
            ),
            "autothrottle": not is_here if self.autothrottle is None else self.autothrottle,
        }
        return Job(**decided, **{name: getattr(self, name) for name in Job.model_fields if name not in decided})
