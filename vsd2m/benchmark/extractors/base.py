"""What turns a clip into a feature vector."""

import hashlib
import weakref
from abc import ABC, abstractmethod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vsd2m.benchmark.extractors import EXTRACTORS
from vsd2m.benchmark.metric import Weights
from vsd2m.benchmark.suite.clips import JudgedClip
from vsd2m.core.file_digest import file_sha256
from vsd2m.core.registry import component


class Extractor(ABC):
    """A network with its preprocessing; both are part of the protocol of every number made from its features.

    Several metrics may share one: it loads once, and computes a clip's vector once as long as the clip is in memory.
    """

    def __init__(self, weights: Weights) -> None:
        self.weights = weights
        self._is_loaded = False
        self._known: dict[int, tuple[weakref.ref[JudgedClip], NDArray[np.float32]]] = {}

    def load(self) -> None:
        """`setup`, unless it has been done."""
        if not self._is_loaded:
            self.setup()
        self._is_loaded = True

    def vector(self, clip: JudgedClip) -> NDArray[np.float32]:
        """`features`, unless they are known of this very clip."""
        place = id(clip)
        if place not in self._known:
            gone = weakref.ref(clip, lambda _: self._known.pop(place))
            self._known[place] = (gone, self.features(clip))
        return self._known[place][1]

    def missing(self) -> str | None:
        """Which weights are missing and where they are to be had; None if there is nothing to ask for."""
        return None

    @abstractmethod
    def setup(self) -> None:
        """Loads the network."""

    @property
    @abstractmethod
    def num_features(self) -> int:
        """Length of the vectors; known once the network is loaded."""

    @abstractmethod
    def protocol(self) -> dict[str, str | int]:
        """Frame rule, size, layer, and hash of the weights."""

    @abstractmethod
    def features(self, clip: JudgedClip) -> NDArray[np.float32]:
        """The clip's feature vector, float32 [D]."""


def extractor_class(name: str) -> type[Extractor]:
    """The extractor of that name, or at `module:Class`; `ConfigError` where there is none."""
    extractor: type[Extractor] = component(EXTRACTORS, name, kind="extractor", base=Extractor)
    return extractor


_SUFFIXES = frozenset({".safetensors", ".bin", ".pth", ".pt"})
_PREPROCESSING = "preprocessor_config.json"


def weights_digest(path: str | None) -> str:
    """sha256 of a checkpoint: of the file, or of a folder's weight files and preprocessing; the name itself where it is
    a hub id."""
    if path is None:
        return "missing"
    found = Path(path)
    if found.is_file():
        return file_sha256(found)
    if found.is_dir():
        files = sorted(file for file in found.iterdir() if file.suffix in _SUFFIXES or file.name == _PREPROCESSING)
        return hashlib.sha256("".join(map(file_sha256, files)).encode()).hexdigest()
    return path
