"""Lottie documents with colours that the specification gives for some of their pixels: what a renderer has to get right.

Each draws flat colours with hard edges, so that no renderer's smoothing matters where pixels are looked at.
"""

import base64
import io
from dataclasses import dataclass

import numpy as np
from lottie_documents import document, moving, shape, still
from PIL import Image

RED, GREEN, BLUE, WHITE, NOTHING = (255, 0, 0, 255), (0, 255, 0, 255), (0, 0, 255, 255), (255,) * 4, (0,) * 4


@dataclass(frozen=True)
class Case:
    name: str
    document: dict
    pixels: tuple[tuple[int, int, int, tuple[int, ...]], ...]  # frame, x, y, colour
    tolerance: int = 2


def square(color, position, side=20, **options):
    return shape(size=(side, side), color=[part / 255 for part in color[:3]], position=position, **options)


def full(color, **more):
    return {**square(color, (32, 24), side=200), **more}


def rectangle_path(left, top, right, bottom):
    corners = [[left, top], [right, top], [right, bottom], [left, bottom]]
    return still({"c": True, "v": corners, "i": [[0, 0]] * 4, "o": [[0, 0]] * 4})


def masked(*modes, color=RED):
    """A layer over everything whose first mask is the left half, the second the upper half."""
    halves = [rectangle_path(0, 0, 32, 48), rectangle_path(0, 0, 64, 24)]
    masks = [
        {"inv": mode.startswith("-"), "mode": mode.lstrip("-"), "pt": half, "o": still(100)}
        for mode, half in zip(modes, halves, strict=False)
    ]
    plain = {"o": still(100), "r": still(0), "p": still([0, 0, 0]), "a": still([0, 0, 0]), "s": still([100, 100, 100])}
    layer = {**square(color, (0, 0), side=300), "ks": plain}
    return {**layer, "hasMask": True, "masksProperties": masks}


def quarters(upper_left, upper_right, lower_left, lower_right, frame=0):
    points = ((8, 8), (56, 8), (8, 40), (56, 40))
    return tuple(
        (frame, *point, color)
        for point, color in zip(points, (upper_left, upper_right, lower_left, lower_right), strict=True)
    )


def matte(kind, color=WHITE):
    """A red layer, shown by a matte in the left half."""
    source = {**square(color, (0, 24), side=64), "td": 1}
    return source, {**full(RED), "tt": kind}


def with_expression(layer, name, text):
    layer["ks"][name] = {**layer["ks"][name], "x": text}
    return layer


def gradient(kind, stops, start, end):
    fill = {
        "ty": "gf",
        "o": still(100),
        "r": 1,
        "t": kind,
        "s": still(start),
        "e": still(end),
        "g": {"p": 2, "k": still(stops)},
    }
    layer = full(RED)
    layer["shapes"][0]["it"][1] = fill
    return layer


def modified(layer, *modifiers):
    """With shapes that change those before them."""
    parts = layer["shapes"][0]["it"]
    parts[1:1] = modifiers
    return layer


def picture_asset(color, file_format="PNG", size=(20, 20)):
    file = io.BytesIO()
    Image.fromarray(np.full((*size, 4), color, np.uint8)).convert("RGB").save(file, file_format)
    data = base64.b64encode(file.getvalue()).decode()
    return {
        "id": "picture",
        "w": size[1],
        "h": size[0],
        "u": "",
        "p": f"data:image/{file_format.lower()};base64,{data}",
        "e": 1,
    }


def picture_layer(position=(22, 14)):
    transform = {
        "o": still(100),
        "r": still(0),
        "p": still([*position, 0]),
        "a": still([0, 0, 0]),
        "s": still([100, 100, 100]),
    }
    return {"ddd": 0, "ty": 2, "refId": "picture", "sr": 1, "ks": transform, "ao": 0, "bm": 0}


def precomposition(**more):
    transform = {
        "o": still(100),
        "r": still(0),
        "p": still([0, 0, 0]),
        "a": still([0, 0, 0]),
        "s": still([100, 100, 100]),
    }
    return {"ddd": 0, "ty": 0, "refId": "inner", "sr": 1, "ks": transform, "ao": 0, "w": 64, "h": 48, "bm": 0, **more}


