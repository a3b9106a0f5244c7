"""What the crawling process is told, and what it reports. Both cross a process border as JSON."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from vsd2m.core.registry import lookup
from vsd2m.crawl.sources import SOURCES
from vsd2m.crawl.sources.base import Source

FACTS_FILE = "facts.jsonl"
LOG_FILE = "scrapy.log"
PICTURES = "pictures"


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
    max_redirects: int

    def open_source(self) -> Source:
        """The source under its registry name, or `package.module:Class`."""
        registry = {**SOURCES, self.source: self.source} if ":" in self.source else SOURCES
        source: Source = lookup(registry, self.source, kind="crawl source")(self.site)
        return source


@dataclass(frozen=True)
class Refusal:
    """Why something that was asked for was not had: a reject's reason, value, limit and detail."""

    reason: str
    value: float | None = None
    limit: float | None = None
    detail: str | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


class FactLog:
    """Appends facts, one JSON object a line, in whatever order they come in."""

    def __init__(self, spool: Path) -> None:
        self._file = open(spool / FACTS_FILE, "w", encoding="utf-8")  # noqa: SIM115 (closed by close)

    def add(self, fact: str, **values: Any) -> None:
        self._file.write(json.dumps({"fact": fact, **values}, ensure_ascii=False) + "\n")
        self._file.flush()

    def close(self) -> None:
        self._file.close()


def read_facts(spool: Path) -> Iterator[dict[str, Any]]:
    """The facts of a finished crawl, in order of arrival."""
    with open(spool / FACTS_FILE, encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)
