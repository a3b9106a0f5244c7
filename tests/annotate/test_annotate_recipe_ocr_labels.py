from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from vsd2m.annotate.ocr_training.ocr_labels import LABELS, Lines, num_places_needed, read_lines
from vsd2m.core.errors import ConfigError, StorageError

CHARACTERS = "abcdefghijklmnopqrstuvwxyz 早上好"


def _folder(path: Path, labels: str | bytes, **sizes: tuple[int, int]) -> Path:
    path.mkdir(exist_ok=True)
    for name, size in sizes.items():
        Image.new("RGB", size, "white").save(path / f"{name}.png")
    (path / LABELS).write_bytes(labels.encode() if isinstance(labels, str) else labels)
    return path


def _read(folder: Path) -> Lines:
    return read_lines(folder, characters=CHARACTERS, max_width=640)


def test_every_line_is_used_or_left_out_with_its_reason(tmp_path):
    long = "a" * 21  # 41 places, and 320 pixels have 40
    labels = [
        "good.png\tgood night",
        "good.png no tab",
        "good.png\t ",
        "good.png\tgute nächté",
        "none.png\thello",
        "broken.png\thello",
        "wide.png\thello",
        f"good.png\t{long}",
        "",
        "good.png\t早上好\r",
    ]
    folder = _folder(tmp_path, "\n".join(labels) + "\n", good=(100, 32), wide=(500, 32))
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    lines = _read(folder)
    assert [(line.picture.name, line.text) for line in lines.used] == [
        ("good.png", "good night"),
        ("good.png", "早上好"),
    ]
    assert [(left.number, left.reason, left.value, left.limit) for left in lines.left_out] == [
        (2, "no_tab", None, None),
        (3, "no_text", None, None),
        (4, "unknown_characters", "äé", None),
        (5, "picture_missing", None, None),
        (6, "truncated", None, None),
        (7, "picture_too_wide", 750, 640),
        (8, "text_too_long", 41, 40),
        (9, "no_tab", None, None),
    ]
    assert len(lines.used) + len(lines.left_out) == lines.num_read == len(labels)


def test_a_text_may_be_as_long_as_there_are_places(tmp_path):
    assert _read(_folder(tmp_path, "a.png\t" + "ab" * 20, a=(10, 10))).used


def test_a_folder_without_labels_is_refused_in_one_line(tmp_path):
    with pytest.raises(StorageError, match=r"no labels\.txt in .*expected a line per picture, `picture<TAB>text`"):
        _read(tmp_path)
    with pytest.raises(StorageError, match=r"no labels\.txt in"):
        _read(tmp_path / "nowhere")


def test_labels_in_another_encoding_are_refused_in_one_line(tmp_path):
    with pytest.raises(StorageError, match="is not UTF-8"):
        _read(_folder(tmp_path, "a.png\t早上好".encode("gb18030")))


@pytest.mark.parametrize(("labels", "message"), [("", "none of 0 lines"), ("a.png\tÄ", "none of 1 lines.*unknown_")])
def test_labels_of_which_none_can_be_used_are_refused(tmp_path, labels, message):
    with pytest.raises(ConfigError, match=message):
        _read(_folder(tmp_path, labels, a=(10, 10)))


@given(st.text(alphabet="ab", min_size=1, max_size=12))
def test_the_places_needed_are_those_of_the_shortest_path_that_is_read_as_the_text(text):
    path: list[str] = []
    for character in text:
        path += ["", character] if path and path[-1] == character else [character]
    assert num_places_needed(text) == len(path)
