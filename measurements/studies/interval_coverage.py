"""How often the 95 % interval of a distance contains its expected value: ours and the basic bootstrap's.

    python measurements/studies/interval_coverage.py --dimensions 64 --num-clips 100

Two Gaussians that differ by 0.3 in every mean and by 1.2 in every deviation, resampled in every trial. Prints one
Markdown row; writes nothing.
"""

import argparse

import numpy as np

from vsd2m.benchmark.distances.feature_distances import FrechetMetric
from vsd2m.benchmark.metric import Weights

NUM_RESAMPLES = 50


class Distance(FrechetMetric):
    name = "simulated"
    extractor_name = "efficientnet_lite0"  # never loaded: the features are drawn


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dimensions", type=int, required=True)
    parser.add_argument("--num-clips", type=int, required=True)
    parser.add_argument("--trials", type=int, default=60)
    arguments = parser.parse_args()
    chance = np.random.default_rng(0)
    results = np.array([trial(arguments.dimensions, arguments.num_clips, chance) for _ in range(arguments.trials)])
    values, errors, lows, highs = results.T
    expected = values.mean()
    ours = (np.abs(values - expected) <= errors).mean()
    bootstrap = ((lows <= expected) & (expected <= highs)).mean()
    print(
        f"| {arguments.dimensions} | {arguments.num_clips} | {arguments.trials} | {expected:.3g} | {values.std():.2g} | "
        f"{(errors / 2.02).mean():.2g} | {ours:.0%} | {bootstrap:.0%} |"
    )


def trial(size: int, count: int, chance: np.random.Generator) -> tuple[float, float, float, float]:
    """Value, half our interval, and both ends of the basic bootstrap's."""
    metric = Distance(Weights())
    a, b = chance.normal(size=(count, size)), 1.2 * chance.normal(size=(count, size)) + 0.3
    value = metric.distance(a, b)
    resampled_distances = [
        metric.distance(chance.choice(a, count), chance.choice(b, count)) for _ in range(NUM_RESAMPLES)
    ]
    low, high = np.percentile(resampled_distances, [2.5, 97.5])
    return value, metric.errors(a, b, value, seed=0)[1], 2 * value - high, 2 * value - low


if __name__ == "__main__":
    main()
