"""What a difference in a Fréchet distance means at N clips: its bias and its standard deviation, measured.

    python measurements/speed/fvd_difference.py --dimensions 400 --repeats 12
    python measurements/speed/fvd_difference.py --vectors features.npy   # N x D of a real set

Two models that are exactly as good as the real clips are each compared with one real set of N. Everything above 0 is
bias; the spread of the difference of the two models is what a difference of published numbers must exceed. The unit
Gaussian has the variance of 1 in every dimension; the other spectrum falls as 1 / rank, its total variance the same.
Prints Markdown; writes nothing.
"""

import argparse
import time

import numpy as np

from vsd2m.benchmark.distances.frechet import frechet_distance

COUNTS = (256, 500, 1000, 2048)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dimensions", type=int, default=400)
    parser.add_argument("--repeats", type=int, default=12)
    parser.add_argument("--vectors", help="a .npy file of real feature vectors; sets are drawn from it, disjoint")
    parser.add_argument("--counts", type=int, nargs="+", default=list(COUNTS))
    arguments = parser.parse_args()
    print("| features | N | repeats | mean distance of equals | deviation | deviation of A - B | 95 % of A - B |")
    print("|---|---|---|---|---|---|---|")
    for name, draw in sources(arguments).items():
        for count in arguments.counts:
            row(name, count, [trial(draw, count, seed) for seed in range(arguments.repeats)])


def sources(arguments: argparse.Namespace):
    """Name -> a function of generator and count to three disjoint sets."""
    if arguments.vectors:
        real = np.load(arguments.vectors)
        scale = np.sqrt(real.shape[1] / np.trace(np.cov(real, rowvar=False)))  # total variance: one per dimension
        return {f"real, D = {real.shape[1]}": lambda chance, count: parts(real * scale, chance, count)}
    size = arguments.dimensions
    falling = 1 / np.arange(1, size + 1)
    spectra = {"unit Gaussian": np.ones(size), "variance 1 / rank": falling * size / falling.sum()}

    def of(spectrum):
        return lambda chance, count: [chance.normal(size=(count, size)) * np.sqrt(spectrum) for _ in range(3)]

    return {f"{name}, D = {size}": of(spectrum) for name, spectrum in spectra.items()}


def parts(real: np.ndarray, chance: np.random.Generator, count: int) -> list[np.ndarray]:
    if 3 * count > len(real):
        raise SystemExit(f"three disjoint sets of {count} do not fit into {len(real)} vectors; give smaller --counts")
    return np.array_split(real[chance.permutation(len(real))[: 3 * count]], 3)


def trial(draw, count: int, seed: int) -> tuple[float, float]:
    """The distances of two equal models from one real set."""
    real, first, two = draw(np.random.default_rng(seed), count)
    return frechet_distance(first, real), frechet_distance(two, real)


def row(name: str, count: int, distances: list[tuple[float, float]]) -> None:
    values = np.array(distances)
    difference = np.sqrt(((values[:, 0] - values[:, 1]) ** 2).mean())  # its mean is 0: the two are drawn alike
    print(
        f"| {name} | {count} | {len(distances)} | {values.mean():.1f} | {values[:, 0].std(ddof=1):.2f} | "
        f"{difference:.2f} | ± {1.96 * difference:.1f} |",
        flush=True,
    )


if __name__ == "__main__":
    began = time.process_time()
    main()
    print(f"\n{time.process_time() - began:.0f} processor seconds")
