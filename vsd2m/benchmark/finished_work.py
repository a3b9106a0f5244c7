"""Finished work of a benchmark run on disk, so that a killed run can be resumed."""

import io
import json
from collections.abc import Mapping
from dataclasses import asdict
from math import isnan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vsd2m.benchmark.metric import Score
from vsd2m.core.storage import Store

OBSERVATIONS = "kept/observations"
SCORES = "kept/scores"

Observations = dict[str, NDArray[Any]]


class KeptWork:
    """Observations of clips, a file per clip, and finished scores, a file per score; each written atomically.

    Both are identified by content: a clip by its file and rule, a score by all its inputs.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def remove_leftovers(self) -> None:
        """Removes incomplete files of a killed run."""
        folders = [f"{OBSERVATIONS}/{name}" for name in self._store.list(OBSERVATIONS)]
        for folder in ("", SCORES, *folders):
            self._store.delete_leftovers(folder)

    def observations(self, clip: str) -> Observations:
        """The observations of a clip, by the identity of what was observed; empty if there are none."""
        path = _observations_path(clip)
        if not self._store.exists(path):
            return {}
        with np.load(io.BytesIO(self._store.read_bytes(path)), allow_pickle=False) as arrays:
            return dict(arrays)

    def keep_observations(self, clip: str, observations: Mapping[str, NDArray[Any]]) -> None:
        """Adds to the observations of the clip."""
        data = io.BytesIO()
        np.savez(data, **{**self.observations(clip), **observations})  # type: ignore[arg-type]
        self._store.write_bytes(_observations_path(clip), data.getvalue())

    def score(self, identity: str) -> Score | None:
        """The finished score of that identity, if there is one."""
        path = f"{SCORES}/{identity}.json"
        return as_score(json.loads(self._store.read_bytes(path))) if self._store.exists(path) else None

    def keep_score(self, identity: str, score: Score) -> None:
        """Stores a score; it is used until one of its inputs changes."""
        self._store.write_bytes(f"{SCORES}/{identity}.json", json.dumps(from_score(score)).encode())


def from_score(score: Score) -> dict[str, Any]:
    """The score as JSON: NaN is null."""
    return {name: None if isinstance(value, float) and isnan(value) else value for name, value in asdict(score).items()}


def as_score(values: Mapping[str, Any]) -> Score:
    """The inverse of `from_score`; other keys are ignored."""
    fields = {name: values[name] for name in Score.__dataclass_fields__}
    numbers = {name: float("nan") for name in ("value", "low", "high") if fields[name] is None}
    return Score(**{**fields, **numbers})


def _observations_path(clip: str) -> str:
    return f"{OBSERVATIONS}/{clip[:2]}/{clip}.npz"
