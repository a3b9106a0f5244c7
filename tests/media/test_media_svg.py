import base64
import gzip
import io

import numpy as np
import pytest
from media_builders import PNG_SIGNATURE, chunk, png_header
from PIL import Image

from vsd2m.core.errors import MediaError
from vsd2m.media.budget import DecodeBudget
from vsd2m.media.decode import decode
from vsd2m.media.media_types import sniff
from vsd2m.media.probe import probe

pytest.importorskip("resvg_py", reason="the extra 'svg' is not installed")

RED, GREEN, BLUE, NOTHING = [255, 0, 0, 255], [0, 255, 0, 255], [0, 0, 255, 255], [0, 0, 0, 0]
FULL = '<rect width="64" height="48" fill="red"/>'


def svg(body="", attributes='width="64" height="48"', head=""):
    return f'{head}<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" {attributes}>{body}</svg>'.encode()


def frame(data):
    clip = decode(data)
    assert (clip.media_format, clip.num_frames, clip.durations_ms.tolist()) == ("svg", 1, [0])
    return clip.frames[0]


def reason(data, **budget):
    with pytest.raises(MediaError) as caught:
        decode(data, DecodeBudget(**budget))
    return caught.value.reason


def png_address(color, size=(10, 10)):
    file = io.BytesIO()
    Image.new("RGB", size, color).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


DRAWINGS = {
    "rectangle": ('<rect x="8" y="8" width="16" height="16" fill="#f00"/>', {(16, 16): RED, (4, 4): NOTHING, (30, 16): NOTHING}),
    "opacity": ('<rect width="64" height="48" fill="red" opacity="0.5"/>', {(9, 9): [255, 0, 0, 128]}),
    "the last is on top": (FULL + '<circle cx="32" cy="24" r="10" fill="blue"/>', {(32, 24): BLUE, (2, 2): RED}),
    "gradient": (
        '<linearGradient id="g"><stop stop-color="red"/><stop offset="1" stop-color="blue"/></linearGradient><rect width="64" height="48" fill="url(#g)"/>',
        {(0, 9): [253, 0, 2, 255], (32, 9): [126, 0, 129, 255], (63, 9): [2, 0, 253, 255]},
    ),
    "clip path": (f'<clipPath id="c"><rect width="32" height="48"/></clipPath><g clip-path="url(#c)">{FULL}</g>', {(16, 9): RED, (48, 9): NOTHING}),
    "mask": (f'<mask id="m"><rect width="32" height="48" fill="white"/></mask><g mask="url(#m)">{FULL}</g>', {(16, 9): RED, (48, 9): NOTHING}),
    "transform": ('<rect width="10" height="10" fill="red" transform="translate(30 20) scale(2)"/>', {(31, 21): RED, (49, 39): RED, (29, 19): NOTHING}),
    "use": ('<defs><rect id="r" width="8" height="8" fill="red"/></defs><use xlink:href="#r" x="20" y="20"/>', {(24, 24): RED, (4, 4): NOTHING}),
    "style sheet": ('<style>.a { fill: lime }</style><rect class="a" width="64" height="48"/>', {(9, 9): GREEN}),
    "picture in the file": (f'<image width="10" height="10" xlink:href="{png_address("blue")}"/>', {(5, 5): BLUE, (20, 20): NOTHING}),
}  # fmt: skip


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_drawing_is_what_the_specification_says(name):
    body, colors = DRAWINGS[name]
    pixels = frame(svg(body))
    for (x, y), color in colors.items():
        assert pixels[y, x].tolist() == pytest.approx(color, abs=2), (x, y)


def test_another_renderer_draws_the_same():
    """thorvg; edges may differ by its other way of smoothing them."""
    thorvg = pytest.importorskip("thorvg_python")
    data = svg(
        '<circle cx="30" cy="24" r="18" fill="#c08040"/><path d="M4 4 L60 10 L40 44 Z" fill="blue" fill-opacity="0.4"/>'
    )
    engine = thorvg.Engine(threads=0)
    canvas = thorvg.SwCanvas(engine)
    canvas.set_target(64, 48, cs=thorvg.Colorspace.ARGB8888)
    picture = thorvg.Picture(engine)
    assert picture.load_data(data, "svg", None, True) == thorvg.Result.SUCCESS
    canvas.add(picture)
    canvas.draw(True)
    canvas.sync()
    theirs = np.frombuffer(canvas.buffer_arr, np.uint8).reshape(48, 64, 4).astype(int)[..., [2, 1, 0, 3]]
    ours = frame(data).astype(int)
    ours[..., :3] = ours[..., :3] * ours[..., 3:] // 255
    difference = np.abs(ours - theirs).max(axis=-1)
    assert (difference <= 2).mean() > 0.9
    assert difference.max() < 80


