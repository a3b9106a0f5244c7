"""The crawl stage: one partition of trigger words to one tar of original bytes and one row per picture found."""

import json
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from vsd2m import __version__
from vsd2m.core.commit import digest
from vsd2m.core.errors import CrawlError, StorageError
from vsd2m.core.run import Run
from vsd2m.core.stage import FileResult, FileStage, StageConfig, StageSpec, neutral
from vsd2m.crawl.job import PICTURES, Job
from vsd2m.crawl.media_tar import MediaTar
from vsd2m.crawl.outcomes import Find, join
from vsd2m.crawl.process import crawl, spool_at
from vsd2m.crawl.sources import SOURCES

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


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
    user_agent: str = Field(
        f"vsd2m/{__version__}", min_length=1, description="name the crawler gives; add an address to reach you at"
    )
    timeout_s: float = Field(30.0, gt=0, le=3600, description="seconds that one download may take")
    retries: int = Field(2, ge=0, le=10, description="further attempts after a timeout, lost connection, 429 or 5xx")
    delay_s: float | None = neutral(
        None, ge=0, description="seconds between two requests to a host; null: 0.5, or 0 on this machine"
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
        return words

    @model_validator(mode="after")
    def _one_list_of_words(self) -> "CrawlConfig":
        if (self.words is None) == (self.words_file is None):
            raise ValueError("give exactly one of `words` and `words_file`")
        return self


class CrawlStage(FileStage[CrawlConfig]):
    """Searches the site for each word and keeps the original bytes of what it finds."""

    Config: ClassVar[type[StageConfig]] = CrawlConfig

    @property
    def spec(self) -> StageSpec:
        return StageSpec(
            name="crawl",
            version=1,
            reads=(),
            writes=(
                "url",
                "page_url",
                "source",
                "trigger_word",
                "title",
                "tags",
                "licence",
                "author",
                "robots",
                "media_tar",
                "media_offset",
                "num_bytes",
            ),
        )

    def num_partitions(self, run: Run) -> int:
        return -(-len(self.words(run)) // self.config.words_per_partition)

    def input_digest(self, run: Run, partition: int) -> str:
        return digest([self.config.source, self.config.site, self._words_of(run, partition)])

    def write_partition(self, run: Run, partition: int) -> FileResult:
        """Crawls the partition's words and writes one tar; `CrawlError` where the site cannot be crawled at all."""
        words = self._words_of(run, partition)
        with self._spool(run, f"spool-{partition:06d}") as spool:
            finds = join(crawl(self._job(words, spool)), words)
            _check_robots(finds, self.config.site)
            tar, rows = self._write_media(run, partition, finds, spool)
        rejects = [_reject(find) for find in finds if find.picture is None]
        return FileResult(num_read=len(finds), kept=rows, rejects=rejects, files=[tar] if rows else [])

    def words(self, run: Run) -> list[str]:
        """The run's trigger words in order, each once. A list asked from the site is kept for the life of the run."""
        if self.config.words_file is not None:
            words: Sequence[str] = _read_words(self.config.words_file)
        elif self.config.words == "all":
            words = self._words_of_site(run)
        else:
            words = self.config.words or ()
        return list(dict.fromkeys(word.strip() for word in words if word.strip()))

    def _words_of(self, run: Run, partition: int) -> list[str]:
        size = self.config.words_per_partition
        return self.words(run)[partition * size : (partition + 1) * size]

    def _words_of_site(self, run: Run) -> list[str]:
        path = f"{self.config.media_folder}/words.json"
        asked = {"source": self.config.source, "site": self.config.site}
        if run.store.exists(path):
            known = json.loads(run.store.read_bytes(path))
            if known["asked"] == asked:
                return list(known["words"])
        words = self._ask_words(run)
        run.store.write_bytes(path, json.dumps({"asked": asked, "words": words}, ensure_ascii=False).encode())
        return words

    def _ask_words(self, run: Run) -> list[str]:
        with self._spool(run, "spool-words") as spool:
            job = self._job(None, spool)
            if job.open_source().words_request() is None:
                raise CrawlError(f"source {job.source!r} cannot list words; give `words` or `words_file`")
            facts = {fact["fact"]: fact for fact in crawl(job)}
        if "words" not in facts:
            refused = facts.get("words_refused", {"reason": "not_answered", "detail": None})
            raise CrawlError(f"{job.site} gave no list of words: {refused['reason']} ({refused['detail']})")
        return list(facts["words"]["words"])

    def _job(self, words: Sequence[str] | None, spool: Path) -> Job:
        config, is_here = self.config, urlsplit(self.config.site).hostname in LOOPBACK
        return Job(
            words=None if words is None else tuple(words),
            spool=spool,
            delay_s=(0.0 if is_here else 0.5) if config.delay_s is None else config.delay_s,
            autothrottle=not is_here if config.autothrottle is None else config.autothrottle,
            **{
                name: getattr(config, name)
                for name in Job.model_fields
                if name not in ("words", "spool", "delay_s", "autothrottle")
            },
        )

    def _spool(self, run: Run, name: str) -> AbstractContextManager[Path]:
        """A folder beside the tars, or in the system's temporary folder where the run is on an object store."""
        folder = run.store.local_path(f"{self.config.media_folder}/{name}")
        return spool_at(Path(folder or tempfile.mkdtemp(prefix="vsd2m-crawl-")))

    def _write_media(
        self, run: Run, partition: int, finds: Sequence[Find], spool: Path
    ) -> tuple[str, list[Mapping[str, Any]]]:
        """Identical bytes are stored once; every find of them is a row of its own."""
        path = f"{self.config.media_folder}/media-{partition:06d}.tar"
        found = [find for find in finds if find.picture is not None]
        rows: list[Mapping[str, Any]] = []
        if not found:
            run.store.delete(path)
            return path, rows
        offsets: dict[str, int] = {}
        with run.store.open_write(path) as file:
            tar = MediaTar(file)
            for find in found:
                assert find.key is not None and find.picture is not None
                if find.key not in offsets:
                    data = (spool / PICTURES / find.key).read_bytes()
                    offsets[find.key] = tar.add(f"{find.key}.{find.picture['media_format']}", data)
                rows.append(self._row(find, path, offsets[find.key]))
            tar.close()
        return path, rows

    def _row(self, find: Find, media_tar: str, media_offset: int) -> dict[str, Any]:
        assert find.sticker is not None and find.picture is not None
        return {
            "key": find.key,
            "url": find.url,
            "page_url": find.sticker["page_url"],
            "source": self.config.source,
            "trigger_word": find.word,
            "title": find.sticker["title"],
            "tags": list(find.sticker["tags"]),
            "licence": find.sticker["licence"],
            "author": find.sticker["author"],
            "robots": find.picture["robots"],
            "media_tar": media_tar,
            "media_offset": media_offset,
            "num_bytes": find.picture["num_bytes"],
        }


def _read_words(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise StorageError(f"cannot read the words in {path}: {getattr(error, 'strerror', None) or error}") from error


def _check_robots(finds: Sequence[Find], site: str) -> None:
    reasons = [find.refusal["reason"] if find.refusal and find.sticker is None else None for find in finds]
    searches_only = all("results page" in (find.refusal or {}).get("detail", "") for find in finds)
    if finds and searches_only and set(reasons) == {"robots_disallowed"}:
        raise CrawlError(f"robots.txt of {site} forbids every search of this crawl: {finds[0].refusal}")


def _reject(find: Find) -> dict[str, Any]:
    assert find.refusal is not None
    told = {name: find.refusal[name] for name in ("reason", "value", "limit", "detail")}
    return {"key": find.key, "outcome": find.outcome, **told, "url": find.url}
