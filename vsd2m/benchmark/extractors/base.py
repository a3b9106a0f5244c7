"""The interface of extractors, which map a clip to a feature vector."""

import hashlib
import weakref
from abc import ABC, abstractmethod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vsd2m.benchmark.metric import Weights
from vsd2m.benchmark.suite.clips import JudgedClip
from vsd2m.core.file_digest import file_sha256


class Extractor(ABC):
    """A network with its preprocessing; both are part of the protocol of every number computed from its features.

    Several metrics may share one: it is loaded once, and computes each clip's vector once while the clip is in memory.
    """

    def __init__(self, weights: Weights) -> None:
        self.weights = weights
        self._is_loaded = False
        self._vectors: dict[int, tuple[weakref.ref[JudgedClip], NDArray[np.float32]]] = {}

    def load(self) -> None:
        """Calls `setup` once."""
        if not self._is_loaded:
            self.setup()
        self._is_loaded = True

    def vector(self, clip: JudgedClip) -> NDArray[np.float32]:
        """The clip's `features`, computed once per clip object."""
        place = id(clip)
        if place not in self._vectors:
            reference = weakref.ref(clip, lambda _: self._vectors.pop(place))
            self._vectors[place] = (reference, self.features(clip))
        return self._vectors[place][1]

    def missing(self) -> str | None:
        """Which weights are missing and how to get them; None if nothing is missing."""
        return None

    @abstractmethod
    def setup(self) -> None:
        """Loads the network."""

    @property
    @abstractmethod
    def num_features(self) -> int:
        """Length of the vectors; available after the network is loaded."""

    @abstractmethod
    def protocol(self) -> dict[str, str | int]:
        """Frame rule, size, layer, and hash of the weights."""

    @abstractmethod
    def features(self, clip: JudgedClip) -> NDArray[np.float32]:
        """The clip's feature vector, float32 [D]."""


_SUFFIXES = frozenset({".safetensors", ".bin", ".pth", ".pt"})
_PREPROCESSING = "preprocessor_config.json"


def weights_digest(path: str | None) -> str:
    """sha256 of a checkpoint: of the file, or of a folder's weight files and preprocessing; a hub id is returned
    unchanged."""
    if path is None:
        return "missing"
    file_or_folder = Path(path)
    if file_or_folder.is_file():
        return file_sha256(file_or_folder)
    if file_or_folder.is_dir():
        files = sorted(
            file for file in file_or_folder.iterdir() if file.suffix in _SUFFIXES or file.name == _PREPROCESSING
        )
        return hashlib.sha256("".join(map(file_sha256, files)).encode()).hexdigest()
    return path
