"""Groups of near duplicates: candidates from equal bands of bits, verified against the winner of the group."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vsd2m.filter.duplicates.signatures import Words

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Groups:
    """For each row the row of its group's winner (itself, if it won) and its distance to it."""

    winner: Rows
    distance: npt.NDArray[np.float64]


def group(words: Words, max_distance: float) -> Groups:
    """Groups the rows of `words` (`[N, W]`), which stand in order of preference: a group's winner is its first row.

    A row joins the group of the first winner within `max_distance` of it. No chains: two rows that are each close
    to a third one, but not to a winner, stay apart.
    """
    first, second = candidate_pairs(words)
    distance = distances(words, first, second)
    near = distance <= max_distance
    return _assign(len(words), first[near], second[near], distance[near])


def candidate_pairs(words: Words) -> tuple[Rows, Rows]:
    """Pairs of rows (the smaller first) that share at least one band of 32 bits, sorted and distinct."""
    bands = words.view(np.uint32).reshape(len(words), -1)
    used = np.flatnonzero(words.any(axis=1))
    codes = [_pairs_of_band(bands[used, band], used, len(words)) for band in range(bands.shape[1])]
    pairs = np.unique(np.concatenate(codes)) if codes else np.empty(0, np.int64)
    return pairs // max(len(words), 1), pairs % max(len(words), 1)


def distances(words: Words, first: Rows, second: Rows) -> npt.NDArray[np.float64]:
    """The share of differing bits of each pair."""
    differing = np.bitwise_count(words[first] ^ words[second]).sum(axis=1)
    share: npt.NDArray[np.float64] = differing / (64.0 * words.shape[1])
    return share


def _pairs_of_band(values: npt.NDArray[np.uint32], rows: Rows, num_rows: int) -> Rows:
    order = np.argsort(values, kind="stable")
    values, rows = values[order], rows[order]
    found = []
    step = 1
    while step < len(rows) and (equal := values[step:] == values[:-step]).any():
        left, right = rows[:-step][equal], rows[step:][equal]
        found.append(np.minimum(left, right) * num_rows + np.maximum(left, right))
        step += 1
    return np.concatenate(found) if found else np.empty(0, np.int64)


def _assign(num_rows: int, first: Rows, second: Rows, distance: npt.NDArray[np.float64]) -> Groups:
    """Walks the pairs in order of their first row: a row that is still free when its turn comes wins."""
    winner = np.arange(num_rows)
    to_winner = np.zeros(num_rows)
    for left, right, apart in zip(first.tolist(), second.tolist(), distance.tolist(), strict=True):
        if winner[left] == left and winner[right] == right:
            winner[right], to_winner[right] = left, apart
    return Groups(winner, to_winner)
