"""Our metrics behind torchmetrics' interface: `update`, `compute`, `reset`, `merge_state`, synchronised over processes.

`options` are those of torchmetrics' `Metric`, such as `dist_sync_on_step`.

N clips, D dimensions of a feature vector. Torch is imported at once: this module is for those who use it already.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
import torchmetrics
from torch import Tensor

from vsd2m.benchmark.distances.feature_distances import FrechetMetric
from vsd2m.benchmark.distances.frechet import gaussian_distance
from vsd2m.benchmark.metric import ClipMetric, Metric, Weights, check_finite
from vsd2m.benchmark.metrics import METRICS
from vsd2m.benchmark.suite.clips import JudgedClip
from vsd2m.core.errors import ConfigError
from vsd2m.core.registry import load


def as_torchmetric(name: str, weights: Weights) -> torchmetrics.Metric:
    """The metric of that name, loaded. `ConfigError` if it is unknown, misses weights, or has no such form."""
    if name not in METRICS:
        raise ConfigError(f"unknown metric {name!r}; known: {', '.join(METRICS)}")
    metric: Metric = load(METRICS[name])(weights)
    if needs := metric.missing():
        raise ConfigError(f"{name} needs {needs}")
    metric.setup()
    if isinstance(metric, ClipMetric):
        return MeanOverClips(metric)
    if isinstance(metric, FrechetMetric):
        return FrechetOverClips(metric)
    raise ConfigError(f"{name} has no torchmetrics form; use a metric that is a mean over clips or a Fréchet distance")


class MeanOverClips(torchmetrics.Metric):  # type: ignore[misc]
    """The mean of a metric that gives each clip a number; nan before the first."""

    full_state_update = False
    total: Tensor
    num_clips: Tensor

    def __init__(self, metric: ClipMetric, **options: Any) -> None:
        super().__init__(**options)
        self.metric = metric
        self.add_state("total", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("num_clips", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, clips: Iterable[JudgedClip]) -> None:
        for clip in clips:
            value = self.metric.measure(clip)
            if value is not None:
                check_finite(value, clip, self.metric.name)
                self.total += value
                self.num_clips += 1

    def compute(self) -> Tensor:
        return self.total / self.num_clips


class FrechetOverClips(torchmetrics.Metric):  # type: ignore[misc]
    """A Fréchet distance of generated clips from real ones, of sums whose size does not depend on their number."""

    higher_is_better = False
    full_state_update = False

    def __init__(self, metric: FrechetMetric, **options: Any) -> None:
        super().__init__(**options)
        self.metric = metric
        size = metric.extractor.num_features
        for side in ("generated", "real"):
            self.add_state(f"{side}_number", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")
            self.add_state(f"{side}_sum", torch.zeros(size, dtype=torch.float64), dist_reduce_fx="sum")
            self.add_state(f"{side}_outer", torch.zeros((size, size), dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, clips: Iterable[JudgedClip], *, real: bool) -> None:
        side = "real" if real else "generated"
        for clip in clips:
            features = self.metric.extractor.vector(clip)
            check_finite(features, clip, self.metric.name)
            vector = torch.from_numpy(features.astype(np.float64))
            getattr(self, f"{side}_number").add_(1)
            getattr(self, f"{side}_sum").add_(vector)
            getattr(self, f"{side}_outer").addr_(vector, vector)

    def compute(self) -> Tensor:
        """nan while one side has fewer than two clips."""
        if min(int(self.generated_number), int(self.real_number)) < 2:
            return torch.tensor(float("nan"), dtype=torch.float64)
        return torch.tensor(gaussian_distance(*self._moments("generated"), *self._moments("real")))

    def _moments(self, side: str) -> tuple[Any, Any]:
        number = int(getattr(self, f"{side}_number"))
        total, outer = getattr(self, f"{side}_sum").numpy(), getattr(self, f"{side}_outer").numpy()
        return total / number, (outer - np.outer(total, total) / number) / (number - 1)
