"""The state of a run, read from its commit records."""

from collections import Counter
from dataclasses import dataclass, field

from vsd2m.core.commit import CommitRecord
from vsd2m.core.run import Run
from vsd2m.crawl.records.hosts import read_hosts, sum_of


@dataclass(frozen=True)
class HostStatus:
    """How a host answered to all requests of a stage. Latencies are upper bounds; None: it never answered."""

    host: str
    requests: int
    success: float
    retries: int
    num_bytes: int
    median_ms: int | None
    p95_ms: int | None
    outcomes: dict[str, int]


@dataclass(frozen=True)
class StageStatus:
    """One stage's totals over its committed partitions."""

    stage: str
    num_partitions: int
    num_read: int
    num_kept: int
    num_dropped: int
    num_failed: int
    reasons: dict[str, int]
    seconds: float
    num_computed: int
    hosts: list[HostStatus] = field(default_factory=list)

    @property
    def stickers_per_second(self) -> float | None:
        """Of the stickers computed by the last run over each partition; None if nothing was computed."""
        return self.num_computed / self.seconds if self.seconds and self.num_computed else None


def status(run: Run) -> list[StageStatus]:
    """The status of every stage, in the order of the plan."""
    return [_stage_status(run, entry.name) for entry in run.layout]


def _stage_status(run: Run, stage: str) -> StageStatus:
    records = run.records(stage)
    reasons: Counter[str] = Counter()
    for record in records:
        reasons.update(record.reasons)
    return StageStatus(
        stage=stage,
        num_partitions=len(records),
        num_read=sum(record.num_read for record in records),
        num_kept=sum(record.num_kept for record in records),
        num_dropped=sum(record.num_dropped for record in records),
        num_failed=sum(record.num_failed for record in records),
        reasons=dict(reasons.most_common()),
        seconds=sum(record.seconds for record in records),
        num_computed=sum(record.num_computed for record in records),
        hosts=_hosts(run, records),
    )


def _hosts(run: Run, records: list[CommitRecord]) -> list[HostStatus]:
    """Of stages that request something, the hosts that they requested it from, the busiest first."""
    tables = [
        read_hosts(run, record.config["media_folder"], record.partition)
        for record in records
        if record.partition is not None and "media_folder" in record.config
    ]
    return [
        HostStatus(
            host=host,
            requests=counts.requests,
            success=counts.success,
            retries=counts.retries,
            num_bytes=counts.num_bytes,
            median_ms=counts.latency_ms(0.5),
            p95_ms=counts.latency_ms(0.95),
            outcomes=dict(counts.outcomes.most_common()),
        )
        for host, counts in sum_of(tables).items()
    ]


def manifest(run: Run) -> dict[str, str]:
    """Path -> sha256 of every file the run's commit records name: equal manifests are equal data sets."""
    return {
        path: file.sha256
        for entry in run.layout
        for record in run.records(entry.name)
        for path, file in sorted(record.outputs.items())
    }


def damaged_files(run: Run) -> list[str]:
    """A message for every committed file that is missing or differs from its record."""
    problems = []
    for path, committed_sha256 in manifest(run).items():
        if not run.store.exists(path):
            problems.append(f"{path}: missing")
        elif (actual_sha256 := run.store.sha256(path)) != committed_sha256:
            problems.append(f"{path}: sha256 {actual_sha256[:12]}, its commit record says {committed_sha256[:12]}")
    return problems
