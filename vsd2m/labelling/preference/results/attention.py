"""Inattentive labellers: those who failed too many attention checks."""

from collections.abc import Iterable
from dataclasses import dataclass

from vsd2m.labelling.preference.responses import Check


@dataclass(frozen=True)
class Attention:
    """A labeller's attention checks."""

    labeller: str
    num_passed: int
    num_checks: int
    excluded: bool


def judge_attention(labellers: Iterable[str], checks: Iterable[Check], *, min_passed: float) -> list[Attention]:
    """One entry per labeller; excluded if the share of passed checks is below `min_passed`.

    Without checks nobody is excluded.
    """
    results: dict[str, list[bool]] = {labeller: [] for labeller in labellers}
    for check in checks:
        results[check.labeller].append(check.passed)
    return [
        Attention(labeller, sum(are_passed), len(are_passed), excluded=sum(are_passed) < min_passed * len(are_passed))
        for labeller, are_passed in results.items()
    ]
