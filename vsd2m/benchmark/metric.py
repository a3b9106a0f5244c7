"""What a metric is: a running judgement of clips that ends in a number, an interval, and the protocol behind it."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from vsd2m.benchmark.suite.clips import JudgedClip
from vsd2m.core.commit import digest
from vsd2m.core.errors import ConfigError

NUM_RESAMPLES = 1000


@dataclass(frozen=True)
class Score:
    """`value` with its 95 % interval over clips. Numbers with different protocols are not comparable."""

    metric: str
    value: float
    low: float
    high: float
    num_clips: int
    protocol: Mapping[str, str | int]
    better: Literal["higher", "lower", "neither"]

    @property
    def protocol_digest(self) -> str:
        """Equal for two scores if and only if they were measured in the same way."""
        return digest(dict(self.protocol))[:12]


@dataclass(frozen=True)
class Weights:
    """What metrics cannot bring along themselves; a metric that misses something is skipped by name.

    `paths`: checkpoints that no registry package carries. `read_text`: a frame uint8 [H, W, 3] to the text in it.
    """

    paths: Mapping[str, str] = field(default_factory=dict)
    read_text: Callable[[NDArray[np.uint8]], str] | None = None

    def get(self, name: str) -> str | None:
        return self.paths.get(name)


class Metric(ABC):
    """Feed clips with `update` (and real ones with `update_reference`), then `compute`; `reset` to begin anew.

    Clips may be split between several metrics of a kind, here or in other processes, and brought together with
    `merge_state`: the score is that of one metric that has seen them all. `torchmetric.py` has torchmetrics' class.
    """

    name: ClassVar[str]
    better: ClassVar[Literal["higher", "lower", "neither"]]
    compares: ClassVar[bool] = False
    """Whether real clips are needed beside the generated ones."""

    def __init__(self, weights: Weights) -> None:
        self.weights = weights

    def missing(self) -> str | None:
        """Which weights are missing and where they are to be had; None if the metric can be computed."""
        return None

    def setup(self) -> None:  # noqa: B027 - most metrics load nothing
        """Loads what the metric needs; called once, before the first clip."""

    @abstractmethod
    def protocol(self) -> dict[str, str | int]:
        """Everything that changes the number: frame rule, size, extractor, hash of its weights, estimator."""

    @abstractmethod
    def update(self, clip: JudgedClip) -> None:
        """Takes in a generated clip."""

    def update_reference(self, clip: JudgedClip) -> None:  # noqa: B027 - most metrics do not compare
        """Takes in a real clip, for metrics that compare."""

    @abstractmethod
    def compute(self, *, seed: int) -> Score:
        """The number over all clips so far, the same in whatever order they came; `seed` draws the bootstrap."""

    @abstractmethod
    def reset(self) -> None:
        """Forgets all clips; what `setup` loaded is kept."""

    @abstractmethod
    def merge_state(self, other: "Metric") -> None:
        """Takes in what another metric of the same class and protocol has seen; `ConfigError` if it is none."""

    def _check_same_kind(self, other: "Metric") -> None:
        if type(self) is not type(other) or self.protocol() != other.protocol():
            raise ConfigError(f"{self.name} cannot take in {other.name}: another metric, or another protocol")


class ClipMetric(Metric):
    """A metric that gives every clip a number of its own; the score is their mean."""

    def __init__(self, weights: Weights) -> None:
        super().__init__(weights)
        self._values: list[float] = []

    @abstractmethod
    def measure(self, clip: JudgedClip) -> float | None:
        """The clip's number; None where the question does not apply to it (then it is not counted)."""

    def update(self, clip: JudgedClip) -> None:
        value = self.measure(clip)
        if value is not None:
            self._values.append(value)

    def reset(self) -> None:
        self._values = []

    def merge_state(self, other: Metric) -> None:
        self._check_same_kind(other)
        if isinstance(other, ClipMetric):
            self._values += other._values

    def compute(self, *, seed: int) -> Score:
        values = np.sort(np.asarray(self._values, np.float64))
        low, high = bootstrap_of_mean(values, seed=seed)
        mean = float(values.mean()) if len(values) else float("nan")
        return Score(self.name, mean, low, high, len(values), self.protocol(), self.better)


def bootstrap_of_mean(values: NDArray[np.float64], *, seed: int) -> tuple[float, float]:
    """95 % percentile interval of the mean over resampled clips; nan for fewer than two."""
    if len(values) < 2:
        return float("nan"), float("nan")
    picks = np.random.default_rng(seed).integers(0, len(values), (NUM_RESAMPLES, len(values)))
    low, high = np.percentile(values[picks].mean(axis=1), [2.5, 97.5])
    return float(low), float(high)
