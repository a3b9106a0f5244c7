import base64
import gzip
import io
import json
import os
import zipfile
import zlib

import numpy as np
import pytest
from lottie_cases import (
    BLUE,
    CASES,
    GREEN,
    RED,
    full,
    glyph_text,
    gradient,
    inner,
    masked,
    matte,
    modified,
    picture_asset,
    picture_layer,
    precomposition,
    square,
    with_expression,
)
from lottie_documents import document, lottie, moving, shape, still, tgs
from media_builders import PNG_SIGNATURE, chunk, png_header

from vsd2m.core.errors import MediaError
from vsd2m.media.budget import DecodeBudget
from vsd2m.media.decode import decode
from vsd2m.media.media_types import sniff
from vsd2m.media.probe import probe


@pytest.fixture(autouse=True)
def _needs_thorvg():
    pytest.importorskip("thorvg_python", reason="the extra 'lottie' is not installed")


def box(frame):
    """left, top, right, bottom of what is not fully transparent."""
    rows, columns = np.nonzero(frame[..., 3])
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


def reason(data, **budget):
    with pytest.raises(MediaError) as caught:
        decode(data, DecodeBudget(**budget))
    return caught.value.reason


def test_a_moving_square_is_where_the_document_says():
    clip = decode(lottie(shape(position=moving([10, 24, 0], [50, 24, 0], 0, 10))))
    assert clip.frames.shape == (10, 48, 64, 4)
    for index, frame in enumerate(clip.frames):
        assert box(frame) == (4 + 4 * index, 18, 16 + 4 * index, 30)


def test_the_frames_before_the_first_of_the_document_are_not_shown():
    clip = decode(lottie(shape(position=moving([10, 24, 0], [50, 24, 0], 0, 10)), first=3, last=7))
    assert [box(frame)[0] for frame in clip.frames] == [16, 20, 24, 28]


def test_colours_are_straight_and_alpha_is_the_opacity():
    clip = decode(lottie(shape(color=(1, 0.5, 0), opacity=100, position=(32, 24)), last=1))
    assert clip.frames[0, 24, 32].tolist() == pytest.approx([255, 128, 0, 255], abs=1)
    half = decode(lottie(shape(color=(1, 0.5, 0), opacity=50, position=(32, 24)), last=1))
    assert half.frames[0, 24, 32].tolist() == pytest.approx([255, 128, 0, 128], abs=2)
    assert half.frames[0, 0, 0].tolist() == [0, 0, 0, 0]


def test_a_disc_covers_pi_r_squared_with_soft_edges():
    frame = decode(lottie(shape("el", size=(40, 40), position=(32, 24)), last=1)).frames[0]
    assert frame[..., 3].sum() / 255 == pytest.approx(np.pi * 20**2, rel=0.01)
    edge = frame[(frame[..., 3] > 20) & (frame[..., 3] < 235)]
    assert len(edge) > 20
    assert np.abs(edge[:, :3].astype(int) - [255, 128, 0]).max() <= 8  # straight colours do not fade at the edge


def test_the_layer_named_first_lies_on_top():
    frame = decode(lottie(shape(color=(0, 0, 1), position=(32, 24)), shape(size=(30, 30), position=(32, 24)), last=1))
    assert frame.frames[0, 24, 32].tolist() == [0, 0, 255, 255]
    assert frame.frames[0, 12, 20].tolist() == pytest.approx([255, 128, 0, 255], abs=1)


@pytest.mark.parametrize(
    ("rate", "expected"), [(30, [33, 34, 33]), (60, [17, 16, 17]), (25, [40] * 3), (29.97, [33, 34, 33])]
)
def test_durations_keep_to_the_frame_rate(rate, expected):
    clip = decode(tgs(shape(), rate=rate, last=90))
    assert clip.durations_ms[:3].tolist() == expected
    assert clip.durations_ms.sum() == round(90 * 1000 / rate)
    assert (clip.loop_count, clip.media_format) == (0, "tgs")


