import re

import pytest
from PIL import Image

from vsd2m.benchmark.suite.clips import PICTURES
from vsd2m.benchmark.suite.videos import VIDEOS
from vsd2m.core.errors import StorageError
from vsd2m.gallery.library import SUFFIXES
from vsd2m.labelling.application.task_folder import content_type
from vsd2m.media.media_types import BROWSER_PICTURES, MEDIA_TYPES, mime_of_name, sniff, type_of_file

SHOWN_VIDEOS = {"clip.mp4": "video/mp4", "clip.M4V": "video/mp4", "clip.webm": "video/webm"}


def picture(folder, media_format):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    path = folder / f"a{MEDIA_TYPES[media_format].suffixes[0]}"
    moving = {"save_all": True, "append_images": frames[1:]} if media_format in ("apng", "gif", "webp", "avif") else {}
    frames[0].save(path, "PNG" if media_format == "apng" else media_format.upper(), **moving)
    assert sniff(path.read_bytes()) == media_format
    return path


@pytest.mark.parametrize("media_format", BROWSER_PICTURES)
def test_studies_and_galleries_state_the_same_type_for_a_picture(tmp_path, media_format):
    path = picture(tmp_path, media_format)
    mime = f"image/{media_format}"
    assert content_type(path) == mime
    assert mime_of_name(path.suffix.upper()) == mime.replace("apng", "png")


def test_the_content_of_a_picture_counts_and_not_its_name(tmp_path):
    assert type_of_file(picture(tmp_path, "gif").read_bytes(), ".mp4").mime == "image/gif"
    assert type_of_file(b"<html>", ".gif") is None


@pytest.mark.parametrize("name", [*SHOWN_VIDEOS, "clip.mov", "clip.mkv", "clip.avi"])
def test_videos_that_not_every_browser_plays_are_refused_by_a_study(tmp_path, name):
    (tmp_path / name).write_bytes(b"\0\0\0\x20ftyp")
    if name in SHOWN_VIDEOS:
        assert content_type(tmp_path / name) == SHOWN_VIDEOS[name]
    else:
        with pytest.raises(StorageError, match=re.escape("expected gif, png, apng, webp, jpeg, avif, mp4, webm")):
            content_type(tmp_path / name)


def test_the_suffixes_of_folders_come_from_the_one_table():
    pictures = {".gif", ".png", ".apng", ".webp", ".jpg", ".jpeg", ".avif"}
    assert pictures | {".mp4", ".m4v", ".webm", ".tgs", ".lottie", ".svg", ".svgz"} == SUFFIXES
    assert {".gif", ".png", ".apng", ".webp"} == PICTURES
    assert {".mp4", ".m4v", ".webm", ".mov", ".mkv", ".avi"} == VIDEOS
