"""A benchmark run: every metric over every model's clips, and over the real ones as a yardstick."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vsd2m.benchmark.clips import JudgedClip, read_folder, read_split
from vsd2m.benchmark.config import BenchmarkConfig
from vsd2m.benchmark.distances import DistanceMetric
from vsd2m.benchmark.extractor import Extractor
from vsd2m.benchmark.metric import Metric, Score, Weights
from vsd2m.benchmark.metrics import METRICS
from vsd2m.benchmark.results import REAL, Results, Skipped, read_cost, write_results
from vsd2m.benchmark.tables import as_markdown
from vsd2m.core.errors import MissingExtraError
from vsd2m.core.registry import load
from vsd2m.core.storage import Store

ReadText = Callable[[NDArray[np.uint8]], str]


def run_benchmark(
    config: BenchmarkConfig,
    out: str,
    *,
    on_progress: Callable[[int, int], None] | None = None,
    read_text: ReadText | None = None,
) -> Results:
    """Judges every folder of the config and writes `results.jsonl` and `table.md` to `out`.

    `read_text` turns a frame uint8 [H, W, 3] into the text in it; without it the legibility of text is not judged.

    The real stickers are judged too: they show what a perfect model would get. For metrics that compare, they are
    cut in two halves, every other sticker, which is what equal distributions give at that count.
    """
    classes: list[type[Metric]] = [load(METRICS.get(name, name)) for name in config.metrics]
    weights = Weights(config.weights, read_text)
    ready, skipped = _set_up(classes, weights)
    real = list(
        read_split(
            config.shards,
            splits=config.splits,
            num_frames=config.num_frames,
            size=config.size,
            max_clips=config.max_real,
        )
    )
    judge = _Judge(ready, weights, config.seed, on_progress, total=len(config.generated) + 1)
    scores = {REAL: judge.yardstick(real)}
    for name, folder in config.generated.items():
        scores[name] = judge.scores(read_folder(Path(folder)), real)
    costs = {name: cost for name, folder in config.generated.items() if (cost := read_cost(Path(folder)))}
    results = Results(scores, skipped, costs)
    store = Store(out)
    write_results(results, config, store)
    store.write_bytes("table.md", as_markdown(results).encode())
    return results


def _set_up(classes: list[type[Metric]], weights: Weights) -> tuple[list[type[Metric]], list[Skipped]]:
    """The metrics that can be computed here, and why the others cannot."""
    ready, skipped = [], []
    for metric_class in classes:
        needs = metric_class(weights).missing()
        if needs is None:
            try:
                metric_class(weights).setup()
            except MissingExtraError as error:
                needs = str(error)
        if needs is None:
            ready.append(metric_class)
        else:
            skipped.append(Skipped(metric_class.name, needs))
    return ready, skipped


class _Judge:
    """Runs metrics over clips in one pass. Every call takes fresh metrics; loaded extractors are kept and shared."""

    def __init__(
        self,
        classes: Sequence[type[Metric]],
        weights: Weights,
        seed: int,
        on_progress: Callable[[int, int], None] | None,
        total: int,
    ) -> None:
        self._classes = classes
        self._weights = weights
        self._seed = seed
        self._on_progress = on_progress
        self._total = total
        self._done = 0
        self._extractors: dict[type[Extractor], Extractor] = {}

    def yardstick(self, real: list[JudgedClip]) -> list[Score]:
        """The real clips as a model: one half against the other where a metric compares."""
        metrics = self._fresh()
        for number, clip in enumerate(real):
            for metric in metrics:
                if metric.compares and number % 2:
                    metric.update_reference(clip)
                else:
                    metric.update(clip)
        return self._computed(metrics)

    def scores(self, generated: Iterable[JudgedClip], real: Iterable[JudgedClip]) -> list[Score]:
        """In the order of the metrics' classes."""
        metrics = self._fresh()
        for clip in generated:
            for metric in metrics:
                metric.update(clip)
        for clip in real:
            for metric in metrics:
                if metric.compares:
                    metric.update_reference(clip)
        return self._computed(metrics)

    def _fresh(self) -> list[Metric]:
        metrics = [metric_class(self._weights) for metric_class in self._classes]
        for metric in metrics:
            if isinstance(metric, DistanceMetric):
                metric.extractor = self._extractors.setdefault(type(metric.extractor), metric.extractor)
            metric.setup()
        return metrics

    def _computed(self, metrics: list[Metric]) -> list[Score]:
        scores = [metric.compute(seed=self._seed) for metric in metrics]
        self._done += 1
        if self._on_progress is not None:
            self._on_progress(self._done, self._total)
        return scores
