"""What a crawl may be told."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from vsd2m.core.stage import StageConfig, neutral
from vsd2m.crawl.job import Job, is_loopback
from vsd2m.crawl.sources import SOURCES
from vsd2m.crawl.text import valid_text

POLITE_DELAY_S = 0.5


class CrawlConfig(StageConfig):
    """What to crawl, and how politely. robots.txt and reservations against machine learning are always obeyed."""

    source: str = Field(description=f"kind of site: {', '.join(SOURCES)}, or `package.module:Class` of your own")
    site: str = Field(description="address of the site, such as http://127.0.0.1:8000")
    words: tuple[str, ...] | Literal["all"] | None = neutral(
        None, description="trigger words to search for; `all` asks the site for its own list, once per run"
    )
    words_file: str | None = neutral(None, description="text file with one trigger word a line, instead of `words`")
    words_per_partition: int = neutral(
        100, ge=1, le=100_000, description="words that are crawled and committed at once"
    )
    max_stickers_per_word: int = Field(1000, ge=1, description="stickers taken from the results of one word")
    max_pages_per_word: int = Field(100, ge=1, description="results pages visited for one word")
    max_file_bytes: int = Field(20 << 20, ge=1, description="largest picture that is downloaded")
    media_hosts: tuple[str, ...] = Field((), description="further hosts, with subdomains, that may be visited")
    max_redirects: int = Field(5, ge=0, le=20, description="redirects followed for one address")
    user_agent: str = neutral(
        "vsd2m", min_length=1, description="name the crawler gives, and obeys rules for; add an address to reach you at"
    )
    timeout_s: float = neutral(30.0, gt=0, le=3600, description="seconds that one download may take")
    retries: int = neutral(3, ge=0, le=10, description="further attempts after a timeout, lost connection, 429 or 5xx")
    first_wait_s: float = neutral(
        1.0, gt=0, le=3600, description="seconds before the first further attempt, give or take a half; doubles"
    )
    max_wait_s: float = neutral(
        120.0, gt=0, le=86400, description="longest wait; a host that asks for a longer one is `rate_limited`"
    )
    delay_s: float | None = neutral(
        None,
        ge=0,
        description="seconds between requests to a host, robots.txt may ask for more; null: 0.5, or 0 on this machine",
    )
    concurrency: int = neutral(8, ge=1, le=256, description="requests under way at once")
    autothrottle: bool | None = neutral(
        None, description="slow down as the site slows down; null: yes, except on this machine"
    )
    media_folder: str = Field(
        "crawl", pattern=r"^[a-z0-9_]+$", description="folder of the tars; a run with several crawls needs several"
    )

    @field_validator("site")
    @classmethod
    def _is_an_address(cls, site: str) -> str:
        split = urlsplit(site)
        if split.scheme not in ("http", "https") or not split.hostname:
            raise ValueError(f"expected http://HOST or https://HOST, found {site!r}")
        return site.rstrip("/")

    @field_validator("source")
    @classmethod
    def _is_known(cls, source: str) -> str:
        if source not in SOURCES and ":" not in source:
            raise ValueError(f"unknown source {source!r}; known: {', '.join(sorted(SOURCES))}, or `module:Class`")
        return source

    @field_validator("words")
    @classmethod
    def _are_words(cls, words: tuple[str, ...] | str | None) -> tuple[str, ...] | str | None:
        if isinstance(words, tuple) and (not words or not all(word.strip() for word in words)):
            raise ValueError("expected at least one word, and no empty ones")
        if isinstance(words, tuple) and any(word != valid_text(word) for word in words):
            raise ValueError("expected words of whole characters, found half of a surrogate pair")
        return words

    @model_validator(mode="after")
    def _one_list_of_words(self) -> "CrawlConfig":
        if (self.words is None) == (self.words_file is None):
            raise ValueError("give exactly one of `words` and `words_file`")
        return self

    def job(self, words: Sequence[str] | None, spool: Path) -> Job:
        """The crawl of these words, or, for None, the question for the site's own."""
        is_here = is_loopback(self.site)
        decided: dict[str, Any] = {
            "words": None if words is None else tuple(words),
            "spool": spool,
            "delay_s": (0.0 if is_here else POLITE_DELAY_S) if self.delay_s is None else self.delay_s,
            "autothrottle": not is_here if self.autothrottle is None else self.autothrottle,
        }
        return Job(**decided, **{name: getattr(self, name) for name in Job.model_fields if name not in decided})
