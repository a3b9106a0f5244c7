"""Our metrics with torchmetrics' interface: `update`, `compute`, `reset`, `merge_state`, synchronised over processes.

`options` are those of torchmetrics' `Metric`, such as `dist_sync_on_step`.

N clips, D dimensions of a feature vector. This module imports torch.
"""

from collections.abc import Iterable
from typing import Any

import torch
import torchmetrics
from torch import Tensor

from vsd2m.benchmark.distances.feature_distances import FrechetMetric
from vsd2m.benchmark.distances.frechet import gaussian_distance
from vsd2m.benchmark.distances.moments import RunningMoments
from vsd2m.benchmark.metric import ClipMetric, Weights, check_finite
from vsd2m.benchmark.metrics import metric_class
from vsd2m.benchmark.suite.clips import JudgedClip
from vsd2m.core.errors import ConfigError


def as_torchmetric(name: str, weights: Weights) -> torchmetrics.Metric:
    """The metric of that name or at `module:Class`, loaded.

    `ConfigError` if it is unknown, lacks weights, or is not available as a torchmetrics metric.
    """
    metric = metric_class(name)(weights)
    if needs := metric.missing():
        raise ConfigError(f"{name} needs {needs}")
    metric.setup()
    if isinstance(metric, ClipMetric):
        return MeanOverClips(metric)
    if isinstance(metric, FrechetMetric):
        return FrechetOverClips(metric)
    raise ConfigError(f"{name} is not available as a torchmetrics metric; use a mean over clips or a Fréchet distance")


class MeanOverClips(torchmetrics.Metric):  # type: ignore[misc]
    """The mean of a metric with a number per clip; nan without clips."""

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
    """A Fréchet distance between generated and real clips, from moments of constant size."""

    higher_is_better = False
    full_state_update = False
    generated: Tensor
    real: Tensor

    def __init__(self, metric: FrechetMetric, **options: Any) -> None:
        super().__init__(**options)
        self.metric = metric
        side = metric.extractor.num_features + 1
        for state in ("generated", "real"):
            self.add_state(state, torch.zeros((side, side), dtype=torch.float64), dist_reduce_fx=_merged)

    def update(self, clips: Iterable[JudgedClip], *, real: bool) -> None:
        moments = _moments(self.real if real else self.generated)
        for clip in clips:
            features = self.metric.extractor.vector(clip)
            check_finite(features, clip, self.metric.name)
            moments.update(features)
        if moments.num_vectors:
            (self.real if real else self.generated).copy_(torch.from_numpy(moments.packed()))

    def compute(self) -> Tensor:
        """The distance; nan if one side has fewer than two clips."""
        generated, real = _moments(self.generated), _moments(self.real)
        if min(generated.num_vectors, real.num_vectors) < 2:
            return torch.tensor(float("nan"), dtype=torch.float64)
        return torch.tensor(gaussian_distance(generated.mean, generated.covariance, real.mean, real.covariance))


def _moments(state: Tensor) -> RunningMoments:
    return RunningMoments.unpacked(state.cpu().numpy())


def _merged(states: Tensor) -> Tensor:
    """The packed moments of all processes' clips; `states`: [processes, D + 1, D + 1]."""
    moments = _moments(states[0])
    for state in states[1:]:
        moments.merge(_moments(state))
    return torch.from_numpy(moments.packed()).to(states.device)
