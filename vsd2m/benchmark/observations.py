"""The observations of single clips, separate from the arithmetic over all of them.

An observation is the expensive part of a metric: one clip's number, feature vector or embeddings. It depends only on
the clip, so it can be computed in any order and process, stored, and passed to a new metric later.
"""

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vsd2m import __version__
from vsd2m.benchmark.distances.feature_distances import DistanceMetric
from vsd2m.benchmark.extractors.base import Extractor
from vsd2m.benchmark.metric import ClipMetric, Metric, Weights, check_finite
from vsd2m.benchmark.metrics import metric_class
from vsd2m.benchmark.metrics.clip_retrieval import ClipRetrieval
from vsd2m.benchmark.networks.openclip import ClipEncoder
from vsd2m.benchmark.suite.clips import ClipReference, JudgedClip
from vsd2m.core.commit import digest
from vsd2m.core.file_digest import file_sha256

Array = NDArray[Any]
NO_FRAMES = np.zeros((0, 0, 0, 3), np.uint8)


@dataclass(frozen=True)
class ObserverSpec:
    """The metrics that observe, and their weights; can be sent to other processes."""

    metrics: tuple[str, ...]
    weights: Weights

    def open(self) -> "Observer":
        """An observer; it loads networks when they are needed."""
        senses = (sense_of(metric_class(name)(self.weights)) for name in self.metrics)
        return Observer([sense for sense in senses if sense is not None])


class Observer:
    """Observes clips for several metrics; those that share an extractor share its work."""

    def __init__(self, senses: Iterable["Sense"]) -> None:
        self._senses = {sense.identity: sense for sense in senses}
        self._ready: set[str] = set()

    def observe(self, clip: JudgedClip, identities: Sequence[str]) -> dict[str, Array]:
        """The observations of these identities; their networks are loaded on first use.

        `EngineError` that names the clip if an observation is not finite.
        """
        observations = {}
        for identity in identities:
            self.setup(identity)
            observations[identity] = self._senses[identity].observe(clip)
            check_finite(observations[identity], clip, self._senses[identity].name)
        return observations

    def setup(self, identity: str) -> None:
        """Loads the network of an observation, once. `MissingExtraError` if a package is not installed."""
        if identity not in self._ready:
            self._senses[identity].setup()
            self._ready.add(identity)


class Sense(ABC):
    """How a metric's observations are computed, and how a new metric uses them."""

    identity: str
    name: str
    """The metric's name, for messages."""

    @abstractmethod
    def setup(self) -> None:
        """Loads what `observe` needs."""

    @abstractmethod
    def observe(self, clip: JudgedClip) -> Array:
        """A function of the clip alone."""

    @abstractmethod
    def replay(self, stored: Callable[[], Array]) -> Metric:
        """A new metric that loads no network: `stored` returns the observation of the clip that `update` gets."""


def sense_of(metric: Metric) -> Sense | None:
    """The metric's `Sense`; None if its observations cannot be separated: it then needs every clip itself."""
    if isinstance(metric, DistanceMetric):
        return _Vector(metric)
    if isinstance(metric, ClipRetrieval):
        return _Embeddings(metric)
    return _Number(metric) if isinstance(metric, ClipMetric) else None


def without_frames(clip: ClipReference) -> JudgedClip:
    """The input of a replayed metric."""
    return JudgedClip(clip.name, NO_FRAMES, clip.prompt)


class _Number(Sense):
    """For metrics with a number per clip; an empty array means no number."""

    def __init__(self, metric: ClipMetric) -> None:
        self._metric = metric
        self.name = metric.name
        self.identity = identity_of(metric, metric.protocol())

    def setup(self) -> None:
        self._metric.setup()

    def observe(self, clip: JudgedClip) -> Array:
        value = self._metric.measure(clip)
        return np.array([] if value is None else [value], np.float64)

    def replay(self, stored: Callable[[], Array]) -> Metric:
        kind = type(self._metric)
        replayed = type(kind.__name__, (kind,), {"measure": lambda *_: _number(stored())})
        metric: Metric = replayed(self._metric.weights)
        return metric


def _number(observed: Array) -> float | None:
    return float(observed[0]) if len(observed) else None


class _Vector(Sense):
    """For metrics that compare feature vectors."""

    def __init__(self, metric: DistanceMetric) -> None:
        self._metric = metric
        self._extractor = metric.extractor
        self.name = metric.name
        self.identity = identity_of(self._extractor, self._extractor.protocol())

    def setup(self) -> None:
        self._extractor.load()

    def observe(self, clip: JudgedClip) -> Array:
        return self._extractor.features(clip)

    def replay(self, stored: Callable[[], Array]) -> Metric:
        fresh = type(self._metric)(self._metric.weights)
        fresh.extractor = _StoredVectors(self._extractor, stored)
        return fresh


class _StoredVectors(Extractor):
    def __init__(self, extractor: Extractor, stored: Callable[[], Array]) -> None:
        super().__init__(extractor.weights)
        self._extractor = extractor
        self._stored_vector = stored

    def setup(self) -> None:
        """Nothing is computed."""

    @property
    def num_features(self) -> int:
        return len(self._stored_vector())

    def protocol(self) -> dict[str, str | int]:
        return self._extractor.protocol()

    def features(self, clip: JudgedClip) -> NDArray[np.float32]:
        return self._stored_vector()


class _Embeddings(Sense):
    """For `ClipRetrieval`: the picture's and the prompt's vector; empty without a prompt."""

    def __init__(self, metric: ClipRetrieval) -> None:
        self._metric = metric
        self.name = metric.name
        self.identity = identity_of(metric.encoder, metric.encoder.protocol())

    def setup(self) -> None:
        self._metric.encoder.setup()

    def observe(self, clip: JudgedClip) -> Array:
        if not clip.prompt:
            return np.zeros((2, 0), np.float32)
        return np.stack([self._metric.encoder.picture(clip), self._metric.encoder.text(clip.prompt)])

    def replay(self, stored: Callable[[], Array]) -> Metric:
        fresh = ClipRetrieval(self._metric.weights)
        fresh.encoder = _StoredEmbeddings(self._metric.weights, stored)
        return fresh


class _StoredEmbeddings(ClipEncoder):
    def __init__(self, weights: Weights, stored: Callable[[], Array]) -> None:
        super().__init__(weights)
        self._stored_pair = stored

    def picture(self, clip: JudgedClip) -> NDArray[np.float32]:
        picture: NDArray[np.float32] = self._stored_pair()[0]
        return picture

    def text(self, prompt: str) -> NDArray[np.float32]:
        text: NDArray[np.float32] = self._stored_pair()[1]
        return text


def identity_of(part: object, protocol: Mapping[str, str | int]) -> str:
    """Changes with everything that affects the observation: protocol, version, and the code of `part`."""
    kind = type(part)
    return digest([kind.__module__, kind.__qualname__, dict(protocol), __version__, _source_digest(kind)])[:16]


def _source_digest(kind: type[Any]) -> str:
    return file_sha256(inspect.getfile(kind))
