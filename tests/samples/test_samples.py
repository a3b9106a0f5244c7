"""Sample stickers: what the truth file says is true, by other means than those that wrote it."""

import io
import json
import sys
from collections import Counter
from pathlib import Path

import imagehash
import numpy as np
import pytest
from PIL import Image
from vsd2m_samples.drawing.actions import ACTIONS
from vsd2m_samples.drawing.canvas import Canvas
from vsd2m_samples.drawing.cast import KINDS, draw_lots
from vsd2m_samples.drawing.characters import draw_character
from vsd2m_samples.drawing.composition import Cartoon, Lettering, draw_cartoon
from vsd2m_samples.drawing.lettering import MIN_SIZE, draw_line, missing_glyphs
from vsd2m_samples.drawing.phrases import LONG_TEXTS, PHOTOGRAPH_TEXTS, PHRASES
from vsd2m_samples.drawing.pose import Pose
from vsd2m_samples.samples import PLANTED_PER_320, num_planted, write_samples

from vsd2m.core.errors import ConfigError, MediaError
from vsd2m.core.keys import sticker_key
from vsd2m.media.decode import decode
from vsd2m.media.media_types import sniff

NUM_STICKERS, SEED = 24, 5
KEPT = (None, "wrong_suffix", "slow", "redirect")
WHOLE = (*KEPT, "noai", "robots_disallowed")  # distinct good pictures, whatever the site does with them


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("samples")
    write_samples(folder, num_stickers=NUM_STICKERS, seed=SEED)
    return folder


@pytest.fixture(scope="module")
def truth(folder):
    return [json.loads(line) for line in (folder / "truth.jsonl").read_text("utf-8").splitlines()]


def bytes_of(folder, row):
    return (folder / row["file"]).read_bytes()


def planted(truth, kind):
    rows = [row for row in truth if row["planted"] == kind]
    assert rows
    return rows


def middle_frames(data, num=4):
    """Frames at equal steps of the stored playing time, on white, by the project's decoder."""
    clip = decode(data)
    ends = np.cumsum(np.maximum(clip.durations_ms, 1))
    indices = [int(np.searchsorted(ends, (k + 0.5) * ends[-1] / num)) for k in range(num)]
    pictures = [Image.fromarray(clip.frames[index]) for index in indices]
    return [Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture) for picture in pictures]


def hashes(data):
    return np.stack([imagehash.phash(frame).hash for frame in middle_frames(data)])


def test_the_same_seed_writes_the_same_bytes_and_another_seed_does_not(folder, tmp_path):
    write_samples(tmp_path / "again", num_stickers=NUM_STICKERS, seed=SEED)
    first = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert first == {path.name: path.read_bytes() for path in (tmp_path / "again").iterdir()}
    write_samples(tmp_path / "other", num_stickers=8, seed=SEED + 1)
    other = {sticker_key(path.read_bytes()) for path in (tmp_path / "other").iterdir()}
    shared = other & {sticker_key(data) for data in first.values()}
    assert len(shared) <= 10  # pages and bombs hold nothing random


def test_counts_agree_with_the_truth_and_every_kind_is_planted_twice(tmp_path):
    seen = []
    counts = write_samples(tmp_path, num_stickers=8, seed=1, on_progress=lambda done, total: seen.append((done, total)))
    rows = [json.loads(line) for line in (tmp_path / "truth.jsonl").read_text("utf-8").splitlines()]
    assert counts.good == sum(row["planted"] is None for row in rows) == 8
    assert counts.planted == Counter(row["planted"] for row in rows if row["planted"])
    assert set(counts.planted) == set(PLANTED_PER_320) and min(counts.planted.values()) >= 2
    assert seen == [(number, counts.total) for number in range(1, counts.total + 1)] and counts.total == len(rows)
    assert num_planted(320)["long_text"] == 10


def test_every_key_is_the_key_of_the_bytes_and_every_file_is_listed(folder, truth):
    listed = {row["file"] for row in truth if row["planted"] != "dead_link"}
    assert {path.name for path in folder.iterdir()} == {*listed, "truth.jsonl"}
    for row in truth:
        if row["planted"] == "dead_link":
            assert row["key"] is None and row["expected_reason"] == "http_error"
        else:
            assert row["key"] == sticker_key(bytes_of(folder, row))


