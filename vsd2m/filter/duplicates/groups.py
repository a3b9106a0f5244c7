"""Groups of near duplicates: verified links, joined to families, and each family taken apart by its winners.

Joining alone would chain: a drawing with a thousand texts becomes one family once each text resembles the next. So a
family is only where to look. Its best sticker wins and takes those that are near to it; what is left in the family
has its own winner, and so on. Every member is thus within the limit of the winner that stands for it.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vsd2m.filter.duplicates.candidates import links
from vsd2m.filter.duplicates.distance import Pairs
from vsd2m.filter.duplicates.signatures import Rows, Words


@dataclass(frozen=True)
class Groups:
    """For each row the row of its group's winner (itself, if it won) and its distance to it."""

    winner: Rows
    distance: npt.NDArray[np.float32]


def group(words: Words, rank: Rows, max_distance: float, *, num_threads: int = 1) -> Groups:
    """Groups the lines of `words` (`[M, NUM_WORDS]`); `rank` is each line's place in the order of preference."""
    family = families(words, rank, max_distance, num_threads=num_threads)
    return take_apart(words, rank, family, max_distance, num_threads=num_threads)


def families(words: Words, rank: Rows, max_distance: float, *, num_threads: int = 1) -> Rows:
    """For each line the smallest line of its family: those joined by links within `max_distance`."""
    family = np.arange(len(words))
    refused = np.empty(0, np.int64)
    if not len(words):
        return family
    for first, second in links(words, rank, num_threads=num_threads):
        apart = family[first] != family[second]
        codes = np.setdiff1d(first[apart] * len(words) + second[apart], refused)
        pairs = Pairs(words, codes // len(words), codes % len(words), num_threads)
        close = np.flatnonzero(pairs.course() <= max_distance)
        near = pairs.take(close).distances(max_distance) <= max_distance
        refused = np.union1d(refused, codes[close[~near]])
        family = joined(family, pairs.first[close[near]], pairs.second[close[near]])
    return family


def joined(family: Rows, first: Rows, second: Rows) -> Rows:
    """Union-find over whole arrays: `family` (each line's smallest) with the links added."""
    family = family.copy()
    while True:
        one, other = family[first], family[second]
        open_links = one != other
        if not open_links.any():
            return family
        one, other = one[open_links], other[open_links]
        np.minimum.at(family, np.maximum(one, other), np.minimum(one, other))
        while (shorter := family[family] != family).any():
            family[shorter] = family[family[shorter]]


def take_apart(words: Words, rank: Rows, family: Rows, max_distance: float, *, num_threads: int = 1) -> Groups:
    """The groups within the families."""
    winner = np.arange(len(words))
    distance = np.zeros(len(words), np.float32)
    left = np.flatnonzero(np.bincount(family, minlength=len(words))[family] > 1)
    while len(left):
        left = left[np.lexsort((rank[left], family[left]))]
        starts = np.flatnonzero(np.diff(family[left], prepend=-1))
        best = np.repeat(left[starts], np.diff(starts, append=len(left)))
        others = left != best
        left, best = left[others], best[others]
        apart = Pairs(words, best, left, num_threads).distances(max_distance)
        near = apart <= max_distance
        winner[left[near]], distance[left[near]] = best[near], apart[near]
        left = left[~near]
    return Groups(winner, distance)
