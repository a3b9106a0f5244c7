"""The crawl stage: one partition of trigger words to one tar of original bytes and one row per sticker."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from vsd2m.core.commit import digest
from vsd2m.core.errors import CrawlError
from vsd2m.core.finds.media_tar import MediaTar
from vsd2m.core.finds.partition_plan import PartitionPlan
from vsd2m.core.partitioning import partition_names
from vsd2m.core.run import Run
from vsd2m.core.stage import FileResult, FileStage, HostLoad, StageConfig, StageSpec
from vsd2m.core.takedown import TakedownList
from vsd2m.crawl.columns import CRAWL_COLUMNS
from vsd2m.crawl.config import NO_CONTACT, CrawlConfig
from vsd2m.crawl.coordination.coordinator import coordinator
from vsd2m.crawl.coordination.fetching import fetch_pictures, media_place, share_places
from vsd2m.crawl.coordination.shared_answers import SharedAnswers
from vsd2m.crawl.forecast import host_loads, listed_loads
from vsd2m.crawl.records.evidence import dates_path, keep_dates, keep_evidence
from vsd2m.crawl.records.hosts import HostCounts, add_hosts, hosts_of, hosts_path, sum_of
from vsd2m.crawl.records.ledger import LedgerHead, answers_of, facts_of, ledger_bytes, read_ledger, recall, unplaced
from vsd2m.crawl.records.listed import NO_WORD, listed_plan, with_listed
from vsd2m.crawl.records.outcomes import TRANSIENT, Fact, Find, join, reason_of, shared_name
from vsd2m.crawl.scraping.job import Job
from vsd2m.crawl.scraping.process import crawl, spool_in
from vsd2m.crawl.scraping.spool import PICTURES, write_known
from vsd2m.crawl.sources import open_source, source_class
from vsd2m.crawl.words import are_words_known, trigger_words

logger = logging.getLogger(__name__)

COLUMNS = CRAWL_COLUMNS
MAX_ATTEMPTS = 3
_STATED = ("page_url", "title", "tags", "licence", "author", "licence_url", "source_id")


class CrawlStage(FileStage[CrawlConfig]):
    """Searches the site for each word and stores the original bytes of each sticker."""

    Config: ClassVar[type[StageConfig]] = CrawlConfig

    def __init__(self, config: CrawlConfig) -> None:
        super().__init__(config)
        self._partitions: dict[str, dict[int, list[str]]] = {}
        self._coordinator: str | None = None
        self._lists: dict[str, PartitionPlan] = {}

    @property
    def spec(self) -> StageSpec:
        return StageSpec(name="crawl", version=7, reads=(), columns=COLUMNS)

    def model_versions(self) -> dict[str, str]:
        takedown = self.config.takedown_list()
        return {**self._source_version(), **({"takedown": takedown.digest()} if takedown else {})}

    def _source_version(self) -> dict[str, str]:
        return {f"source:{self.config.source.source}": str(source_class(self.config.source).version)}

    def packages(self) -> Mapping[str, str]:
        return {"scrapy": "crawl"}

    def missing(self) -> list[str]:
        path, site = self.config.words_file, self.config.source.site
        sentences = [] if path is None or Path(path).is_file() else [f"words_file: there is no file {path}"]
        sentences += open_source(self.config.source).missing()
        return [*sentences, NO_CONTACT.format(site=site or "a site")] if self.config.lacks_contact() else sentences

    def seconds_per_sticker(self) -> float:
        return 0.03  # two requests on loopback; elsewhere the delay between requests decides

    def num_partitions(self, run: Run) -> int:
        return len(self.partitions(run))

    def partitions(self, run: Run) -> list[int]:
        return list(self.listed(run).digests if self._lists_stickers else self.words(run))

    def input_digest(self, run: Run, partition: int) -> str:
        question = self.listed(run).digests[partition] if self._lists_stickers else self.words(run)[partition]
        return digest([self.config.source.output_fields(), question])

    @property
    def _lists_stickers(self) -> bool:
        return source_class(self.config.source).lists_stickers

    def listed(self, run: Run) -> PartitionPlan:
        """The addresses of each partition, of a source that lists its stickers; listed once."""
        if run.store.url not in self._lists:
            source, size = open_source(self.config.source), self.config.words_per_partition
            self._lists[run.store.url] = listed_plan(source, run.store, self.config.media_folder, size)
        return self._lists[run.store.url]

    def has_transient(self, run: Run, partition: int) -> bool:
        ledger, _ = self._paths(partition)
        _, facts = read_ledger(run.store, ledger)
        return any(reason_of(fact) in TRANSIENT for fact in facts)

    @property
    def num_workers(self) -> int:
        return self.config.num_workers

    @contextmanager
    def shared(self, run: Run, *, host: str) -> Iterator[str | None]:
        """A coordinator, which knows the answers that finished partitions have noted."""
        with spool_in(run.store, f"{self.config.media_folder}/spool-shared") as folder:
            self._delete_old_hosts(run)
            with closing(SharedAnswers(folder / "answers.sqlite")) as answers:
                for partition in self.partitions(run):
                    self._share_answers(run, partition, answers)
                with coordinator(answers, host=host) as address:
                    yield address

    def host_loads(self, run: Run, name: str, *, num_stickers: int) -> list[HostLoad]:
        if self._lists_stickers:
            return listed_loads(open_source(self.config.source), self.config)
        words = self.words(run) if are_words_known(self.config, run.store) else {}
        records = {partition: run.record(name, partition) for partition in words}
        finished = {
            partition: record
            for partition, record in records.items()
            if record is not None and record.inputs == self.input_digest(run, partition)
        }
        return host_loads(run, finished, self.config, words, num_stickers=num_stickers)

    def join(self, address: str | None) -> None:
        self._coordinator = address

    def _delete_old_hosts(self, run: Run) -> None:
        """How hosts answered to partitions that are none any more."""
        folder = self.config.media_folder
        paths = {hosts_path(folder, partition) for partition in self.partitions(run)}
        for name in run.store.list(folder):
            if name.startswith("hosts-") and f"{folder}/{name}" not in paths:
                run.store.delete(f"{folder}/{name}")

    def _share_answers(self, run: Run, partition: int, answers: SharedAnswers) -> None:
        ledger, media = self._paths(partition)
        head, facts = read_ledger(run.store, ledger)
        if head is None or head.answers_asked != self._answers_digest():
            return
        for fact in answers_of(facts):
            answers.put(str(shared_name(fact)), unplaced(fact), media_place(fact, media))

    def write_partition(self, run: Run, partition: int) -> FileResult:
        """Crawls the partition's words and writes one tar; `CrawlError` where the site cannot be crawled at all.

        What an earlier crawl of the same words got a final answer to is not requested again.
        """
        words = [NO_WORD] if self._lists_stickers else self.words(run)[partition]
        with spool_in(run.store, f"{self.config.media_folder}/spool-{partition:06d}") as spool:
            ledger, media = self._paths(partition)
            question = self._question_digest(run, partition)
            earlier_facts = recall(run.store, ledger, asked=question, media=media, spool=spool)
            if self._lists_stickers:
                earlier_facts = with_listed(earlier_facts, self.listed(run).entries(partition))
                write_known(spool, earlier_facts)
            facts, hosts = self._crawl(run, partition, self._job(run, words, spool), earlier_facts)
            finds = self._without_taken_down(join(facts, words))
            _check_searchable(finds, self.config.source.site)
            downloaded = [find for find in finds if find.is_kept]
            rows = self._write_media(run, media, downloaded, spool)
            offsets = {row["key"]: row["media_offset"] for row in rows}
            head = LedgerHead(question, self._answers_digest())
            run.store.write_bytes(ledger, ledger_bytes(head, facts, offsets))
            if self._coordinator is not None:
                share_places(self._coordinator, media, rows)
        add_hosts(run, self.config.media_folder, partition, hosts)
        rejects = [_reject(find) for find in finds if not find.is_kept]
        return FileResult(num_read=len(finds), kept=rows, rejects=rejects, files=[media, ledger])

    def _job(self, run: Run, words: list[str], spool: Path) -> Job:
        is_site_known = any(name.startswith("facts-") for name in run.store.list(self.config.media_folder))
        return self.config.job(words, spool, self._coordinator, is_site_known=is_site_known)

    def _crawl(
        self, run: Run, partition: int, job: Job, earlier_facts: list[Fact]
    ) -> tuple[list[Fact], dict[str, HostCounts]]:
        """Known and new facts, with all bytes in the spool, and how the hosts answered.

        Bytes that another worker had downloaded may be gone when they are needed; they are then downloaded here.
        """
        tables = []
        for _ in range(MAX_ATTEMPTS):
            new = crawl(job)
            keep_evidence(run.store, self.config.media_folder, new)
            keep_dates(run.store, dates_path(self.config.media_folder, partition), new)
            tables.append(hosts_of(new))
            facts = facts_of(earlier_facts, new)
            lost = fetch_pictures(self._coordinator, run.store, facts, job.spool) if self._coordinator else []
            if not lost:
                return facts, sum_of(tables)
            logger.warning("%d pictures that another worker had downloaded are gone; downloading them", len(lost))
            earlier_facts = [fact for fact in facts if fact not in lost]
            write_known(job.spool, earlier_facts)
        raise CrawlError(f"pictures that other workers downloaded were gone {MAX_ATTEMPTS} times; run again to resume")

    def _answers_digest(self) -> str:
        """Digest of all that decides how an address answers, whatever the words."""
        fields = self.config.output_fields()
        limits = ("max_stickers_per_word", "max_pages_per_word", "media_folder")
        question = {name: value for name, value in fields.items() if name not in limits}
        return digest([self.spec.version, self.model_versions(), question])

    def _without_taken_down(self, finds: Sequence[Find]) -> list[Find]:
        """The finds, of which those on the takedown list are rejects: by their page, author and bytes too."""
        takedown = self.config.takedown_list()
        return [_taken_down(find, takedown) if find.is_kept else find for find in finds]

    def _paths(self, partition: int) -> tuple[str, str]:
        folder = self.config.media_folder
        return f"{folder}/facts-{partition:06d}.jsonl", f"{folder}/media-{partition:06d}.tar"

    def _question_digest(self, run: Run, partition: int) -> str:
        return digest(
            [
                self.spec.version,
                self._source_version(),
                self.config.output_fields(),
                None if self._lists_stickers else self.input_digest(run, partition),
            ]
        )

    def words(self, run: Run) -> dict[int, list[str]]:
        """The run's trigger words by partition. A word that is added or removed changes its own partition alone."""
        if run.store.url not in self._partitions:
            words = trigger_words(self.config, run.store)
            self._partitions[run.store.url] = partition_names(words, max_size=self.config.words_per_partition)
        return self._partitions[run.store.url]

    def _write_media(self, run: Run, path: str, finds: Sequence[Find], spool: Path) -> list[dict[str, Any]]:
        """Identical bytes are stored once; every find of them is a row of its own."""
        rows: list[dict[str, Any]] = []
        offsets: dict[str, int] = {}
        with run.store.open_write(path) as file, MediaTar(file) as tar:
            for find in finds:
                assert find.key is not None and find.picture is not None
                if find.key not in offsets:
                    data = (spool / PICTURES / find.key).read_bytes()
                    offsets[find.key] = tar.add(f"{find.key}.{find.picture['media_format']}", data)
                rows.append(self._row(find, path, offsets[find.key]))
        return rows

    def _row(self, find: Find, media_tar: str, media_offset: int) -> dict[str, Any]:
        assert find.sticker is not None and find.picture is not None
        stated = {name: find.sticker[name] for name in _STATED}
        terms = source_class(self.config.source).terms
        return {
            "key": find.key,
            "url": find.url,
            "source": self.config.source.source,
            "trigger_word": find.sticker["trigger_word"] or find.word or None,
            "given_words": list(find.sticker["words"]),
            "given_caption": find.sticker["caption"],
            **stated,
            "attribution": find.sticker["attribution"] or (terms.attribution if terms else ""),
            "robots": find.picture["robots"],
            "media_tar": media_tar,
            "media_offset": media_offset,
            "num_bytes": find.picture["num_bytes"],
        }


_RULES = frozenset({"robots_disallowed", "robots_unreadable", "noai"})


def _check_searchable(finds: Sequence[Find], site: str) -> None:
    """A site on which no word may be searched for is not a site without stickers."""
    refusals = [find.refusal for find in finds if find.is_search and find.refusal]
    if refusals and len(refusals) == len(finds) and {entry["reason"] for entry in refusals} <= _RULES:
        raise CrawlError(
            f"{site} forbids every search of this crawl ({refusals[0]['detail']}); ask its owner, or take other words"
        )


def _taken_down(find: Find, takedown: TakedownList) -> Find:
    assert find.sticker is not None
    entry = takedown.entry_for({**find.sticker, "key": find.key, "url": find.url})
    entry = entry or takedown.entry_for_address(find.sticker["url"])
    if entry is None:
        return find
    return replace(find, refusal={"reason": "taken_down", "value": None, "limit": None, "detail": entry})


def _reject(find: Find) -> dict[str, Any]:
    assert find.refusal is not None
    refusal = {name: find.refusal[name] for name in ("reason", "value", "limit", "detail")}
    return {"key": find.key, "outcome": find.outcome, **refusal, "url": find.url}