def test_a_tgs_is_the_lottie_within():
    packed, plain = decode(tgs(shape("el", position=(9, 9)))), decode(lottie(shape("el", position=(9, 9))))
    assert (packed.media_format, plain.media_format) == ("tgs", "lottie")
    np.testing.assert_array_equal(packed.frames, plain.frames)


def test_whole_numbers_may_be_written_with_a_point():
    drawn = document(shape(position=moving([10, 24, 0], [50, 24, 0], 0, 10)))

    def pointed(value):
        if isinstance(value, dict):
            return {name: pointed(part) for name, part in value.items()}
        if isinstance(value, list):
            return [pointed(part) for part in value]
        return float(value) if type(value) is int else value

    written = json.dumps(pointed(drawn)).encode()
    assert b'"ty": 4.0' in written and b'"w": 64.0' in written
    np.testing.assert_array_equal(decode(written).frames, decode(json.dumps(drawn).encode()).frames)


def test_a_byte_order_mark_is_skipped():
    marked = b"\xef\xbb\xbf" + lottie(shape(position=(32, 24)))
    for data in (marked, gzip.compress(marked, mtime=0)):
        np.testing.assert_array_equal(decode(data).frames, decode(lottie(shape(position=(32, 24)))).frames)


def test_the_probe_writes_all_columns():
    columns = probe(tgs(shape(position=moving([10, 24, 0], [50, 24, 0], 0, 10))))
    assert (columns["media_format"], columns["num_frames"], columns["num_distinct_frames"]) == ("tgs", 10, 10)
    assert columns["fingerprint"]


def test_what_is_no_lottie_is_not_taken_for_one():
    assert sniff(gzip.compress(b"<html></html>")) is None
    assert sniff(b'{"hello": 1}') is None
    assert sniff(b" \n" + lottie(shape())) == "lottie"
    assert sniff(b"\x1f\x8b\x08" + b"\xff" * 40) is None


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (tgs(shape())[:-30], "truncated"),
        (lottie(shape())[:-30], "truncated"),
        (gzip.compress(lottie(shape())[:-30]), "truncated"),
        (lottie(shape()).replace(b'"fr": 30', b'"fr": 0'), "corrupt"),
        (lottie(shape()).replace(b'"fr": 30', b'"fr": NaN'), "corrupt"),
        (lottie(shape()).replace(b'"w": 64', b'"w": "64"'), "corrupt"),
        (lottie(shape()).replace(b'"w": 64', b'"w": -64'), "corrupt"),
        (lottie(shape()).replace(b'"w": 64', b'"w": 1e400'), "corrupt"),
        (lottie(shape()).replace(b'"ip": 0', b'"ip": ' + b"9" * 5000), "corrupt"),
        (b'{"layers": ' + b"[" * 200_000, "corrupt"),
        (json.dumps(document(shape(), layers={"layers": 1})).encode(), "corrupt"),
        (json.dumps(document(shape(), assets=[{"id": "a", "u": "/etc/", "p": "passwd.png"}])).encode(), "unsupported_feature"),
    ],
)  # fmt: skip
def test_a_document_that_cannot_be_drawn_has_a_reason(data, expected):
    assert reason(data) == expected


def test_limits_are_checked_before_anything_is_drawn():
    assert reason(lottie(shape(), width=5000, height=5000)) == "too_many_pixels"
    assert reason(lottie(shape(), last=10**8)) == "too_many_frames"
    assert reason(lottie(shape(), width=4000, height=4000, last=100)) == "too_many_bytes"


def test_a_gzip_bomb_is_inflated_no_further_than_the_limit():
    packer = zlib.compressobj(9, wbits=31)
    start = lottie(shape(), nm="x")[:-2]
    bomb = packer.compress(start) + b"".join(packer.compress(b" " * (1 << 20)) for _ in range(40)) + packer.flush()
    assert len(bomb) < 1 << 18
    assert reason(bomb) == "too_many_bytes"