def test_good_stickers_decode_and_are_as_large_and_long_as_stickers_are(folder, truth):
    for row in truth:
        if row["planted"] not in WHOLE:
            continue
        clip = decode(bytes_of(folder, row))
        assert 90 <= min(clip.width, clip.height) <= max(clip.width, clip.height) <= 256
        assert clip.num_frames <= 24
        assert clip.num_frames == 1 or len({frame.tobytes() for frame in clip.frames}) > 1, row["file"]


def test_good_stickers_say_who_made_them_and_what_they_show(truth):
    good = [row for row in truth if row["planted"] is None]
    assert {row["domain"] for row in good} == {"real", "cartoon"}
    assert 0.15 < sum(row["domain"] == "real" for row in good) / len(good) < 0.3
    for row in good:
        assert row["licence"] and row["author"] and row["trigger_words"] and row["action"] and row["subject"]
        assert row["caption"].endswith((".", '."')) and row["text"] in row["caption"]
        assert (row["language"] is None) == (row["text"] == "") and len(row["text"]) <= 24
        assert row["expected_reason"] is None and row["duplicate_of"] is None
    assert {row["language"] for row in good} == {"en", "zh", None}


def test_no_two_good_stickers_look_alike(folder, truth):
    rows = [row for row in truth if row["planted"] in WHOLE]
    seen = np.stack([hashes(bytes_of(folder, row)) for row in rows])
    differing = (seen[:, None] != seen[None]).mean(axis=(2, 3, 4))
    np.fill_diagonal(differing, 1.0)
    assert differing.min() > 0.15, [rows[index]["file"] for index in np.argwhere(differing == differing.min())[0]]


def test_a_near_duplicate_looks_like_its_original_and_is_never_larger(folder, truth):
    by_file = {row["file"]: row for row in truth}
    for row in planted(truth, "near_duplicate"):
        original = bytes_of(folder, by_file[row["duplicate_of"]])
        copy = bytes_of(folder, row)
        assert row["key"] != by_file[row["duplicate_of"]]["key"] and by_file[row["duplicate_of"]]["planted"] is None
        assert (hashes(copy) != hashes(original)).mean() < 0.1
        assert decode(copy).width <= decode(original).width and decode(copy).num_frames <= decode(original).num_frames
        assert row["expected_reason"] == "near_duplicate"


def test_an_exact_duplicate_has_the_same_bytes_under_another_word(folder, truth):
    by_file = {row["file"]: row for row in truth}
    for row in planted(truth, "exact_duplicate"):
        original = by_file[row["duplicate_of"]]
        assert bytes_of(folder, row) == bytes_of(folder, original) and row["key"] == original["key"]
        assert row["file"] != original["file"] and not set(row["trigger_words"]) & set(original["trigger_words"])


@pytest.mark.parametrize("kind", ["truncated", "html", "decompression_bomb"])
def test_broken_files_are_refused_for_the_expected_reason(folder, truth, kind):
    for row in planted(truth, kind):
        data = bytes_of(folder, row)
        assert len(data) < 250_000
        with pytest.raises(MediaError) as caught:
            decode(data)
        assert caught.value.reason == row["expected_reason"]


def test_a_wrong_suffix_hides_a_good_picture(folder, truth):
    formats = {".gif": {"gif"}, ".png": {"png", "apng"}, ".webp": {"webp"}, ".jpg": {"jpeg"}}
    for row in planted(truth, "wrong_suffix"):
        assert sniff(bytes_of(folder, row)) not in formats[Path(row["file"]).suffix]
        assert row["expected_reason"] is None


def test_long_texts_are_long_without_white_space(truth):
    for row in planted(truth, "long_text"):
        assert len("".join(row["text"].split())) > 40 and row["expected_reason"] == "text_too_long"


def test_nearly_blank_pictures_have_next_to_no_entropy_or_opacity(folder, truth):
    rows = planted(truth, "nearly_blank")
    assert {row["expected_reason"] for row in rows} == {"entropy_too_low", "blank"}
    for row in rows:
        picture = Image.open(io.BytesIO(bytes_of(folder, row))).convert("RGBA")
        opaque = np.asarray(picture.getchannel("A")) >= 128
        if row["expected_reason"] == "blank":
            assert opaque.mean() < 0.01
        else:
            assert opaque.all() and picture.convert("L").entropy() < 0.04


