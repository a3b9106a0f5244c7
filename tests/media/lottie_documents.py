"""Lottie documents drawn for the tests and the fuzzer's seeds: a rectangle, an ellipse, moving, of plain colours."""

import gzip
import json


def still(value):
    return {"a": 0, "k": value}


def moving(start, stop, first, last):
    """At equal speed from `start` in frame `first` to `stop` in frame `last`."""
    ease = {"i": {"x": [1], "y": [1]}, "o": {"x": [0], "y": [0]}}
    return {"a": 1, "k": [{"t": first, "s": start, "e": stop, **ease}, {"t": last, "s": stop}]}


def shape(kind="rc", *, size=(12, 12), color=(1, 0.5, 0), opacity=100, position=None):
    parts = [
        {"ty": kind, "d": 1, "s": still([*size]), "p": still([0, 0]), "r": still(0)},
        {"ty": "fl", "c": still([*color, 1]), "o": still(opacity), "r": 1},
        {"ty": "tr", "p": still([0, 0]), "a": still([0, 0]), "s": still([100, 100]), "r": still(0), "o": still(100)},
    ]
    place = position if isinstance(position, dict) else still([*(position or (0, 0)), 0])
    transform = {"o": still(100), "r": still(0), "p": place, "a": still([0, 0, 0]), "s": still([100, 100, 100])}
    return {"ddd": 0, "ty": 4, "sr": 1, "ks": transform, "ao": 0, "shapes": [{"ty": "gr", "it": parts}], "bm": 0}


def document(*shapes, width=64, height=48, first=0, last=10, rate=30, **more):
    layers = [{**layer, "ind": i + 1, "ip": first, "op": last + 1, "st": 0} for i, layer in enumerate(shapes)]
    head = {"v": "5.5.2", "fr": rate, "ip": first, "op": last, "w": width, "h": height, "ddd": 0, "assets": []}
    return {**head, "layers": layers, **more}


def lottie(*shapes, **options):
    return json.dumps(document(*shapes, **options)).encode()


def tgs(*shapes, **options):
    return gzip.compress(lottie(*shapes, tgs=1, **options), mtime=0)