@pytest.mark.parametrize(
    ("attributes", "size"),
    [
        ('width="64" height="48"', (64, 48)),
        ('width="64px" height="0.5in"', (64, 48)),
        ('viewBox="0 0 32 24"', (32, 24)),
        ('viewBox="0 0 32 24" width="64"', (64, 48)),
        ('viewBox="0 0 32 24" height="48" width="100%"', (64, 48)),
        ('width="10.4" height="9.6"', (10, 10)),
    ],
)
def test_the_size_is_what_the_file_states(attributes, size):
    clip = decode(svg('<rect width="100%" height="100%" fill="red"/>', attributes))
    assert (clip.width, clip.height) == size
    assert (clip.frames == RED).all()


def test_bytes_before_the_root_and_gzip_are_read():
    for data in (svg(FULL, head="<?xml version='1.0'?>\n<!-- drawn by hand -->\n"), b"\xef\xbb\xbf" + svg(FULL), gzip.compress(svg(FULL)),
                 svg(FULL, head='<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">')):  # fmt: skip
        assert sniff(data) == "svg"
        assert frame(data)[9, 9].tolist() == RED


def test_no_other_file_is_read(tmp_path):
    Image.new("RGB", (64, 48), "blue").save(tmp_path / "secret.png")
    for address in (str(tmp_path / "secret.png"), (tmp_path / "secret.png").as_uri(), "http://127.0.0.1:1/a.png"):
        for attribute in ("href", "xlink:href"):
            pixels = frame(svg(f'<image width="64" height="48" {attribute}="{address}"/>'))
            assert not pixels.any()
    entity = f'<!DOCTYPE svg [<!ENTITY file SYSTEM "{(tmp_path / "secret.png").as_uri()}">]>'
    assert reason(svg("<desc>&file;</desc>", head=entity)) == "corrupt"


def test_scripts_do_not_run():
    pixels = frame(
        svg(
            f'{FULL}<script>document.documentElement.innerHTML = ""</script>',
            'width="64" height="48" onload="alert(1)"',
        )
    )
    assert (pixels == RED).all()


def test_entities_are_filled_in_and_bombs_of_them_refused():
    assert (
        frame(svg('<rect width="64" height="48" fill="&paint;"/>', head='<!DOCTYPE svg [<!ENTITY paint "red">]>'))[
            9, 9
        ].tolist()
        == RED
    )
    entities = '<!ENTITY a0 "ha ha ha">'
    for level in range(1, 10):
        ten = f"&a{level - 1};" * 10
        entities += f'<!ENTITY a{level} "{ten}">'
    bomb = svg("<desc>&a9;</desc>", head=f"<!DOCTYPE svg [{entities}]>")
    assert reason(bomb) == "corrupt"


def test_copies_of_copies_are_refused_before_they_are_drawn(monkeypatch):
    monkeypatch.setattr("vsd2m.media.decoders.drawings.svg.decode_in_process", lambda *_: pytest.fail("drawn"))
    levels = ""
    for level in range(1, 12):
        ten = f'<use href="#g{level - 1}"/>' * 10
        levels += f'<g id="g{level}">{ten}</g>'
    assert reason(svg(f'<g id="g0">{FULL}</g>{levels}')) == "too_complex"
    assert reason(svg('<g id="g"><use href="#g"/></g>')) == "corrupt"
    assert reason(svg("<g>" * 500 + "</g>" * 500)) == "too_complex"


@pytest.mark.parametrize(
    ("body", "feature"),
    [
        ("<text>hello</text>", "text"),
        ('<rect><animate attributeName="x"/></rect>', "moves"),
        ("<style>@keyframes turn { from { opacity: 0 } }</style>", "moves"),
        ('<rect style="animation: turn 2s"/>', "moves"),
        ("<foreignObject/>", "foreign objects"),
        ('<image href="data:image/svg+xml;base64,PHN2Zy8+"/>', "pictures of format"),
    ],
)
def test_what_is_not_drawn_is_refused_by_name(body, feature):
    with pytest.raises(MediaError, match=f"unsupported_feature: .*{feature}"):
        decode(svg(body))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (svg(FULL)[:-20], "truncated"),
        (b"<svg/>", "corrupt"),
        (svg(FULL, ""), "corrupt"),
        (svg("<g></h>"), "corrupt"),
        (svg(FULL, 'width="9000" height="9000"'), "too_many_pixels"),
        (svg(FULL, 'width="1e400" height="9"'), "corrupt"),
        (svg(f'<image href="data:image/png;base64,{base64.b64encode(PNG_SIGNATURE + png_header(60000, 60000) + chunk(b"IDAT", b"x")).decode()}"/>'), "too_many_pixels"),
    ],
)  # fmt: skip
def test_an_svg_that_cannot_be_drawn_has_a_reason(data, expected):
    assert reason(data) == expected


def test_the_probe_writes_all_columns():
    columns = probe(svg(FULL))
    assert (columns["media_format"], columns["width"], columns["num_frames"]) == ("svg", 64, 1)


def test_without_the_extra_the_detail_names_it(monkeypatch):
    monkeypatch.setattr("vsd2m.media.decoders.drawings.svg.find_spec", lambda name: None)
    with pytest.raises(MediaError, match=r"unsupported_format.*pip install '.\[svg\]'"):
        decode(svg(FULL))