def inner(*layers):
    return {
        "id": "inner",
        "layers": [{**layer, "ind": i + 1, "ip": 0, "op": 60, "st": 0} for i, layer in enumerate(layers)],
    }


def glyph_text():
    """The letter A, whose glyph in the file is a square of the font's height, 20 px, in green."""
    outline = {"ty": "sh", "ks": rectangle_path(0, -100, 100, 0)}
    style = {"s": 20, "f": "Own", "t": "A", "j": 0, "tr": 0, "lh": 24, "ls": 0, "fc": [0, 1, 0]}
    text = {"d": {"k": [{"s": style, "t": 0}]}, "p": {}, "m": {"g": 1, "a": still([0, 0])}, "a": []}
    layer = {**picture_layer((22, 34)), "ty": 5, "t": text}
    del layer["refId"]
    fonts = {"list": [{"fName": "Own", "fFamily": "Own", "fStyle": "Regular", "ascent": 75}]}
    glyph = {
        "ch": "A",
        "size": 20,
        "style": "Regular",
        "w": 100,
        "fFamily": "Own",
        "data": {"shapes": [{"ty": "gr", "it": [outline]}]},
    }
    return document(layer, fonts=fonts, chars=[glyph])


HALF_MATTE = quarters(RED, NOTHING, RED, NOTHING)
TRIM = {"ty": "tm", "s": still(0), "e": still(50), "o": still(0), "m": 1}
CASES = (
    Case("solid layer", document({**picture_layer((0, 0)), "ty": 1, "sw": 32, "sh": 48, "sc": "#00ff00"}), quarters(GREEN, NOTHING, GREEN, NOTHING)),
    Case("mask, add", document(masked("a")), HALF_MATTE),
    Case("mask, inverted", document(masked("-a")), quarters(NOTHING, RED, NOTHING, RED)),
    Case("mask, none", document(masked("n")), quarters(RED, RED, RED, RED)),
    Case("masks, add and subtract", document(masked("a", "s")), quarters(NOTHING, NOTHING, RED, NOTHING)),
    Case("masks, add and intersect", document(masked("a", "i")), quarters(RED, NOTHING, NOTHING, NOTHING)),
    Case("masks, add and difference", document(masked("a", "f")), quarters(NOTHING, RED, RED, NOTHING)),
    Case("mask, subtract alone", document(masked("s")), quarters(NOTHING, RED, NOTHING, RED)),
    Case("matte, alpha", document(*matte(1)), HALF_MATTE),
    Case("matte, alpha inverted", document(*matte(2)), quarters(NOTHING, RED, NOTHING, RED)),
    Case("matte, luma white", document(*matte(3)), HALF_MATTE),
    Case("matte, luma black", document(*matte(3, (0, 0, 0, 255))), quarters(NOTHING, NOTHING, NOTHING, NOTHING)),
    Case("matte, luma inverted black", document(*matte(4, (0, 0, 0, 255))), quarters(RED, RED, RED, RED)),
    Case("gradient, linear", document(gradient(1, [0, 1, 0, 0, 1, 0, 0, 1], [-32, 0], [32, 0])), ((0, 1, 24, (249, 0, 6, 255)), (0, 32, 24, (127, 0, 128, 255)), (0, 62, 24, (6, 0, 249, 255))), 6),
    Case("gradient, radial", document(gradient(2, [0, 1, 0, 0, 1, 0, 0, 1], [0, 0], [20, 0])), ((0, 32, 24, RED), (0, 42, 24, (127, 0, 128, 255)), (0, 60, 24, BLUE)), 14),
    Case("gradient, alpha", document(gradient(1, [0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0], [-32, 0], [32, 0])), ((0, 1, 24, (255, 0, 0, 249)), (0, 32, 24, (255, 0, 0, 127)), (0, 62, 24, (255, 0, 0, 6))), 8),
    Case("text with glyphs in the file", glyph_text(), ((0, 32, 24, GREEN), (0, 12, 24, NOTHING))),
    Case("expression, turned by time", document(with_expression(shape(size=(40, 6), color=(1, 0, 0), position=(32, 24)), "r", "var $bm_rt; $bm_rt = time * 270;"), last=20), ((0, 48, 24, RED), (0, 32, 40, NOTHING), (10, 48, 24, NOTHING), (10, 32, 40, RED))),
    Case("expression, loopOut", document(with_expression(square(RED, moving([10, 24, 0], [50, 24, 0], 0, 4)), "p", "var $bm_rt; $bm_rt = loopOut('cycle', 0);"), last=12), ((2, 30, 24, RED), (6, 30, 24, RED), (10, 30, 24, RED), (10, 55, 24, NOTHING))),
    Case("time remap", document(precomposition(tm=moving([1.0], [0.0], 0, 10)), assets=[inner(square(RED, moving([10, 24, 0], [54, 24, 0], 0, 30)))], last=10, rate=30), ((0, 54, 24, RED), (0, 10, 24, NOTHING), (5, 32, 24, RED), (9, 12, 24, RED))),
    Case("precomposition, stretched", document(precomposition(sr=2), assets=[inner(square(RED, moving([10, 24, 0], [50, 24, 0], 0, 10)))], last=20), ((0, 10, 24, RED), (10, 30, 24, RED), (18, 46, 24, RED))),
    Case("embedded picture, PNG", document(picture_layer(), assets=[picture_asset(BLUE)]), ((0, 32, 24, BLUE), (0, 10, 24, NOTHING))),
    Case("embedded picture, JPEG", document(picture_layer(), assets=[picture_asset(BLUE, "JPEG")]), ((0, 32, 24, BLUE), (0, 10, 24, NOTHING)), 3),
    Case("embedded picture, WebP", document(picture_layer(), assets=[picture_asset(BLUE, "WEBP")]), ((0, 32, 24, BLUE), (0, 10, 24, NOTHING)), 8),
    Case("blend, multiply", document({**full((255, 0, 255)), "bm": 1}, full((255, 255, 0))), ((0, 32, 24, RED),)),
    Case("blend, screen", document({**full((255, 0, 0)), "bm": 2}, full((0, 0, 255))), ((0, 32, 24, (255, 0, 255, 255)),)),
    Case("blend, difference", document({**full((255, 255, 0)), "bm": 10}, full((255, 0, 0))), ((0, 32, 24, GREEN),)),
    Case("blend, add", document({**full((0, 255, 0)), "bm": 16}, full((255, 0, 0))), ((0, 32, 24, (255, 255, 0, 255)),)),
    Case("starts before frame 0", document(square(RED, moving([10, 24, 0], [50, 24, 0], 0, 10)), first=-5, last=5), ((0, 10, 24, RED), (5, 10, 24, RED), (9, 26, 24, RED))),
    Case("repeater", document(modified(square(RED, (12, 24), side=8), {"ty": "rp", "c": still(3), "o": still(0), "m": 1, "tr": {"ty": "tr", "p": still([20, 0]), "a": still([0, 0]), "s": still([100, 100]), "r": still(0), "so": still(100), "eo": still(100)}})), ((0, 12, 24, RED), (0, 22, 24, NOTHING), (0, 32, 24, RED), (0, 52, 24, RED))),
    Case("rounded corners", document(modified(square(RED, (32, 24), side=40), {"ty": "rd", "r": still(20)})), ((0, 32, 24, RED), (0, 14, 6, NOTHING), (0, 50, 42, NOTHING))),
    Case("trimmed fill", document(modified(square(RED, (32, 24), side=40), TRIM)), ((0, 50, 30, RED),)),
    Case("parent", document(square(RED, (10, 0)), {**square(NOTHING, (22, 24)), "ty": 3}), ((0, 10, 2, RED),)),
    Case("hidden layer", document({**full(RED), "hd": True}, square(GREEN, (32, 24))), ((0, 32, 24, GREEN), (0, 4, 4, NOTHING))),
    Case("opacity of a precomposition", document(precomposition(ks={"o": still(50), "r": still(0), "p": still([0, 0, 0]), "a": still([0, 0, 0]), "s": still([100, 100, 100])}), assets=[inner(square(RED, (32, 24)), square(GREEN, (32, 24)))]), ((0, 32, 24, (255, 0, 0, 128)),)),
    Case("held keyframes", document(square(RED, {"a": 1, "k": [{"t": 0, "s": [12, 24, 0], "h": 1}, {"t": 5, "s": [52, 24, 0], "h": 1}]})), ((4, 12, 24, RED), (4, 52, 24, NOTHING), (5, 52, 24, RED))),
)  # fmt: skip
