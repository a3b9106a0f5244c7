"""Trains the logistic head that separates photographs from drawings, and prints its accuracy on unseen packages.

    measurements/studies/domain_head/fetch_domain_pictures.sh PICTURES
    vsd2m samples PICTURES/samples --num-stickers 400 --seed 90001
    python measurements/studies/domain_head/train_domain_head.py PICTURES

Needs the extra `annotate` and the package in `samples/`. The same pictures and packages give the same file.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from domain_augment import augment, comic, least_alpha
from domain_sources import SOURCES, read_samples, read_source
from numpy.typing import NDArray
from PIL import Image

from vsd2m.annotate.domain.domain_head import HEAD_FILE
from vsd2m.networks.efficientnet_lite0 import VERSIONS, load_backbone

SEED = 20_241_208
_VERSIONS_PER_PICTURE = {"real": 3, "cartoon": 1}
_NUM_COMICS = 150
_PENALTY = 1e-4  # chosen by accuracy and log-loss on held-out sources: 0.77 at 3e-3, 0.79 here


@dataclass(frozen=True)
class Pictures:
    """Augmented pictures as features: float32 [N, 1280], domains (1: real), and the package of each."""

    features: NDArray[np.float32]
    is_real: NDArray[np.bool_]
    sources: NDArray[np.str_]


def main(folder: Path) -> None:
    """Trains on everything in `folder` and writes the head into the package."""
    pictures = _cached(folder)
    for name in sorted(set(pictures.sources)):
        held_out = pictures.sources == name
        weights, bias = fit(pictures, ~held_out)
        right = (pictures.features[held_out] @ weights + bias > 0) == pictures.is_real[held_out]
        print(f"held out {name:26s} {int(held_out.sum()):5d} pictures  {100 * right.mean():6.2f} % right", flush=True)
    weights, bias = fit(pictures, np.ones(len(pictures.is_real), bool))
    facts = {
        "seed": SEED,
        "backbone": VERSIONS,
        "num_pictures": {name: int((pictures.sources == name).sum()) for name in sorted(set(pictures.sources))},
        "sources": {source.name: f"{source.origin} ({source.licence})" for source in SOURCES},
    }
    np.savez(HEAD_FILE, weights=weights.astype(np.float32), bias=np.float32(bias), facts=json.dumps(facts))


def fit(pictures: Pictures, is_used: NDArray[np.bool_]) -> tuple[NDArray[np.float64], float]:
    """Weights and bias of a logistic regression on the raw features; both domains have equal weight, and within a
    domain each package the square root of its size."""
    from sklearn.linear_model import LogisticRegression

    x = pictures.features[is_used].astype(np.float64)
    y, sources = pictures.is_real[is_used], pictures.sources[is_used]
    mean, spread = x.mean(axis=0), x.std(axis=0) + 1e-6
    share = np.array([1 / np.sqrt((sources == name).sum()) for name in sources])
    for domain in (True, False):
        share[y == domain] /= share[y == domain].sum()
    head = LogisticRegression(C=_PENALTY, max_iter=2000, tol=1e-6)
    head.fit((x - mean) / spread, y, sample_weight=share * len(y) / 2)
    weights = head.coef_[0] / spread
    return weights, float(head.intercept_[0] - weights @ mean)


def gather(folder: Path) -> Pictures:
    """Reads, augments and runs every picture through the backbone (some minutes)."""
    groups = [(s.name, s.domain, read_source(folder / s.name, s, _rng(s.name))) for s in SOURCES]
    drawn_pictures, domains = read_samples(folder / "samples")
    groups += [
        (f"samples-{name}", name, [p for p, d in zip(drawn_pictures, domains, strict=True) if d == name])
        for name in ("real", "cartoon")
    ]
    photographs = [p for _, domain, group in groups if domain == "real" for p in group if _is_opaque(p)]
    backbone = load_backbone(num_threads=1)
    rows: list[tuple[NDArray[np.float32], bool, str]] = []

    def add(picture: Image.Image, domain: str, source: str) -> None:
        rows.append((backbone.features(np.asarray(picture)[None])[0], domain == "real", source))

    for name, domain, group in groups:
        rng = _rng(name + " augmented")
        for picture in group:
            for _ in range(_VERSIONS_PER_PICTURE[domain]):
                add(augment(picture, domain, photographs, rng), domain, name)
        print(f"{name}: {len(group)} pictures", file=sys.stderr, flush=True)
    figures = [p for _, domain, group in groups if domain == "cartoon" for p in group if not _is_opaque(p)]
    rng = _rng("comics")
    for _ in range(_NUM_COMICS):
        add(comic(figures, rng), "cartoon", "comics")
    features, is_real, sources = zip(*rows, strict=True)
    return Pictures(np.stack(features), np.array(is_real), np.array(sources))


def _cached(folder: Path) -> Pictures:
    """The features, cached next to the pictures."""
    file = folder / "features.npz"
    if not file.exists():
        pictures = gather(folder)
        np.savez(file, features=pictures.features, is_real=pictures.is_real, sources=pictures.sources)
    arrays = np.load(file)
    return Pictures(arrays["features"], arrays["is_real"], arrays["sources"])


def _rng(name: str) -> np.random.Generator:
    return np.random.default_rng([SEED, *name.encode()])


def _is_opaque(picture: Image.Image) -> bool:
    return least_alpha(picture) == 255


if __name__ == "__main__":
    main(Path(sys.argv[1]))
