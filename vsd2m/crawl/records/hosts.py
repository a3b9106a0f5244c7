"""How hosts answered: requests, outcomes, latencies and retries. Counts add up over partitions."""

import json
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vsd2m.core.run import Run

LATENCIES_MS = tuple(digit * 10**power for power in range(6) for digit in (1, 2, 3, 5, 7))
"""Upper bounds of the classes of latencies; longer ones count in the last class."""


@dataclass
class HostCounts:
    """The requests sent to one host. `outcomes`: HTTP statuses and names of errors; `latencies`: by upper bound in ms.

    Of answers alone: a request without one has no latency.
    """

    requests: int = 0
    retries: int = 0
    num_bytes: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    latencies: Counter[int] = field(default_factory=Counter)

    def add(self, outcome: str, *, seconds: float | None, num_bytes: int, is_retry: bool) -> None:
        """Counts one request; `seconds` None where no answer came."""
        self.requests += 1
        self.retries += is_retry
        self.num_bytes += num_bytes
        self.outcomes[outcome] += 1
        if seconds is not None:
            bound = min(bisect_left(LATENCIES_MS, seconds * 1000), len(LATENCIES_MS) - 1)
            self.latencies[LATENCIES_MS[bound]] += 1

    def update(self, other: "HostCounts") -> None:
        """Adds the counts of another crawl of the host."""
        self.requests += other.requests
        self.retries += other.retries
        self.num_bytes += other.num_bytes
        self.outcomes.update(other.outcomes)
        self.latencies.update(other.latencies)

    @property
    def success(self) -> float:
        """Share of requests that were answered by a status below 400."""
        good = sum(count for outcome, count in self.outcomes.items() if outcome.isdigit() and int(outcome) < 400)
        return good / self.requests if self.requests else 0.0

    def latency_ms(self, quantile: float) -> int | None:
        """Upper bound of the latency that `quantile` of the answers did not exceed; None where nothing answered."""
        rank = quantile * sum(self.latencies.values())
        for bound, count in sorted(self.latencies.items()):
            rank -= count
            if rank <= 0:
                return bound
        return None

    def to_json(self) -> dict[str, Any]:
        return {
            "requests": self.requests,
            "retries": self.retries,
            "num_bytes": self.num_bytes,
            "outcomes": dict(sorted(self.outcomes.items())),
            "latencies": {str(bound): count for bound, count in sorted(self.latencies.items())},
        }

    @classmethod
    def from_json(cls, table: Mapping[str, Any]) -> "HostCounts":
        latencies = Counter({int(bound): count for bound, count in table["latencies"].items()})
        return cls(table["requests"], table["retries"], table["num_bytes"], Counter(table["outcomes"]), latencies)


def sum_of(tables: Iterable[Mapping[str, HostCounts]]) -> dict[str, HostCounts]:
    """The counts of several crawls together, by host, the busiest first."""
    total: dict[str, HostCounts] = {}
    for table in tables:
        for host, counts in table.items():
            total.setdefault(host, HostCounts()).update(counts)
    return dict(sorted(total.items(), key=lambda entry: (-entry[1].requests, entry[0])))


def hosts_of(facts: Iterable[Mapping[str, Any]]) -> dict[str, HostCounts]:
    """The table that a crawling process noted."""
    tables = (fact["hosts"] for fact in facts if fact["fact"] == "hosts")
    return {host: HostCounts.from_json(counts) for table in tables for host, counts in table.items()}


def hosts_path(folder: str, partition: int) -> str:
    """Where the counts of a partition's crawl lie. No commit record names them: times differ from run to run."""
    return f"{folder}/hosts-{partition:06d}.json"


def read_hosts(run: "Run", folder: str, partition: int) -> dict[str, HostCounts]:
    """The counts of all crawls of a partition; none where there was none."""
    path = hosts_path(folder, partition)
    table = run.store.read_json(path) if run.store.exists(path) else {}
    return {host: HostCounts.from_json(counts) for host, counts in table.items()}


def add_hosts(run: "Run", folder: str, partition: int, table: Mapping[str, HostCounts]) -> None:
    """Adds a crawl's counts to what earlier crawls of the partition left."""
    total = sum_of([read_hosts(run, folder, partition), table])
    entries = {host: counts.to_json() for host, counts in total.items()}
    run.store.write_bytes(hosts_path(folder, partition), json.dumps(entries, sort_keys=True).encode())
