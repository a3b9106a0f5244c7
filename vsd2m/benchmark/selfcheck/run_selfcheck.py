"""Reproduces published numbers: with the published weights if they are available, and always the arithmetic."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from vsd2m.benchmark.distances.frechet import frechet_distance, gaussian_distance
from vsd2m.benchmark.distances.mmd import polynomial_mmd
from vsd2m.benchmark.selfcheck.check import Check
from vsd2m.benchmark.selfcheck.published_values import RECIPES
from vsd2m.core.errors import StorageError


def selfcheck(weights_folder: Path | None, *, with_peers: bool = False) -> Iterator[Check]:
    """All checks, one after the other; those whose files are not in `weights_folder` (searched recursively) say so.

    `with_peers` adds the comparisons with other implementations. `StorageError` if the folder does not exist.
    """
    if weights_folder is not None and not weights_folder.is_dir():
        raise StorageError(f"{weights_folder} is not a folder; give one with the published weight files")
    yield from _arithmetic()
    if with_peers:
        from vsd2m.benchmark.selfcheck.peers import compare

        yield from compare()
    for recipe in RECIPES:
        yield recipe.run(weights_folder)


def _arithmetic() -> Iterator[Check]:
    first = np.arange(1.0, 10.0).reshape(3, 3)
    second = np.array([[7, 6, 5], [4, 3, 2], [1, 1, 8], [0, 2, 5]], np.float64)
    for gamma, expected in ((1.0, 2436.5), (None, 270.7)):
        name = f"polynomial MMD, gamma {'1 / D' if gamma is None else '1'}"
        yield Check(name, "oooolga/JEDi", expected, 0.05, polynomial_mmd(first, second, gamma=gamma))
    chance = np.random.default_rng(3)
    means, deviations = chance.normal(size=(2, 400)), chance.uniform(0.1, 2, (2, 400))
    exact = float(((means[0] - means[1]) ** 2).sum() + ((deviations[0] - deviations[1]) ** 2).sum())
    rotation = np.linalg.qr(chance.normal(size=(400, 400)))[0]
    covariances = [(rotation * deviation**2) @ rotation.T for deviation in deviations]
    distance = gaussian_distance(means[0], covariances[0], means[1], covariances[1])
    yield Check("Fréchet distance of Gaussians, d = 400", "closed form", exact, 1e-6, distance)
    halves = chance.normal(size=(500, 400)), chance.normal(size=(500, 400))
    yield Check("Fréchet bias, d = 400, N = 500", "unit Gaussians", 161, 3, frechet_distance(*halves))
    yield Check("Fréchet distance of a set from itself", "definition", 0, 1e-6, frechet_distance(halves[0], halves[0]))
