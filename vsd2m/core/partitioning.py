"""Names divided into partitions by their content, so that a new name changes the partition it falls into alone."""

import hashlib
from collections.abc import Iterable

_NUM_BITS = 64


def partition_names(names: Iterable[str], *, max_size: int) -> dict[int, list[str]]:
    """Partition number -> its names, at most `max_size`, in the order given; by ascending number, none empty.

    The hash of a name leads down a binary tree, in which a node of more than `max_size` names has two children
    (those of node n are 2n + 1 and 2n + 2). So whether a node is a partition depends on its own names alone: a name
    that is added or removed changes the partition it falls into, which may become two, or one with its sibling.
    """
    hashed = [(int.from_bytes(hashlib.sha256(name.encode()).digest()[: _NUM_BITS // 8]), name) for name in names]
    partitions: dict[int, list[str]] = {}
    open_nodes = [(0, 0, hashed)]
    while open_nodes:
        number, depth, entries = open_nodes.pop()
        if len(entries) <= max_size or depth == _NUM_BITS:
            if entries:
                partitions[number] = [name for _, name in entries]
            continue
        bit = 1 << (_NUM_BITS - 1 - depth)
        open_nodes.append((2 * number + 1, depth + 1, [entry for entry in entries if not entry[0] & bit]))
        open_nodes.append((2 * number + 2, depth + 1, [entry for entry in entries if entry[0] & bit]))
    return dict(sorted(partitions.items()))