def heavy():
    """A document that would keep a renderer busy for hours: copies of copies."""
    copies = {"ty": "rp", "c": {"a": 0, "k": 2000}, "o": {"a": 0, "k": 0}, "m": 1}
    copies["tr"] = {"ty": "tr", "p": {"a": 0, "k": [1, 1]}, "a": {"a": 0, "k": [0, 0]}, "s": {"a": 0, "k": [100, 100]},
                    "r": {"a": 0, "k": 1}, "so": {"a": 0, "k": 100}, "eo": {"a": 0, "k": 100}}  # fmt: skip
    layer = shape("el", size=(400, 400), position=(256, 256))
    layer["shapes"][0]["it"][2:2] = [copies, copies]
    return lottie(layer, width=512, height=512, last=150)


def busy():
    """An expression that never ends."""
    layer = shape("el", size=(40, 40), position=(32, 24))
    layer["ks"]["r"] = {"a": 0, "k": 0, "x": "var $bm_rt = 0; while (true) { $bm_rt += 1; }"}
    return lottie(layer)


def test_a_document_that_takes_too_long_is_given_up_and_the_next_is_drawn():
    assert reason(busy(), max_seconds=0.8) == "too_slow"
    assert decode(lottie(shape())).num_frames == 10


def test_the_last_guard_is_processor_time():
    with pytest.raises(
        MediaError, match=r"too_slow: the lottie is not decoded after 0\.5 s of processor time"
    ) as caught:
        decode(busy(), DecodeBudget(max_cpu_seconds=0.5))
    assert (caught.value.value, caught.value.limit) == (0.5, 0.5)
    assert decode(lottie(shape())).num_frames == 10


@pytest.mark.filterwarnings("ignore:This process")  # is multi-threaded
def test_a_process_that_was_forked_starts_its_own_renderer():
    decode(lottie(shape()))
    child = os.fork()
    if child == 0:
        os._exit(0 if decode(lottie(shape())).num_frames == 10 else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert decode(lottie(shape())).num_frames == 10


def test_without_the_extra_the_detail_names_it(monkeypatch):
    monkeypatch.setattr("vsd2m.media.decoders.drawings.lottie.find_spec", lambda name: None)
    with pytest.raises(MediaError, match=r"unsupported_format.*pip install '.\[lottie\]'"):
        decode(tgs(shape()))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_feature_is_drawn_as_the_specification_says(case):
    frames = decode(json.dumps(case.document).encode()).frames
    for frame, x, y, color in case.pixels:
        assert frames[frame][y, x].tolist() == pytest.approx(color, abs=case.tolerance), (frame, x, y)


def in_shapes(*parts):
    return lottie(modified(square(RED, (32, 24)), *parts))


UNSUPPORTED = {
    "text in a font that is not in the file": json.dumps({**glyph_text(), "chars": []}),
    "the expression wiggle": lottie(with_expression(full(RED), "p", "var $bm_rt = wiggle(2, 30);")),
    "the expression sourceRectAtTime": lottie(
        with_expression(full(RED), "p", "$bm_rt = thisLayer.sourceRectAtTime().width")
    ),
    "an expression of opacity": lottie(with_expression(full(RED), "o", "var $bm_rt = time * 100;")),
    "paths that are cut out of each other": in_shapes({"ty": "mm", "mm": 3}),
    "twisted paths": in_shapes({"ty": "tw", "a": still(40), "c": still([0, 0])}),
    "camera layers": lottie({**full(RED), "ty": 13}),
    "layers of type 99": lottie({**full(RED), "ty": 99}),
    "layer styles": lottie({**full(RED), "sy": [{"ty": 1}]}),
    "the effect 'Twirl'": lottie({**full(RED), "ef": [{"ty": 35, "nm": "Twirl", "en": 1, "ef": []}]}),
    "layers turned in space": lottie({**full(RED), "ddd": 1, "ks": {**full(RED)["ks"], "ry": moving([0], [90], 0, 9)}}),
    "the mask mode 'z'": lottie(masked("z")),
    "the blend mode 42": lottie({**full(RED), "bm": 42}),
    "pictures outside of the file": lottie(picture_layer(), assets=[{"id": "picture", "u": "images/", "p": "0.png"}]),
    "pictures of format gif in a Lottie": lottie(picture_layer(), assets=[picture_asset(BLUE, "GIF")]),
}


@pytest.mark.parametrize("feature", UNSUPPORTED)
def test_what_cannot_be_drawn_is_refused_by_name(feature):
    data = UNSUPPORTED[feature]
    with pytest.raises(MediaError) as caught:
        decode(data if isinstance(data, bytes) else data.encode())
    assert caught.value.reason == "unsupported_feature"
    assert feature in caught.value.detail


def test_what_is_switched_off_is_no_reason_to_refuse():
    off = {"ty": 35, "nm": "Twirl", "en": 0, "ef": []}
    assert decode(lottie({**full(RED), "ef": [off]})).num_frames == 10
    assert decode(in_shapes({"ty": "tw", "hd": True, "a": still(40), "c": still([0, 0])})).num_frames == 10


def star(points):
    layer = square(RED, (32, 24))
    layer["shapes"][0]["it"][0] = {
        "ty": "sr", "sy": 1, "pt": still(points), "p": still([0, 0]), "r": still(0), "ir": still(9), "is": still(0),
        "or": still(20), "os": still(0),
    }  # fmt: skip
    return layer


def nested(depth):
    """Two of two of two ..."""
    levels = [{"id": "inner0", "layers": [full(RED)]}]
    for level in range(1, depth):
        layers = [{**precomposition(), "refId": f"inner{level - 1}"}] * 2
        levels.append({"id": f"inner{level}", "layers": layers})
    return lottie({**precomposition(), "refId": f"inner{depth - 1}"}, assets=levels)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (lottie(star(2_000_000)), "points in a frame"),
        (lottie(star(20_000), last=600), "points in all frames"),
        (lottie(square(RED, (9, 9)), width=512, height=512, last=800), "pixels in all frames"),
        (
            lottie(*[layer for _ in range(30) for layer in matte(1)], width=512, height=512, last=300),
            "pixels of layers drawn apart",
        ),
        (nested(40), "layers"),
        (heavy(), "points in a frame"),
    ],
    ids=["points", "points x frames", "pixels x frames", "mattes", "nested", "copies of copies"],
)
def test_a_drawing_that_asks_for_too_much_is_refused_before_it_is_drawn(monkeypatch, data, what):
    monkeypatch.setattr("vsd2m.media.decoders.drawings.lottie.decode_in_process", lambda *_: pytest.fail("drawn"))
    with pytest.raises(MediaError, match=f"too_complex: .* {what}") as caught:
        decode(data)
    assert caught.value.value > caught.value.limit


