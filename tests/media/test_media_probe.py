import numpy as np
import pyarrow as pa
import pytest

from vsd2m.core.stage import Batch, Drop
from vsd2m.media.clip import Clip
from vsd2m.media.encode import encode
from vsd2m.media.probe import COLUMNS, ProbeConfig, ProbeStage


@pytest.fixture
def clip(rng):
    frames = rng.integers(0, 256, (3, 12, 20, 4)).astype(np.uint8)
    return Clip(frames, np.array([10, 0, 200], np.int32), 4, "apng")


def probe(*media, **config):
    stage = ProbeStage(ProbeConfig(**config))
    stage.setup()
    return stage.process(Batch([{"key": str(index)} for index in range(len(media))], media))


def test_every_column_fits_the_schema(clip):
    (columns,) = probe(encode(clip, "webp"))
    spec = ProbeStage(ProbeConfig()).spec
    assert set(columns) == set(spec.writes) == {column.name for column in COLUMNS}
    for column in COLUMNS:
        assert pa.array([columns[column.name]], column.type).to_pylist() == [columns[column.name]]


def test_what_is_written_is_what_is_there(clip):
    (columns,) = probe(encode(clip, "apng"))
    expected = {
        "media_format": "apng",
        "width": 20,
        "height": 12,
        "num_frames": 3,
        "num_distinct_frames": 3,
        "durations_ms": [10, 0, 200],
        "duration_ms": 400,  # as browsers play it
        "loop_count": 4,
        "aspect_ratio": round(20 / 12, 6),
    }
    assert {name: columns[name] for name in expected} == expected


def test_a_still_has_no_duration(clip):
    (columns,) = probe(encode(clip, "png"))
    assert (columns["num_frames"], columns["durations_ms"], columns["duration_ms"]) == (1, [0], 0)


def test_a_bad_sticker_is_dropped_and_its_neighbours_are_not(clip):
    good = encode(Clip(clip.frames[:1], clip.durations_ms[:1], 0, "gif"), "gif")
    first, cut, page, big, last = probe(
        good, good[:-9], b"<html></html>", encode(clip, "apng"), good, max_file_bytes=2200
    )
    assert first == last
    assert first["media_format"] == "gif"
    assert (cut.reason, page.reason) == ("truncated", "not_an_image")
    assert isinstance(big, Drop)
    assert (big.reason, big.limit) == ("too_many_bytes", 2200)
    assert big.value > 2200


def test_the_outcome_does_not_depend_on_the_batch(clip):
    media = [encode(clip, media_format) for media_format in ("gif", "apng", "webp", "png")]
    assert probe(*media) == [probe(data)[0] for data in media]


def test_the_batch_may_be_empty():
    assert probe() == []
