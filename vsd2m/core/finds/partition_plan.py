"""The entries that each partition reads, in files of the run, so that a long list is never in memory as a whole."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from vsd2m.core.commit import digest
from vsd2m.core.storage import Store

Entry = dict[str, Any]
"""A JSON object with `name`."""

PLAN_FILE = "partitions.json"


@dataclass(frozen=True)
class PartitionPlan:
    """`digests[n]` is the digest of the entries of partition n, which lie in a file of the run below `folder`."""

    store: Store
    folder: str
    digests: dict[int, str] = field(default_factory=dict)

    @classmethod
    def write(cls, store: Store, folder: str, parts: Iterable[tuple[int, Sequence[Entry]]]) -> "PartitionPlan":
        """The plan of partitions as they are now; entries of partitions that have not changed are not written again."""
        earlier_digests = _earlier_digests(store, folder)
        digests: dict[int, str] = {}
        for number, part in parts:
            lines = "".join(f"{json.dumps(entry)}\n" for entry in part).encode()
            digests[number] = digest([lines.decode()])
            if earlier_digests.get(number) != digests[number] or not store.exists(_path(folder, number)):
                store.write_bytes(_path(folder, number), lines)
        return cls(store, folder, dict(sorted(digests.items())))

    def save(self, **facts: Any) -> None:
        """Records that the plan is complete, with facts about the whole list."""
        described = {"partitions": self.digests, "facts": facts}
        self.store.write_bytes(f"{self.folder}/{PLAN_FILE}", f"{json.dumps(described, indent=1)}\n".encode())
        current = {_path(self.folder, number) for number in self.digests}
        for name in self.store.list(f"{self.folder}/entries"):
            if (path := f"{self.folder}/entries/{name}") not in current:
                self.store.delete(path)

    def entries(self, partition: int) -> list[Entry]:
        """The entries of a partition, in order."""
        lines = self.store.read_bytes(_path(self.folder, partition)).decode().splitlines()
        return [json.loads(line) for line in lines]


def _earlier_digests(store: Store, folder: str) -> dict[int, str]:
    """What an earlier plan wrote. An interrupted plan left only newer entries, which are written again."""
    path = f"{folder}/{PLAN_FILE}"
    if not store.exists(path):
        return {}
    digests = {int(number): text for number, text in store.read_json(path)["partitions"].items()}
    store.delete(path)
    return digests


def _path(folder: str, partition: int) -> str:
    return f"{folder}/entries/{partition:06d}.jsonl"
