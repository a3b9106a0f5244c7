"""Checks a Lottie before it is drawn: unsupported features are rejected by name, and so are drawings that are too
complex.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vsd2m.core.errors import MediaError

MAX_LAYERS = 5000
MAX_POINTS = 100_000  # of one frame, with all copies
MAX_POINT_FRAMES = 10_000_000  # points x frames
MAX_DRAWN_PIXELS = 1 << 27  # pixels x frames
MAX_COMPOSED_PIXELS = 1 << 31  # the same, for each layer that is drawn apart and then laid over the others

_PRECOMPOSITION, _IMAGE, _TEXT = 0, 2, 5
_LAYER_KINDS = {_PRECOMPOSITION, 1, _IMAGE, 3, 4, _TEXT, 6}  # precomposition, solid, image, none, shapes, text, sound
_NAMES_OF_LAYERS = {9: "video layers", 13: "camera layers", 15: "data layers"}
_EFFECTS = {5, 20, 21, 22, 23, 25, 29}  # sliders and the like; those that are drawn
_APART = ("masksProperties", "tt", "td", "bm", "ef")
_MODIFIERS = {"tw": "twisted paths"}
_SUBTRACTING = {3, 4, 5}
_MASK_MODES = set("aslidfn")
_SCALED = {"o": "opacity", "c": "colour", "fc": "colour", "sc": "colour"}
"""thorvg reads the results of these as numbers up to 255; After Effects has 100 and 1."""
_UNKNOWN_CALLS = re.compile(
    r"\b(wiggle|temporalWiggle|random|gaussRandom|seedRandom|noise|posterizeTime|sourceRectAtTime|fromComp|fromCompToSurface"
    r"|toWorld|toWorldVec|fromWorld|fromWorldVec|toCompVec|fromCompVec|lookAt|rgbToHsl|hslToRgb|hexToRgb|footage|smooth"
    r"|createPath|sourceText|marker|timeToFrames|framesToTime|text|mask)\b"
)
"""Functions of After Effects that thorvg does not know, and those whose results differ from drawing to drawing."""


@dataclass
class _Work:
    """The work of drawing one layer and its contents."""

    layers: int = 1
    points: float = 0
    composed: int = 0  # layers that are drawn apart

    def add(self, other: "_Work") -> None:
        self.layers += other.layers
        self.points += other.points
        self.composed += other.composed


def check_features(document: Mapping[str, Any]) -> None:
    """`MediaError` `unsupported_feature` naming the first feature that is not drawn."""
    has_glyphs = bool(document.get("chars")) or _has_fonts(document)
    for part in _objects(document):
        feature = _unsupported(part, has_glyphs)
        if feature is not None:
            raise MediaError("unsupported_feature", f"the Lottie uses {feature}")


def check_complexity(document: Mapping[str, Any], *, num_frames: int, num_pixels: int) -> None:
    """`MediaError` `too_complex` if drawing it would take too long."""
    assets = {
        asset["id"]: asset["layers"]
        for asset in document.get("assets", [])
        if isinstance(asset.get("layers"), list) and isinstance(asset.get("id"), str)
    }
    work = _Counter(assets).of(document["layers"])
    _hold("layers", work.layers, MAX_LAYERS)
    _hold("points in a frame", work.points, MAX_POINTS)
    _hold("points in all frames", work.points * num_frames, MAX_POINT_FRAMES)
    _hold("pixels in all frames", num_pixels * num_frames, MAX_DRAWN_PIXELS)
    _hold("pixels of layers drawn apart", num_pixels * num_frames * work.composed, MAX_COMPOSED_PIXELS)


def _hold(what: str, value: float, limit: int) -> None:
    if not value <= limit:
        value = min(value, 1e15)
        raise MediaError("too_complex", f"{value:.0f} {what}; at most {limit} are drawn", value=value, limit=limit)


def _objects(value: Any) -> Iterator[Mapping[str, Any]]:
    """All objects of the document but those below `chars`, outermost first."""
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            yield part
            waiting.extend(inner for inner in part.values() if isinstance(inner, dict | list))
        else:
            waiting.extend(inner for inner in part if isinstance(inner, dict | list))


def _unsupported(part: Mapping[str, Any], has_glyphs: bool) -> str | None:
    if part.get("ty") not in ("rp", "tm"):  # whose `c` and `o` are numbers of copies and offsets
        for name, meaning in _SCALED.items():
            if isinstance(part.get(name), dict) and isinstance(part[name].get("x"), str):
                return f"an expression of {meaning}"
    if isinstance(part.get("x"), str) and "k" in part:
        call = _UNKNOWN_CALLS.search(part["x"])
        return f"the expression {call[0]}" if call else None
    if part.get("hd") is True:
        return None
    if isinstance(part.get("ty"), str):
        merges = part["ty"] == "mm" and _is_one_of(part.get("mm"), _SUBTRACTING)
        return "paths that are cut out of each other" if merges else _MODIFIERS.get(part["ty"])
    if isinstance(part.get("ty"), int) and "ks" in part:
        return _unsupported_in_layer(part, has_glyphs)
    if "mode" in part and "pt" in part and not _is_one_of(part["mode"], _MASK_MODES):
        return f"the mask mode {part['mode']!r}"
    return None


def _unsupported_in_layer(layer: Mapping[str, Any], has_glyphs: bool) -> str | None:
    kind = layer["ty"]
    if kind not in _LAYER_KINDS:
        return _NAMES_OF_LAYERS.get(kind, f"layers of type {kind}")
    if kind == _TEXT and not has_glyphs:
        return "text in a font that is not in the file"
    if layer.get("sy"):
        return "layer styles"
    if layer.get("ddd") == 1 and any(_varies(layer["ks"], name) for name in ("rx", "ry", "or")):
        return "layers turned in space"
    effects = layer.get("ef")
    for effect in effects if isinstance(effects, list) else []:
        if isinstance(effect, dict) and effect.get("en", 1) == 1 and not _is_one_of(effect.get("ty"), _EFFECTS):
            return f"the effect {effect.get('nm', effect.get('ty'))!r}"
    mode = layer.get("bm", 0)
    return f"the blend mode {mode}" if not isinstance(mode, int) or not 0 <= mode <= 17 else None


def _is_one_of(value: Any, values: Collection[int] | Collection[str]) -> bool:
    return isinstance(value, int | str) and value in values


def _varies(transform: Any, name: str) -> bool:
    """Whether a property is animated or not zero."""
    value = transform.get(name) if isinstance(transform, dict) else None
    return isinstance(value, dict) and (value.get("a") == 1 or any(_numbers(value.get("k"))))


def _has_fonts(document: Mapping[str, Any]) -> bool:
    """Whether every font that the document names is in it."""
    fonts = document.get("fonts")
    listed = fonts.get("list") if isinstance(fonts, dict) else None
    if not isinstance(listed, list) or not listed:
        return False
    return all(isinstance(font, dict) and str(font.get("fPath", "")).startswith("data:") for font in listed)


class _Counter:
    """Counts the work of layers; an asset counts once per use."""

    def __init__(self, assets: Mapping[str, list[Any]]) -> None:
        self._assets = assets
        self._work_by_asset: dict[str, _Work] = {}
        self._open: set[str] = set()

    def of(self, layers: Sequence[Any]) -> _Work:
        total = _Work(layers=0)
        for layer in layers:
            if isinstance(layer, dict):
                total.add(self._of_layer(layer))
        return total

    def _of_layer(self, layer: Mapping[str, Any]) -> _Work:
        masks = layer.get("masksProperties")
        work = _Work(points=_points(layer.get("shapes") or []) + _points(masks or []))
        is_apart = layer.get("ty") in (_PRECOMPOSITION, _TEXT) or any(layer.get(name) for name in _APART)
        work.composed = int(is_apart) + len(masks if isinstance(masks, list) else [])
        reference = layer.get("refId")
        if layer.get("ty") == _PRECOMPOSITION and isinstance(reference, str) and reference in self._assets:
            work.add(self._of_asset(reference))
        return work

    def _of_asset(self, reference: str) -> _Work:
        if reference in self._open:
            raise MediaError("corrupt", f"the Lottie's composition {reference[:40]!r} contains itself")
        if reference not in self._work_by_asset:
            self._open.add(reference)
            self._work_by_asset[reference] = self.of(self._assets[reference])
            self._open.discard(reference)
        return self._work_by_asset[reference]


def _points(shapes: Any) -> float:
    """Points of the paths in a list of shapes, with the copies that repeaters make of the shapes before them."""
    total = 0.0
    for shape in shapes if isinstance(shapes, list) else []:
        if not isinstance(shape, dict):
            continue
        kind = shape.get("ty")
        if kind == "gr":
            total += _points(shape.get("it"))
        elif kind == "rp":
            total *= max([1.0, *map(abs, _numbers(shape.get("c")))])
        elif kind == "sr":
            total += 2 * max([1.0, *map(abs, _numbers(shape.get("pt")))])
        elif kind == "zz":
            total *= 1 + max([1.0, *map(abs, _numbers(shape.get("r")))])
        elif kind == "sh" or "pt" in shape:
            total += max([1, *map(len, _vertices(shape.get("ks", shape.get("pt"))))])
        elif kind in ("rc", "el"):
            total += 4
    return total


def _numbers(value: Any) -> Iterator[float]:
    """All numbers of a property, in all its keyframes, without their times and eases."""
    if isinstance(value, bool):
        return
    if isinstance(value, int | float):
        yield max(-1e12, min(1e12, value))
    elif isinstance(value, list):
        for part in value:
            yield from _numbers(part)
    elif isinstance(value, dict):
        for name in ("k", "s", "e"):
            yield from _numbers(value.get(name))


def _vertices(value: Any) -> Iterator[list[Any]]:
    """The lists of vertices of a path property, one of each keyframe."""
    if isinstance(value, list):
        for part in value:
            yield from _vertices(part)
    elif isinstance(value, dict):
        if isinstance(value.get("v"), list):
            yield value["v"]
        for name in ("k", "s", "e"):
            yield from _vertices(value.get(name))
