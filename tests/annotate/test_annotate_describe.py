"""Motion, colours and their sentences, on clips whose movement is known because it was drawn."""

import csv

import numpy as np
import pytest
from PIL import Image, ImageDraw
from real_stickers import STICKERS, needs_stickers

from vsd2m.annotate.describe import DescribeConfig, DescribeStage
from vsd2m.annotate.describers.base import Sighting
from vsd2m.annotate.describers.measured import MeasuredConfig, MeasuredDescriber
from vsd2m.annotate.measured.colours import NAMES, dominant_names, hue_degrees, name_indices
from vsd2m.annotate.measured.foreground import find_foreground
from vsd2m.annotate.measured.frame_alignment import fit_similarity
from vsd2m.annotate.measured.motion import Motion, count_repeats, motion_of
from vsd2m.annotate.measured.phrases import listed, motion_sentences, static_sentences, text_sentence
from vsd2m.annotate.measured.thumbnails import MAX_FRAMES, evenly_timed, make_thumbnails
from vsd2m.core.stage import Batch
from vsd2m.media.clip import Clip
from vsd2m.media.encode import encode

RED, BLUE = (220, 30, 30), (30, 60, 220)


def drawn(places, *, size=120, sizes=None, colours=None, alphas=None, background=None):
    """A clip of a lopsided figure at `places` [(x, y)] in 0..1, one frame each."""
    frames = []
    for index, (x, y) in enumerate(places):
        scale = 4  # drawn large and shrunk, so that edges are soft
        picture = Image.new("RGBA", (size * scale, size * scale), (0, 0, 0, 0))
        draw = ImageDraw.Draw(picture)
        radius = (sizes[index] if sizes else 0.15) * size * scale
        centre = (x * size * scale, y * size * scale)
        colour = colours[index] if colours else RED
        box = (centre[0] - radius, centre[1] - radius, centre[0] + radius, centre[1] + radius)
        draw.ellipse(box, fill=(*colour, 255))
        draw.rectangle((centre[0], centre[1] - radius / 4, centre[0] + radius * 1.4, centre[1]), fill=(*colour, 255))
        frame = picture.resize((size, size), Image.Resampling.LANCZOS)
        if alphas:
            frame.putalpha(frame.getchannel("A").point(lambda value, share=alphas[index]: int(value * share)))
        if background:
            ground = Image.new("RGBA", (size, size), (*background, 255))
            frame = Image.alpha_composite(ground, frame)
        frames.append(np.asarray(frame))
    return np.stack(frames)


def measured(frames, duration_ms=100) -> Motion:
    return motion_of(make_thumbnails(frames, np.full(len(frames), duration_ms, np.int32)))


