"""A long list, cut into partitions by its content, whose numbers stay when the list grows.

A cut comes after an entry whose name has a small hash, so where it comes depends on that entry alone: an entry that is
added or removed changes the partition it lies in (and splits it or joins it to the next if it is a cut itself), and no
other. The list is read once, in order, and only one partition of it is in memory.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from vsd2m.core.commit import digest
from vsd2m.core.storage import Store

Entry = dict[str, Any]
"""A JSON object with `name` and, where it stands for many stickers, `weight`."""

PLAN_FILE = "partitions.json"
MAX_PARTITION = 16  # times the wanted size: the longest partition, where no name of that many cuts
EMPTY = None


def cut(entries: Iterable[Entry], size: int) -> Iterator[list[Entry]]:
    """`entries` in partitions of `size` on average; an entry of weight w counts as w of them."""
    part: list[Entry] = []
    for entry in entries:
        part.append(entry)
        if len(part) >= MAX_PARTITION * size or _is_cut(entry, size):
            yield part
            part = []
    if part:
        yield part


def _is_cut(entry: Entry, size: int) -> bool:
    name_hash = hashlib.blake2b(str(entry["name"]).encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(name_hash) * size < (1 << 64) * int(entry.get("weight", 1))


@dataclass
class PartitionPlan:
    """Which entries each partition of a stage reads, as files of the run below `folder`.

    `digests[n]` is the digest of partition n's entries, or None where it has none any more. `facts` is what the
    stage wants to remember of the list as a whole.
    """

    store: Store
    folder: str
    digests: Sequence[str | None] = ()
    facts: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, store: Store, folder: str) -> "PartitionPlan":
        """The plan that `replace` left; an empty one before."""
        path = f"{folder}/{PLAN_FILE}"
        if not store.exists(path):
            return cls(store, folder)
        known = store.read_json(path)
        return cls(store, folder, known["partitions"], known["facts"])

    def replace(self, parts: Iterable[list[Entry]]) -> "PartitionPlan":
        """The plan of a list as it is now, written down. Partitions that have not changed keep their numbers.

        A changed partition takes the number of one that is gone, in order; further ones are numbered at the end.
        """
        listed = [self._write_entries(part) for part in parts]
        return PartitionPlan(self.store, self.folder, _numbered(self.digests, listed))

    def save(self, **facts: Any) -> "PartitionPlan":
        """Writes the plan with `facts`, and removes the entries of partitions that are gone."""
        plan = PartitionPlan(self.store, self.folder, self.digests, facts)
        text = json.dumps({"partitions": list(self.digests), "facts": facts}, indent=1) + "\n"
        self.store.write_bytes(f"{self.folder}/{PLAN_FILE}", text.encode())
        current = {_file_name(known) for known in self.digests if known is not None}
        for name in set(self.store.list(f"{self.folder}/entries")) - current:
            self.store.delete(f"{self.folder}/entries/{name}")
        return plan

    def entries(self, partition: int) -> list[Entry]:
        """The entries of a partition, in order."""
        known = self.digests[partition]
        if known is None:
            return []
        lines = self.store.read_bytes(self._path(known)).decode().splitlines()
        return [json.loads(line) for line in lines]

    def _write_entries(self, part: list[Entry]) -> str:
        known = digest(json.loads(json.dumps(part)))
        if not self.store.exists(self._path(known)):
            self.store.write_bytes(self._path(known), "".join(f"{json.dumps(entry)}\n" for entry in part).encode())
        return known

    def _path(self, known: str) -> str:
        return f"{self.folder}/entries/{_file_name(known)}"


def _file_name(known: str) -> str:
    return f"{known[:32]}.jsonl"


def _numbered(before: Sequence[str | None], listed: Sequence[str]) -> list[str | None]:
    """`listed` with the numbers of `before` where they are the same; numbers without a partition are None."""
    current = set(listed)
    numbers: list[str | None] = [known if known in current else EMPTY for known in before]
    placed = {known for known in numbers if known is not None}
    new = [known for known in listed if known not in placed]
    gaps = [number for number, known in enumerate(numbers) if known is None]
    for number, known in zip(gaps, new, strict=False):
        numbers[number] = known
    numbers.extend(new[len(gaps) :])
    while numbers and numbers[-1] is None:
        numbers.pop()
    return numbers
