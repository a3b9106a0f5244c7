"""Names divided into partitions by their content, so that a new name changes the partition it falls into alone."""

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import takewhile
from typing import Generic, TypeVar

T = TypeVar("T")

NUM_BITS = 64
MAX_DEPTH = 30  # the numbers of partitions fit into 32 bits


def partition_names(names: Iterable[str], *, max_size: int) -> dict[int, list[str]]:
    """Partition number -> its names, at most `max_size`, in the order given; by ascending number, none empty.

    The hash of a name leads down a binary tree, in which a node of more than `max_size` names has two children
    (those of node n are 2n + 1 and 2n + 2). So whether a node is a partition depends on its own names alone: a name
    that is added or removed changes the partition it falls into, which may become two, or one with its sibling.
    """
    hashed = [(name_hash(name), name) for name in names]
    partitions: dict[int, list[str]] = {}
    open_nodes = [(0, 0, hashed)]
    while open_nodes:
        number, depth, entries = open_nodes.pop()
        if len(entries) <= max_size or depth == NUM_BITS:
            if entries:
                partitions[number] = [name for _, name in entries]
            continue
        bit = 1 << (NUM_BITS - 1 - depth)
        open_nodes.append((2 * number + 1, depth + 1, [entry for entry in entries if not entry[0] & bit]))
        open_nodes.append((2 * number + 2, depth + 1, [entry for entry in entries if entry[0] & bit]))
    return dict(sorted(partitions.items()))


def name_hash(name: str) -> int:
    """A number of 64 bits that decides where in the tree a name falls."""
    return int.from_bytes(hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()[: NUM_BITS // 8])


def partition_stream(entries: Iterable[tuple[int, int, T]], max_size: int) -> Iterator[tuple[int, list[T]]]:
    """(partition number, its values) of (hash, weight, value) that come by ascending hash.

    Only one partition is in memory. Its weights add up to at most `max_size`, unless all its values have one hash.
    """
    yield from _walk(_Cursor(entries, max_size), 0, 0, 0)


class _Cursor(Generic[T]):
    """A stream with enough look-ahead to decide whether a node is a partition."""

    def __init__(self, entries: Iterable[tuple[int, int, T]], max_size: int) -> None:
        self._entries = iter(entries)
        self._max_size = max_size
        self._next: deque[tuple[int, int, T]] = deque()

    def fits(self, end: int) -> bool:
        """Whether what comes with hashes below `end` is one partition."""
        weight, hashes = 0, set()
        for entry in self._ahead(end):
            weight += entry[1]
            hashes.add(entry[0])
            if weight > self._max_size and len(hashes) > 1:
                return False
        return True

    def take(self, end: int) -> list[T]:
        """The values with hashes below `end`."""
        values = [value for _, _, value in self._ahead(end)]
        for _ in values:
            self._next.popleft()
        return values

    def _ahead(self, end: int) -> Iterator[tuple[int, int, T]]:
        yield from takewhile(lambda entry: entry[0] < end, self._next)
        while not self._next or self._next[-1][0] < end:
            entry = next(self._entries, None)
            if entry is None:
                return
            self._next.append(entry)
            if entry[0] < end:
                yield entry


def _walk(cursor: _Cursor[T], number: int, depth: int, first: int) -> Iterator[tuple[int, list[T]]]:
    end = first + (1 << (NUM_BITS - depth))
    if depth == MAX_DEPTH or cursor.fits(end):
        if values := cursor.take(end):
            yield number, values
        return
    yield from _walk(cursor, 2 * number + 1, depth + 1, first)
    yield from _walk(cursor, 2 * number + 2, depth + 1, first + (1 << (NUM_BITS - depth - 1)))