def photograph(height=160, width=200, seed=5):
    """Smooth random texture that fills the frame, uint8 [H, W, 3]."""
    noise = np.random.default_rng(seed).integers(0, 256, (14, 18, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC)


def opaque(pictures):
    return np.stack([np.asarray(picture.convert("RGBA")) for picture in pictures])


STEPS = np.linspace(0, 1, 10)
WAVE = np.sin(2 * np.pi * np.arange(12) / 12)


@pytest.mark.parametrize(
    ("places", "kind", "direction"),
    [
        ([(0.2 + 0.6 * s, 0.5) for s in STEPS], "travel", "to the right"),
        ([(0.8 - 0.6 * s, 0.5) for s in STEPS], "travel", "to the left"),
        ([(0.5, 0.2 + 0.6 * s) for s in STEPS], "travel", "down"),
        ([(0.5, 0.8 - 0.6 * s) for s in STEPS], "travel", "up"),
        ([(0.2 + 0.5 * s, 0.2 + 0.5 * s) for s in STEPS], "travel", "down and to the right"),
        ([(0.5 + 0.2 * w, 0.5) for w in WAVE], "swing", "from side to side"),
        ([(0.5, 0.5 + 0.2 * w) for w in WAVE], "swing", "up and down"),
        ([(0.5 + 0.15 * w, 0.5 + 0.15 * w) for w in WAVE], "swing", "diagonally to and fro"),
        ([(0.5 + 0.2 * np.cos(a), 0.5 + 0.2 * np.sin(a)) for a in np.arange(16) * np.pi / 8], "circle", "clockwise"),
        ([(0.5 + 0.03 * (-1) ** i, 0.5) for i in range(10)], "shake", "from side to side"),
    ],
)
def test_a_path_is_named_by_its_shape_and_direction(places, kind, direction):
    path = measured(drawn(places)).path
    assert (path.kind, path.direction) == (kind, direction)


@pytest.mark.parametrize("size", [48, 97, 240])
@pytest.mark.parametrize("background", [None, (250, 250, 250), (20, 90, 30)])
def test_the_size_of_the_picture_and_the_kind_of_background_do_not_matter(size, background):
    motion = measured(drawn([(0.5, 0.5 + 0.2 * w) for w in WAVE], size=size, background=background))
    assert (motion.path.kind, motion.path.direction, motion.subject) == ("swing", "up and down", "foreground")
    assert motion.growth is None
    assert motion.fade is None
    assert motion.turns == 0


def test_mirroring_a_clip_mirrors_its_direction():
    frames = drawn([(0.2 + 0.6 * s, 0.4) for s in STEPS])
    assert measured(frames).path.direction == "to the right"
    assert measured(frames[:, :, ::-1]).path.direction == "to the left"
    assert measured(frames[::-1]).path.direction == "to the left"
    assert measured(frames.transpose(0, 2, 1, 3)).path.direction == "down"


@pytest.mark.parametrize("cycles", [1, 2, 3])
def test_swings_of_a_loop_are_counted(cycles):
    places = [(0.5 + 0.2 * np.sin(2 * np.pi * cycles * i / 24), 0.5) for i in range(24)]
    motion = measured(drawn(places))
    assert motion.path.cycles == cycles
    assert motion.repeats == cycles


def test_equal_frames_do_not_move_whatever_their_number():
    still = drawn([(0.5, 0.5)])
    for count in (1, 2, 9):
        assert measured(np.repeat(still, count, axis=0)).still


@pytest.mark.parametrize(
    ("sizes", "growth"),
    [
        (0.1 + 0.2 * STEPS, "grows"),
        (0.3 - 0.2 * STEPS, "shrinks"),
        (0.2 + 0.08 * WAVE, "grows and shrinks"),
        (0.2 + 0.004 * WAVE, None),
    ],
)
def test_growth_is_measured_where_size_changes(sizes, growth):
    motion = measured(drawn([(0.5, 0.5)] * len(sizes), sizes=list(sizes)))
    assert motion.growth == growth
    assert motion.path.kind == "still"


@pytest.mark.parametrize(
    ("alphas", "fade"),
    [
        (0.05 + 0.95 * STEPS, "in"),
        (1.0 - 0.95 * STEPS, "out"),
        (np.sin(np.pi * (STEPS * 0.9 + 0.05)), "in and out"),
        (1 - 0.9 * np.sin(np.pi * STEPS), "out and in"),
        (0.8 + 0.2 * STEPS, None),
    ],
)
@pytest.mark.parametrize("background", [None, (255, 255, 255)])
def test_a_gradual_change_of_visibility_is_a_fade(alphas, fade, background):
    motion = measured(drawn([(0.5, 0.5)] * 10, alphas=list(alphas), background=background))
    assert (motion.fade, motion.flashes) == (fade, 0)
    assert motion.path.kind == "still"
    assert motion.growth is None


def test_an_abrupt_one_is_counted_as_flashes():
    motion = measured(drawn([(0.5, 0.5)] * 12, alphas=[1, 1, 1, 0] * 3))
    assert (motion.fade, motion.flashes, motion.repeats) == (None, 3, 3)
    bright = [(250, 240, 240), (40, 10, 10)] * 4
    assert measured(drawn([(0.5, 0.5)] * 8, colours=bright)).flashes == 4


def test_a_hue_that_goes_round_is_named_in_order():
    colours = [(220, 30, 30), (230, 220, 30), (40, 200, 40), (30, 60, 220)] * 2
    motion = measured(drawn([(0.5, 0.5)] * 8, colours=colours))
    assert motion.colours == ("red", "yellow", "green", "blue")
    assert measured(drawn([(0.5, 0.5)] * 8, colours=[RED, (180, 20, 20)] * 4)).colours == ()


@pytest.mark.parametrize("way", [1, -1])
def test_a_whole_turn_is_seen_with_its_sense(way):
    upright = Image.fromarray(drawn([(0.5, 0.5)], sizes=[0.3])[0])
    frames = opaque([upright.rotate(-way * 360 * i / 24, Image.Resampling.BICUBIC) for i in range(24)])
    assert measured(frames).turns == way
    wobbling = opaque([upright.rotate(15 * w, Image.Resampling.BICUBIC) for w in WAVE])
    assert measured(wobbling).turns == 0


@pytest.mark.parametrize(("factor", "growth"), [(1.04, "grows"), (1 / 1.04, "shrinks")])
def test_a_photograph_is_seen_to_zoom(factor, growth):
    picture = photograph(400, 500)
    pictures = []
    for step in range(10):
        half_w, half_h = 100 / factor ** (step - 4), 80 / factor ** (step - 4)
        box = (250 - half_w, 200 - half_h, 250 + half_w, 200 + half_h)
        pictures.append(picture.resize((200, 160), Image.Resampling.BICUBIC, box=box))
    motion = measured(opaque(pictures))
    assert (motion.subject, motion.growth, motion.path.kind) == ("picture", growth, "still")


def test_a_photograph_is_seen_to_pan():
    picture = photograph(160, 600)
    motion = measured(opaque([picture.crop((20 * i, 0, 20 * i + 240, 160)) for i in range(10)]))
    assert (motion.path.kind, motion.path.direction) == ("travel", "to the left")
    assert motion.growth is None


def test_unrelated_pictures_are_no_movement_of_the_whole():
    motion = measured(opaque([photograph(seed=seed) for seed in range(6)]))
    assert (motion.path.kind, motion.growth, motion.turns) == ("still", None, 0)
    assert not motion.still


def test_local_movement_is_placed():
    base = photograph()
    frames = opaque([base] * 6).copy()
    for index in range(6):
        frames[index, 10:40, 10 + 5 * index : 40 + 5 * index, :3] = 255
    motion = measured(frames)
    assert (motion.local, motion.place) == (True, "top left")
    assert motion_sentences(motion) == ["The picture moves in small parts at the top left within 0.6 seconds."]


@pytest.mark.parametrize(
    ("dx", "dy", "scale", "degrees"), [(3, -2, 1.0, 0), (0, 0, 1.06, 0), (0, 0, 1.0, 6), (2, 1, 0.96, -4)]
)
def test_a_similarity_is_recovered(dx, dy, scale, degrees):
    size = 64
    before = photograph(size, size)
    cos, sin = scale * np.cos(np.radians(degrees)), scale * np.sin(np.radians(degrees))
    inverse = np.linalg.inv(np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]]))
    centre = (size - 1) / 2 + 0.5
    offset = inverse[:2, :2] @ np.array([-centre - dx, -centre - dy]) + centre
    matrix = (*inverse[0, :2], offset[0], *inverse[1, :2], offset[1])
    after = before.transform((size, size), Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC)
    found = fit_similarity(*(np.asarray(picture, np.float64)[8:-8, 8:-8] / 255 for picture in (before, after)))
    assert found.shift == pytest.approx((dx / 48, dy / 48), abs=0.01)
    assert found.scale == pytest.approx(scale, abs=0.01)
    assert np.degrees(found.angle) == pytest.approx(degrees, abs=0.7)
    assert found.explained > 0.5


