"""Agreement of labellers: Krippendorff's alpha (2011, Computing Krippendorff's Alpha-Reliability), Fleiss' kappa."""

from collections.abc import Hashable, Iterable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Level = Literal["nominal", "interval"]


def krippendorff_alpha(units: Iterable[Sequence[Hashable]], *, level: Level) -> float | None:
    """1 - D_o / D_e over the values that labellers gave to each unit; not every labeller has to see every unit.

    1: they agree always; 0: as often as by chance; below 0: less often. `nominal` counts differing values, `interval`
    their squared distance. None if nothing was judged twice, or if all values are equal, so that D_e is 0.
    """
    pairable = [list(values) for values in units if len(values) > 1]
    categories = sorted({value for values in pairable for value in values}, key=lambda value: (str(type(value)), value))
    if len(categories) < 2:
        return None
    index_of = {value: index for index, value in enumerate(categories)}
    coincidences = np.zeros((len(categories), len(categories)))
    for values in pairable:
        counts = np.bincount([index_of[value] for value in values], minlength=len(categories)).astype(np.float64)
        coincidences += (np.outer(counts, counts) - np.diag(counts)) / (len(values) - 1)
    totals = coincidences.sum(axis=1)
    distance = _distances(categories, level)
    expected = (np.outer(totals, totals) - np.diag(totals)) / (totals.sum() - 1)
    return float(1.0 - (coincidences * distance).sum() / (expected * distance).sum())


def fleiss_kappa(units: Iterable[Sequence[Hashable]]) -> float | None:
    """(P - P_e) / (1 - P_e) over units that equally many labellers judged (Fleiss 1971, Psych. Bulletin 76:378).

    None if their number differs or is below two, or if all values are equal.
    """
    unit_values = [list(values) for values in units]
    sizes = {len(values) for values in unit_values}
    if len(sizes) != 1 or min(sizes) < 2:
        return None
    values = [value for unit in unit_values for value in unit]
    by_chance = sum((values.count(category) / len(values)) ** 2 for category in set(values))
    agreement = observed_agreement(unit_values)
    return None if by_chance == 1 or agreement is None else (agreement - by_chance) / (1 - by_chance)


def observed_agreement(units: Iterable[Sequence[Hashable]]) -> float | None:
    """The probability that two labellers of a unit gave the same value; None if nothing was judged twice."""
    shares = [
        sum(values.count(value) - 1 for value in values) / (len(values) - 1) / len(values)
        for values in map(list, units)
        if len(values) > 1
    ]
    return float(np.mean(shares)) if shares else None


def _distances(categories: Sequence[Hashable], level: Level) -> NDArray[np.float64]:
    if level == "nominal":
        return 1.0 - np.eye(len(categories))
    numbers = np.array(categories, dtype=np.float64)
    return np.asarray((numbers[:, None] - numbers[None, :]) ** 2)
