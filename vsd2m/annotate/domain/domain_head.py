"""The logistic head on the backbone's features that classifies photographs and drawings.

Its weights are part of the package; `measurements/studies/domain_head` trains them and documents the data.
"""

import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vsd2m.core.errors import EngineError
from vsd2m.core.file_digest import file_sha256
from vsd2m.networks.efficientnet_lite0 import NUM_FEATURES

HEAD_FILE = Path(__file__).with_name("domain_head.npz")


@dataclass(frozen=True)
class DomainHead:
    """`weights` float64 [1280] and `bias` of a logistic regression; positive means real."""

    weights: NDArray[np.float64]
    bias: float

    def probability_of_real(self, features: NDArray[np.float32]) -> float:
        """The probability of real for a sticker, from the features [N, 1280] of its frames, with equal weights."""
        logit = float(features.astype(np.float64).mean(axis=0) @ self.weights) + self.bias
        return 1.0 / (1.0 + math.exp(-min(max(logit, -50.0), 50.0)))


def load_head(path: Path = HEAD_FILE) -> DomainHead:
    """The head in an .npz file with `weights` and `bias`; `EngineError` for any other file."""
    try:
        with np.load(path, allow_pickle=False) as file:
            weights, bias = file["weights"].astype(np.float64), float(file["bias"])
    except (OSError, KeyError, ValueError) as error:
        raise EngineError(f"no domain head at {path}: expected an .npz file with `weights` and `bias`") from error
    if weights.shape != (NUM_FEATURES,):
        raise EngineError(f"{path}: weights of shape ({NUM_FEATURES},) expected, {weights.shape} found")
    return DomainHead(weights, bias)


@cache
def head_digest(path: Path = HEAD_FILE) -> str:
    """The sha256 of the head's file."""
    return file_sha256(path)