@pytest.mark.parametrize("shape", [(2, 400), (400, 1), (1, 1), (3, 7)])
def test_pictures_of_any_shape_are_measured(shape):
    frames = np.random.default_rng(4).integers(0, 256, (4, *shape, 4), dtype=np.uint8)
    assert not measured(frames).still
    assert describe(frames).endswith(".")


def test_frames_are_sampled_by_the_time_they_are_shown():
    assert evenly_timed(np.full(7, 40, np.int32)).tolist() == list(range(7))
    assert evenly_timed(np.array([100, 300], np.int32)).tolist() == [0, 1, 1, 1]
    assert len(evenly_timed(np.full(500, 20, np.int32))) == MAX_FRAMES
    assert np.all(np.diff(evenly_timed(np.full(500, 20, np.int32))) > 0)


def test_a_frame_shown_twice_as_long_equals_two_frames():
    frames = drawn([(0.2 + 0.6 * s, 0.5) for s in np.linspace(0, 1, 6)])
    once = make_thumbnails(frames, np.array([100, 200, 100, 100, 200, 100], np.int32))
    twice = make_thumbnails(frames[[0, 1, 1, 2, 3, 4, 4, 5]], np.full(8, 100, np.int32))
    assert np.array_equal(once.pixels, twice.pixels)
    assert motion_of(once) == motion_of(twice)


def test_a_loop_within_the_loop_is_found_and_noise_is_none():
    cycle = np.random.default_rng(0).random((5, 8, 8, 4))
    assert count_repeats(np.concatenate([cycle] * 3)) == 3
    assert count_repeats(cycle) == 1
    assert count_repeats(np.random.default_rng(1).random((12, 8, 8, 4))) == 1


@pytest.mark.parametrize(
    ("rgb", "name"),
    [
        ((0, 0, 0), "black"), ((255, 255, 255), "white"), ((128, 128, 128), "grey"), ((230, 20, 20), "red"),
        ((250, 140, 10), "orange"), ((110, 60, 20), "brown"), ((245, 222, 179), "beige"), ((250, 230, 30), "yellow"),
        ((40, 180, 60), "green"), ((30, 80, 220), "blue"), ((120, 40, 200), "purple"), ((255, 150, 190), "pink"),
    ],
)  # fmt: skip
def test_typical_colours_have_their_names(rgb, name):
    assert NAMES[int(name_indices(np.array(rgb) / 255))] == name