def test_a_composition_that_contains_itself_is_corrupt():
    assert reason(lottie(precomposition(), assets=[inner(precomposition())])) == "corrupt"


def test_sizes_may_be_fractions():
    clip = decode(lottie(square(RED, (32, 24)), width=64.4, height=47.6))
    assert (clip.width, clip.height) == (64, 48)
    assert clip.frames[0, 24, 32].tolist() == [255, 0, 0, 255]


def test_the_order_of_members_does_not_count():
    drawn = document(masked("-a"), *matte(2), gradient(1, [0, 1, 0, 0, 1, 0, 0, 1], [-32, 0], [32, 0]))

    def backwards(value):
        if isinstance(value, dict):
            return {name: backwards(value[name]) for name in reversed(value)}
        return [backwards(part) for part in value] if isinstance(value, list) else value

    expected = decode(json.dumps(drawn).encode()).frames
    np.testing.assert_array_equal(decode(json.dumps(backwards(drawn)).encode()).frames, expected)


def test_slots_fill_the_properties_that_name_them():
    drawn = document(square(RED, (32, 24)), slots={"paint": {"p": still([0, 1, 0, 1])}})
    drawn["layers"][0]["shapes"][0]["it"][1]["c"]["sid"] = "paint"
    assert decode(json.dumps(drawn).encode()).frames[0, 24, 32].tolist() == [0, 255, 0, 255]


