import gzip
import json
import os
import zlib

import numpy as np
import pytest
from lottie_documents import document, lottie, moving, shape, tgs

from vsd2m.core.errors import MediaError
from vsd2m.media.budget import DecodeBudget
from vsd2m.media.decode import decode
from vsd2m.media.media_types import sniff
from vsd2m.media.probe import probe


@pytest.fixture(autouse=True)
def _needs_rlottie():
    pytest.importorskip("rlottie_python", reason="the extra 'lottie' is not installed")


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
        (json.dumps(document(shape(), assets=[{"id": "a", "u": "/etc/", "p": "passwd.png"}])).encode(), "unsupported_format"),
        (json.dumps({"layers": [], "w": 10, "h": 10, "ip": 0, "op": 3, "fr": 30}).encode(), "corrupt"),
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
    """A document that keeps rlottie busy for hours: copies of copies."""
    copies = {"ty": "rp", "c": {"a": 0, "k": 2000}, "o": {"a": 0, "k": 0}, "m": 1}
    copies["tr"] = {"ty": "tr", "p": {"a": 0, "k": [1, 1]}, "a": {"a": 0, "k": [0, 0]}, "s": {"a": 0, "k": [100, 100]},
                    "r": {"a": 0, "k": 1}, "so": {"a": 0, "k": 100}, "eo": {"a": 0, "k": 100}}  # fmt: skip
    layer = shape("el", size=(400, 400), position=(256, 256))
    layer["shapes"][0]["it"][2:2] = [copies, copies]
    return lottie(layer, width=512, height=512, last=150)


def test_a_document_that_takes_too_long_is_given_up_and_the_next_is_drawn():
    assert reason(heavy(), max_seconds=0.6) == "too_slow"
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
    monkeypatch.setattr("vsd2m.media.decoders.lottie.find_spec", lambda name: None)
    with pytest.raises(MediaError, match=r"unsupported_format.*pip install '.\[lottie\]'"):
        decode(tgs(shape()))