def test_banners_are_more_than_three_times_as_long_as_wide(folder, truth):
    for row in planted(truth, "extreme_aspect_ratio"):
        with Image.open(folder / row["file"]) as picture:
            width, height = picture.size
        assert max(width, height) / min(width, height) > 5


@pytest.mark.parametrize("action", ACTIONS)
def test_every_action_moves_and_closes_its_loop(action):
    look = draw_lots("cat", np.random.default_rng(0))
    cartoon = Cartoon(look, action, 96, 96, num_frames=6, scene="meadow", tint=(214, 236, 252))
    frames = draw_cartoon(cartoon)
    assert len({frame.tobytes() for frame in frames}) >= 2
    pose = ACTIONS[action].pose
    if action not in ("run", "faint", "kiss"):  # they leave, fall down, throw
        assert pose(0.0).y == pytest.approx(pose(1.0).y, abs=1e-6)
        assert pose(0.0).opacity == pytest.approx(pose(1.0).opacity)


def test_every_species_is_a_different_picture():
    pictures = {}
    for species in KINDS:
        canvas = Canvas(96, 96)
        with canvas.moved(48, 92, scale=0.5):
            draw_character(canvas, draw_lots(species, np.random.default_rng(1)), Pose())
        pictures[species] = np.asarray(canvas.finished())[..., 3]
        assert 0.1 < (pictures[species] > 128).mean() < 0.8, species
    outlines = {outline.tobytes() for outline in pictures.values()}
    assert len(outlines) == len(KINDS)


@pytest.mark.parametrize("action", ["jump", "celebrate", "pulse"])
def test_the_text_is_uncovered_in_every_frame(action):
    look = draw_lots("bear", np.random.default_rng(0))
    letters = Lettering("早上好", "bottom", (255, 255, 255), (0, 0, 0))
    bare = Cartoon(look, action, 200, 200, num_frames=8, scene="rays", tint=(150, 214, 150))
    frames = draw_cartoon(Cartoon(look, action, 200, 200, 8, "rays", bare.tint, lettering=letters))
    line = draw_line(letters.text, width=192, max_size=40, ink=letters.ink, edge=letters.edge)
    x, y = (200 - line.width) // 2, 200 - line.height - 4
    solid = np.asarray(line)[..., 3] == 255
    assert solid.mean() > 0.3
    for frame in frames:
        assert np.array_equal(frame[y : y + line.height, x : x + line.width][solid], np.asarray(line)[solid])


def test_the_packaged_fonts_have_every_character_that_is_drawn():
    texts = [text for phrases in PHRASES.values() for text in (*phrases.english, *phrases.chinese)]
    texts += [text for pair in PHOTOGRAPH_TEXTS.values() for texts in pair for text in texts]
    assert max(map(len, texts)) <= 24
    for text in [*texts, *LONG_TEXTS["en"], *LONG_TEXTS["zh"]]:
        assert not missing_glyphs(text), text
    for text in texts:  # 160 pixels is the least width of a sticker with text
        draw_line(text, width=148, max_size=MIN_SIZE + 2, ink=(0, 0, 0), edge=(255, 255, 255))
    assert missing_glyphs("龘") == {"龘"}


def test_a_line_that_cannot_be_legible_is_refused():
    with pytest.raises(ValueError, match="does not fit into 60 pixels"):
        draw_line("Round and round", width=60, max_size=30, ink=(0, 0, 0), edge=(255, 255, 255))


def test_writing_again_replaces_the_earlier_samples(tmp_path):
    write_samples(tmp_path, num_stickers=8, seed=1)
    before = {path.name for path in tmp_path.iterdir()}
    write_samples(tmp_path, num_stickers=8, seed=2)
    listed = {json.loads(line)["file"] for line in (tmp_path / "truth.jsonl").read_text("utf-8").splitlines()}
    after = {path.name for path in tmp_path.iterdir()}
    assert after != before and after <= {*listed, "truth.jsonl"}


def test_a_folder_with_other_things_in_it_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(ConfigError, match="empty or a new folder"):
        write_samples(tmp_path, num_stickers=8, seed=1)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_without_the_photographs_packages_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "skimage", None)
    with pytest.raises(ConfigError, match=r"pip install \./samples"):
        write_samples(tmp_path / "new", num_stickers=8, seed=1)
    assert not (tmp_path / "new").exists()


def test_too_few_stickers_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="at least 8"):
        write_samples(tmp_path, num_stickers=3, seed=1)
