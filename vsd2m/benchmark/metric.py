"""The interface of metrics: they accumulate clips and return a number, an interval, and the protocol."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vsd2m.benchmark.suite.clips import JudgedClip
from vsd2m.core.commit import digest
from vsd2m.core.errors import ConfigError, EngineError

NUM_RESAMPLES = 1000
NORMAL_95 = 1.959964
"""Standard deviations of a 95 % interval of a normal distribution."""


Better = Literal["higher", "lower", "neither"]
"""Which values of a metric are better."""


@dataclass(frozen=True)
class Score:
    """`value` with its 95 % interval over clips. Numbers with different protocols are not comparable."""

    metric: str
    value: float
    low: float
    high: float
    num_clips: int
    protocol: Mapping[str, str | int]
    better: Better

    @property
    def protocol_digest(self) -> str:
        """Equal for two scores if and only if they were measured in the same way."""
        return digest(dict(self.protocol))[:12]


@dataclass(frozen=True)
class Weights:
    """External inputs of metrics; a metric whose inputs are missing is skipped and named.

    `paths`: checkpoints that no package distributes. `read_text`: a frame uint8 [H, W, 3] to the text in it.
    """

    paths: Mapping[str, str] = field(default_factory=dict)
    read_text: Callable[[NDArray[np.uint8]], str] | None = None

    def get(self, name: str) -> str | None:
        return self.paths.get(name)


class Metric(ABC):
    """Feed clips with `update` (and real ones with `update_reference`), then `compute`; `reset` to start again.

    Clips may be divided among several metrics of a class, also in other processes, and combined with `merge_state`:
    the score equals that of one metric with all clips. `torchmetric.py` has torchmetrics' class.
    """

    name: ClassVar[str]
    better: ClassVar[Better]
    compares: ClassVar[Literal["sets", "prompts"] | None] = None
    """What the metric needs from the real clips: an equal number of clips (`sets`), or all prompts (`prompts`)."""

    def __init__(self, weights: Weights) -> None:
        self.weights = weights

    def missing(self) -> str | None:
        """Which weights are missing and how to get them; None if the metric can be computed."""
        return None

    def setup(self) -> None:  # noqa: B027 - most metrics load nothing
        """Loads what the metric needs; called once, before the first clip."""

    @abstractmethod
    def protocol(self) -> dict[str, str | int]:
        """Everything that changes the number: frame rule, size, extractor, hash of its weights, estimator."""

    @abstractmethod
    def update(self, clip: JudgedClip) -> None:
        """Adds a generated clip."""

    def update_reference(self, clip: JudgedClip) -> None:  # noqa: B027 - most metrics do not compare
        """Adds a real clip, for metrics that compare."""

    @abstractmethod
    def compute(self, *, seed: int) -> Score:
        """The score over all clips so far, independent of their order; `seed` is that of the bootstrap."""

    @abstractmethod
    def reset(self) -> None:
        """Removes all clips; the loaded networks stay."""

    @abstractmethod
    def merge_state(self, other: "Metric") -> None:
        """Adds the clips of another metric of the same class and protocol; `ConfigError` for any other."""

    def _check_same_kind(self, other: "Metric") -> None:
        if type(self) is not type(other) or self.protocol() != other.protocol():
            raise ConfigError(f"{self.name} cannot be merged with {other.name}: another metric or another protocol")


class ClipMetric(Metric):
    """A metric with a number per clip; the score is their mean."""

    is_share: ClassVar[bool] = False
    """Whether every clip is 1 or 0: the interval is then Wilson's."""

    def __init__(self, weights: Weights) -> None:
        super().__init__(weights)
        self._values: list[float] = []

    @abstractmethod
    def measure(self, clip: JudgedClip) -> float | None:
        """The clip's number; None if the metric does not apply, such as without a prompt (it is then not counted).

        A clip on which a model failed must count: it gets the worst value.
        """

    def update(self, clip: JudgedClip) -> None:
        value = self.measure(clip)
        if value is not None:
            check_finite(value, clip, self.name)
            self._values.append(value)

    def reset(self) -> None:
        self._values = []

    def merge_state(self, other: Metric) -> None:
        self._check_same_kind(other)
        if isinstance(other, ClipMetric):
            self._values += other._values

    def compute(self, *, seed: int) -> Score:
        values = np.sort(np.asarray(self._values, np.float64))
        mean = float(values.mean()) if len(values) else float("nan")
        low, high = wilson(mean, len(values)) if self.is_share else bootstrap_of_mean(values, seed=seed)
        return Score(self.name, mean, low, high, len(values), self.protocol(), self.better)


def check_finite(values: ArrayLike, clip: JudgedClip, metric: str) -> None:
    """Raises `EngineError` with the clip's name if its values are not finite, since one such number invalidates the
    score."""
    if not np.isfinite(values).all():
        raise EngineError(
            f"{metric} of {clip.name} is not a finite number; check this clip, and the weights of the network. The "
            "observations of other clips are kept."
        )


def wilson(share: float, num_clips: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927); nan for no clips.

    A bootstrap of few clips with few hits contains the true share far too rarely, and has no width without hits.
    """
    if num_clips < 1:
        return float("nan"), float("nan")
    z_squared = NORMAL_95**2
    middle = (share + z_squared / (2 * num_clips)) / (1 + z_squared / num_clips)
    spread = share * (1 - share) / num_clips + z_squared / (4 * num_clips**2)
    half = NORMAL_95 * spread**0.5 / (1 + z_squared / num_clips)
    return max(0.0, middle - half), min(1.0, middle + half)


def bootstrap_of_mean(values: NDArray[np.float64], *, seed: int) -> tuple[float, float]:
    """95 % percentile interval of the mean over resampled clips; nan for fewer than two."""
    if len(values) < 2:
        return float("nan"), float("nan")
    picks = np.random.default_rng(seed).integers(0, len(values), (NUM_RESAMPLES, len(values)))
    low, high = np.percentile(values[picks].mean(axis=1), [2.5, 97.5])
    return float(low), float(high)
