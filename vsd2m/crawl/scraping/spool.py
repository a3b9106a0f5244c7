"""The folder through which the crawling process reports: pictures under their keys, and facts as JSON lines."""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from vsd2m.core.finds.valid_text import valid_text
from vsd2m.crawl.scraping.redaction import Redaction

FACTS_FILE = "facts.jsonl"
KNOWN_FILE = "known.jsonl"
LOG_FILE = "scrapy.log"
PICTURES = "pictures"


class SpoolError(Exception):
    """The spool cannot be written, so the crawl must stop."""


class Spool:
    """The crawling process's side. Facts come in order of arrival; once a write has failed, `error` says why."""

    def __init__(self, folder: Path, redacted: Redaction) -> None:
        self._folder = folder
        self._redacted = redacted
        self.error: str | None = None
        (folder / PICTURES).mkdir(exist_ok=True)
        self._facts = open(folder / FACTS_FILE, "w", encoding="utf-8")  # noqa: SIM115 (closed by close)

    def note(self, fact: str, **values: Any) -> str:
        """Appends one fact and returns its line, its texts as valid Unicode and without keys.

        `SpoolError` where that fails.
        """
        line = self._redacted(valid_text(json.dumps({"fact": fact, **values}, ensure_ascii=False)))
        try:
            self._facts.write(line + "\n")
            self._facts.flush()
        except OSError as error:
            raise self._failed(error) from error
        return line

    def keep(self, key: str, data: bytes) -> None:
        """Stores a picture's bytes; `SpoolError` where that fails."""
        try:
            (self._folder / PICTURES / key).write_bytes(data)
        except OSError as error:
            raise self._failed(error) from error

    def close(self) -> None:
        self._facts.close()

    def _failed(self, error: OSError) -> SpoolError:
        self.error = f"cannot write {self._folder}: {os.strerror(error.errno or 0)}"
        return SpoolError(self.error)


def read_facts(folder: Path) -> Iterator[dict[str, Any]]:
    """The facts of a finished crawl, in order of arrival; none where it ended before it began."""
    return _read_lines(folder / FACTS_FILE)


def write_known(folder: Path, facts: Iterable[Mapping[str, Any]]) -> None:
    """Lays out facts that the crawling process need not find again."""
    with open(folder / KNOWN_FILE, "w", encoding="utf-8") as file:
        file.writelines(json.dumps(fact) + "\n" for fact in facts)


def read_known(folder: Path) -> Iterator[dict[str, Any]]:
    """The facts laid out beforehand, if any."""
    return _read_lines(folder / KNOWN_FILE)


def _read_lines(path: Path) -> Iterator[dict[str, Any]]:
    if not path.exists():
        return
    with open(path, encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def count_facts(folder: Path) -> dict[str, int]:
    """How many stickers a crawl that is still under way has found, and how many of their pictures are answered."""
    try:
        text = (folder / FACTS_FILE).read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        text = ""
    return {fact: text.count(f'{{"fact": "{fact}"') for fact in ("find", "picture")}
