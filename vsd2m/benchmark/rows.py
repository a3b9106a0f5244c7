"""The rows of a benchmark run: one metric of one model, computed from the stored observations of the clips."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from numpy.typing import NDArray

from vsd2m.benchmark.finished_work import KeptWork
from vsd2m.benchmark.metric import Metric
from vsd2m.benchmark.observations import Sense, identity_of, sense_of, without_frames
from vsd2m.benchmark.results import REAL
from vsd2m.benchmark.suite.clip_rule import ClipRule
from vsd2m.benchmark.suite.clips import ClipReference
from vsd2m.benchmark.suite.real_set import RealSet
from vsd2m.core.commit import digest


@dataclass(frozen=True)
class Candidate:
    """A metric of the config with its name there; its weights are hashed once for all models."""

    name: str
    metric: Metric

    @cached_property
    def sense(self) -> Sense | None:
        return sense_of(self.metric)

    @cached_property
    def identity(self) -> str:
        return identity_of(self.metric, self.metric.protocol())


@dataclass(frozen=True)
class Row:
    """The clips of a metric, the real ones it compares them with, and facts about both for the protocol."""

    model: str
    candidate: Candidate
    clips: Sequence[ClipReference]
    references: Sequence[ClipReference]
    facts: Mapping[str, str | int]
    seed: int

    @cached_property
    def identity(self) -> str:
        """The identity of the score: changes with each of its inputs."""
        clips, references = ([[clip.name, clip.identity] for clip in part] for part in (self.clips, self.references))
        return digest([self.candidate.identity, self.seed, clips, references, dict(self.facts)])[:32]


def row_of(
    model: str, candidate: Candidate, clips: Sequence[ClipReference], real: RealSet, *, rule: ClipRule, seed: int
) -> Row:
    """Distances use equal numbers of clips of a model, of the yardstick, and of the references; see `RealSet`."""
    references: Sequence[ClipReference] = ()
    facts: dict[str, str | int] = {"clips": str(rule), "real_set": real.digest}
    if candidate.metric.compares == "prompts":
        references = real.stickers
    elif candidate.metric.compares:
        clips = real.yardstick if model == REAL else real.compared_clips(clips)
        references = real.references
        facts["num_real"] = len(references)
    return Row(model, candidate, clips, references, {**facts, "num_clips": len(clips)}, seed)


def keep_scores(rows: Sequence[Row], finished_work: KeptWork) -> None:
    """Computes the rows of one model in one pass over the stored observations of its clips, and stores each score."""
    feeds = [_Feed(row) for row in rows]
    for part in ("clips", "references"):
        for clip in _union([getattr(row, part) for row in rows]):
            observations = finished_work.observations(clip.identity)
            for feed in feeds:
                feed.take(clip, observations, part)
    for feed in feeds:
        score = feed.metric.compute(seed=feed.row.seed)
        finished_work.keep_score(feed.row.identity, replace(score, protocol={**score.protocol, **feed.row.facts}))


class _Feed:
    """A new metric for a row. A metric without a `Sense` gets the clips themselves."""

    def __init__(self, row: Row) -> None:
        self.row = row
        self._sense = row.candidate.sense
        self.metric = (
            _ready(row.candidate.metric) if self._sense is None else self._sense.replay(self._current_observation)
        )
        self._current: NDArray[Any]
        self._names = {"clips": {clip.name for clip in row.clips}, "references": {clip.name for clip in row.references}}

    def take(self, clip: ClipReference, observations: dict[str, NDArray[Any]], part: str) -> None:
        if clip.name not in self._names[part]:
            return
        if self._sense is not None:
            self._current = observations[self._sense.identity]
        loaded = clip.load() if self._sense is None else without_frames(clip)
        if part == "clips":
            self.metric.update(loaded)
        else:
            self.metric.update_reference(loaded)

    def _current_observation(self) -> NDArray[Any]:
        return self._current


def _ready(metric: Metric) -> Metric:
    fresh = type(metric)(metric.weights)
    fresh.setup()
    return fresh


def _union(parts: Sequence[Sequence[ClipReference]]) -> list[ClipReference]:
    """Every clip once, in the order of the longest part, which contains them all."""
    return list({clip.name: clip for part in sorted(parts, key=len, reverse=True) for clip in part}.values())
