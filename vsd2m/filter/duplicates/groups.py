"""Groups of near duplicates: verified links are joined to families, and each family is divided among its winners.

Joining alone would chain: a drawing with a thousand texts becomes one family if each text resembles the next. A family
therefore only limits the search. Its best sticker wins and forms a group with all stickers within the limit; the rest
of the family has another winner, and so on. Every member is thus within the limit of its winner.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vsd2m.filter.duplicates.candidates import links
from vsd2m.filter.duplicates.distance import distances
from vsd2m.filter.duplicates.signatures import Rows, Words
from vsd2m.media.compiled import compiled

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Groups:
    """For each row the row of its group's winner (itself, if it won) and its distance to it."""

    winner: Rows
    distance: npt.NDArray[np.float32]


@dataclass(frozen=True)
class Measured:
    """Distances of pairs whose pictures were compared, sorted by pair; a pair is first * lines + second. Pairs that
    differ in course or tones are not stored: measuring them again is faster than a look-up."""

    pair: Rows
    distance: npt.NDArray[np.float32]

    @classmethod
    def nothing(cls) -> "Measured":
        return cls(np.empty(0, np.int64), np.empty(0, np.float32))

    def added(self, pair: Rows, distance: npt.NDArray[np.float32]) -> "Measured":
        place = np.searchsorted(self.pair, pair)
        return Measured(np.insert(self.pair, place, pair), np.insert(self.distance, place, distance))

    def look_up(self, pair: Rows) -> npt.NDArray[np.float32]:
        """The distances; NaN if not measured."""
        if not len(self.pair):
            return np.full(len(pair), np.nan, np.float32)
        place = np.searchsorted(self.pair, pair).clip(max=len(self.pair) - 1)
        distances: npt.NDArray[np.float32] = np.where(
            self.pair[place] == pair, self.distance[place], np.float32(np.nan)
        )
        return distances


def group(words: Words, rank: Rows, max_distance: float, *, is_still: Flags, num_threads: int = 1) -> Groups:
    """Groups the lines of `words` (`[M, NUM_WORDS]`); `rank` is each line's position in the order of preference.
    Still pictures and animations are never in one group."""
    family, measured = families(words, rank, max_distance, is_still=is_still, num_threads=num_threads)
    return divide(words, rank, family, max_distance, measured, num_threads=num_threads)


def families(
    words: Words, rank: Rows, max_distance: float, *, is_still: Flags, num_threads: int = 1
) -> tuple[Rows, Measured]:
    """For each line the smallest line of its family (lines of one kind joined by links within `max_distance`), and the
    measured distances."""
    family, measured = np.arange(len(words)), Measured.nothing()
    if not len(words):
        return family, measured
    for linked in links(words, rank, num_threads=num_threads):
        codes = np.sort(_open_pairs(family, is_still, *linked))
        codes = codes[np.diff(codes, prepend=-1) != 0]
        codes = codes[np.isnan(measured.look_up(codes))]
        first, second = codes // len(words), codes % len(words)
        distance = distances(words, first, second, max_distance, num_threads=num_threads)
        compared = np.isfinite(distance)
        measured = measured.added(codes[compared], distance[compared])
        near = distance <= max_distance
        family = joined(family, first[near], second[near])
    return family, measured


def joined(family: Rows, first: Rows, second: Rows) -> Rows:
    """Union-find: `family` (the smallest line of each line's family) with the links added."""
    family = family.copy()
    _join(family, first, second)
    return family


@compiled
def _join(family: Rows, first: Rows, second: Rows) -> None:
    for i in range(len(first)):
        one, other = first[i], second[i]
        while family[one] != one:
            one = family[one]
        while family[other] != other:
            other = family[other]
        family[max(one, other)] = min(one, other)
    for i in range(len(family)):  # the smallest comes first, so its family is final
        family[i] = family[family[i]]


@compiled
def _open_pairs(family: Rows, is_still: Flags, first: Rows, second: Rows) -> Rows:
    """The pairs, as codes, of lines that are not in the same family and may be joined."""
    codes, count = np.empty(len(first), np.int64), 0
    for i in range(len(first)):
        if family[first[i]] != family[second[i]] and is_still[first[i]] == is_still[second[i]]:
            codes[count] = first[i] * len(family) + second[i]
            count += 1
    return codes[:count]


def divide(
    words: Words,
    rank: Rows,
    family: Rows,
    max_distance: float,
    measured: Measured | None = None,
    *,
    num_threads: int = 1,
) -> Groups:
    """The groups within the families; `measured` distances are reused."""
    measured = measured or Measured.nothing()
    winner = np.arange(len(words))
    distance = np.zeros(len(words), np.float32)
    left = np.flatnonzero(np.bincount(family, minlength=len(words))[family] > 1)
    while len(left):
        left = left[np.lexsort((rank[left], family[left]))]
        starts = np.flatnonzero(np.diff(family[left], prepend=-1))
        best = np.repeat(left[starts], np.diff(starts, append=len(left)))
        others = left != best
        left, best = left[others], best[others]
        pair_distances = measured.look_up(best * len(words) + left)
        new = np.flatnonzero(np.isnan(pair_distances))
        pair_distances[new] = distances(words, best[new], left[new], max_distance, num_threads=num_threads)
        near = pair_distances <= max_distance
        winner[left[near]], distance[left[near]] = best[near], pair_distances[near]
        left = left[~near]
    return Groups(winner, distance)