def test_hue_agrees_with_colorsys():
    import colorsys

    colours = np.random.default_rng(2).random((200, 3))
    expected = [colorsys.rgb_to_hsv(*colour)[0] * 360 for colour in colours]
    assert hue_degrees(colours) == pytest.approx(expected, abs=1e-9)


def test_colours_are_ordered_by_share_and_small_ones_left_out():
    rgb = np.array([RED] * 60 + [BLUE] * 35 + [(0, 0, 0)] * 5) / 255
    assert dominant_names(rgb, min_share=0.15, max_names=3) == ["red", "blue"]
    assert dominant_names(rgb, min_share=0.15, max_names=1) == ["red"]
    assert dominant_names(rgb[:0], min_share=0.15, max_names=1) == []


def test_a_picture_without_background_has_no_figure():
    assert find_foreground(make_thumbnails(opaque([photograph()]), np.array([100], np.int32))) is None


def describe(frames, **known):
    columns = {"domain": "cartoon", "ocr_text": "", "trigger_words": [], **known}
    sighting = Sighting(frames, np.full(len(frames), 100, np.int32), columns)
    return MeasuredDescriber(MeasuredConfig()).describe([sighting])[0]


def test_a_description_says_what_was_measured():
    frames = drawn([(0.5, 0.5 + 0.2 * w) for w in WAVE])
    assert describe(frames, ocr_text="Good\nmorning", trigger_words=["jump", "ball"]) == (
        'A cartoon sticker tagged "ball" and "jump". It is red on a transparent background. '
        'The text says "Good morning". It moves up and down within 1.2 seconds.'
    )
    grounded = drawn([(0.5, 0.5)], background=(255, 255, 255))
    assert describe(grounded, domain="real") == (
        "A real photograph. It is red on a white background. It has no text. It does not move."
    )


def test_what_nobody_looked_for_is_not_mentioned():
    description = describe(drawn([(0.5, 0.5)]), ocr_text=None, domain=None, trigger_words=None)
    assert description == "A sticker. It is red on a transparent background. It does not move."


def test_a_sticker_that_cannot_be_seen_is_described_without_colours():
    assert describe(np.zeros((3, 40, 40, 4), np.uint8)) == (
        "A cartoon sticker. It is on a transparent background. It has no text. It does not move."
    )


def test_long_and_quoting_texts_are_shortened():
    assert text_sentence('say "hi"', max_characters=60) == "The text says \"say 'hi'\"."
    assert text_sentence("x" * 80, max_characters=5) == 'The text says "xxxxx…".'
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert static_sentences(domain=None, words=[], tags=["cat"], colours=[], background=None)[1] == "It looks like cat."


def test_the_stage_describes_every_sticker_by_itself():
    clips = [
        drawn([(0.2 + 0.6 * s, 0.5) for s in STEPS]),
        drawn([(0.5, 0.5)]),
        drawn([(0.5, 0.5)] * 10, alphas=list(1 - 0.95 * STEPS)),
    ]
    media = [encode(Clip(frames, np.full(len(frames), 80, np.int32), 0, "apng"), "apng") for frames in clips]
    rows = [{"domain": "cartoon", "ocr_text": "", "trigger_words": [str(number)]} for number in range(3)]
    stage = DescribeStage(DescribeConfig())
    stage.setup()
    together = stage.process(Batch(rows, media))
    alone = [stage.process(Batch([row], [data]))[0] for row, data in zip(rows, media, strict=True)]
    assert together == alone
    assert all(set(outcome) == set(stage.spec.writes) for outcome in together)
    assert {outcome["description_source"] for outcome in together} == {"measured"}
    endings = [str(outcome["description"]).rsplit("It ", 1)[1] for outcome in together]
    assert endings == ["moves to the right within 0.8 seconds.", "does not move.", "fades out within 0.8 seconds."]


@needs_stickers
def test_real_stickers_get_a_description_each():
    with (STICKERS / "index.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))[::30]
    batch = Batch(
        [{"domain": row["domain"] or None, "ocr_text": None, "trigger_words": [row["trigger_words"]]} for row in rows],
        [(STICKERS / row["file"]).read_bytes() for row in rows],
    )
    outcomes = DescribeStage(DescribeConfig()).process(batch)
    for row, outcome in zip(rows, outcomes, strict=True):
        description = str(outcome["description"])
        assert description.endswith(".")
        assert row["num_frames"] != "1" or description.endswith("It does not move.")