def test_an_expression_in_a_slot_is_checked_where_the_slot_is_used():
    paint = {**still([0, 1, 0, 1]), "x": "var $bm_rt = [0, 0, 1, 1];"}
    drawn = document(square(RED, (32, 24)), slots={"paint": {"p": paint}})
    drawn["layers"][0]["shapes"][0]["it"][1]["c"]["sid"] = "paint"
    assert reason(json.dumps(drawn).encode()) == "unsupported_feature"


def test_a_bomb_among_the_pictures_is_refused():
    picture = PNG_SIGNATURE + png_header(60_000, 60_000) + chunk(b"IDAT", b"x") + chunk(b"IEND", b"")
    address = "data:image/png;base64," + base64.b64encode(picture).decode()
    assert reason(lottie(picture_layer(), assets=[{"id": "picture", "p": address}])) == "too_many_pixels"


# -- dotLottie -------------------------------------------------------------------------------


def dotlottie(files, manifest):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.json", json.dumps(manifest))
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def colored(color, **options):
    return lottie(full(color), **options)


TWO = {"id": "first"}, {"id": "second"}


@pytest.mark.parametrize(
    ("folder", "manifest", "expected"),
    [
        ("animations", {"version": "1.0", "animations": [*TWO]}, RED),
        ("animations", {"version": "1.0", "animations": [*TWO], "activeAnimationId": "second"}, GREEN),
        ("a", {"version": "2", "animations": [*TWO]}, RED),
        ("a", {"version": "2", "animations": [*TWO], "initial": {"animation": "second"}}, GREEN),
    ],
)
def test_the_default_animation_of_a_dotlottie_is_drawn(folder, manifest, expected):
    data = dotlottie({f"{folder}/first.json": colored(RED), f"{folder}/second.json": colored(GREEN)}, manifest)
    assert sniff(data) == "dotlottie"
    clip = decode(data)
    assert (clip.media_format, clip.num_frames, clip.loop_count) == ("dotlottie", 10, 0)
    assert clip.frames[0, 24, 32].tolist() == list(expected)


@pytest.mark.parametrize(("folders", "path"), [(("animations", "images"), "images/"), (("a", "i"), "/i/")])
def test_pictures_of_a_dotlottie_are_found_in_it(folders, path):
    asset = picture_asset(BLUE)
    png = base64.b64decode(asset["p"].partition(",")[2])
    document_ = lottie(picture_layer(), assets=[{**asset, "u": path, "p": "blue.png", "e": 0}])
    data = dotlottie(
        {f"{folders[0]}/first.json": document_, f"{folders[1]}/blue.png": png}, {"animations": [{"id": "first"}]}
    )
    assert decode(data).frames[0, 24, 32].tolist() == [0, 0, 255, 255]


def test_speed_and_loop_of_the_manifest_count():
    manifest = {"animations": [{"id": "first", "speed": 2, "loop": False}]}
    clip = decode(dotlottie({"animations/first.json": colored(RED, rate=25)}, manifest))
    assert (clip.durations_ms.tolist(), clip.loop_count) == ([20] * 10, 1)


@pytest.mark.parametrize(
    ("files", "manifest", "expected"),
    [
        ({"animations/first.json": colored(RED)}, {"animations": [{"id": "other"}]}, "corrupt"),
        ({"animations/first.json": "{"}, {"animations": [{"id": "first"}]}, "truncated"),
        ({"animations/first.json": b" " * (17 << 20)}, {"animations": [{"id": "first"}]}, "too_many_bytes"),
        (
            {"animations/first.json": colored(RED)},
            {"animations": [{"id": "first", "direction": -1}]},
            "unsupported_feature",
        ),
        ({"animations/first.json": colored(RED)}, {"animations": [{"id": "first", "speed": 0}]}, "corrupt"),
        ({"animations/first.json": colored(RED)}, [], "corrupt"),
    ],
)
def test_a_dotlottie_that_cannot_be_drawn_has_a_reason(files, manifest, expected):
    assert reason(dotlottie(files, manifest)) == expected


def test_a_dotlottie_that_is_cut_short_is_truncated():
    data = dotlottie({"animations/first.json": colored(RED)}, {"animations": [{"id": "first"}]})
    assert reason(data[:-30]) == "truncated"
