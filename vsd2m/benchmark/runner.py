"""A benchmark run: every metric over every model's clips, and over the real ones as a yardstick."""

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vsd2m.benchmark.clips import JudgedClip, read_folder, read_split
from vsd2m.benchmark.config import BenchmarkConfig
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
    judge = _Judge(weights, config.seed, on_progress, total=(len(config.generated) + 1) * len(ready))
    scores = {REAL: [judge.score(m, real[::2] if m.compares else real, real[1::2]) for m in ready]}
    for name, folder in config.generated.items():
        scores[name] = [judge.score(metric, read_folder(Path(folder)), real) for metric in ready]
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
    """Runs metrics over clips; every call takes a fresh metric, so that nothing carries over."""

    def __init__(self, weights: Weights, seed: int, on_progress: Callable[[int, int], None] | None, total: int) -> None:
        self._weights = weights
        self._seed = seed
        self._on_progress = on_progress
        self._total = total
        self._done = 0

    def score(self, metric_class: type[Metric], generated: Iterable[JudgedClip], real: Iterable[JudgedClip]) -> Score:
        metric = metric_class(self._weights)
        metric.setup()
        for clip in generated:
            metric.update(clip)
        if metric.compares:
            for clip in real:
                metric.update_reference(clip)
        self._done += 1
        if self._on_progress is not None:
            self._on_progress(self._done, self._total)
        return metric.compute(seed=self._seed)
