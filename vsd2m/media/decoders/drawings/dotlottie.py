"""dotLottie: a zip of Lottie documents with their pictures, versions 1 and 2; its default animation is drawn.

Format: dotLottie 1.0 and 2.0 (LottieFiles 2023, 2024).
"""

import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from vsd2m.core.errors import MediaError
from vsd2m.media.budget import Meter
from vsd2m.media.clip import Clip
from vsd2m.media.decoders.drawings.lottie import draw_lottie
from vsd2m.media.decoders.drawings.lottie_document import MAX_DOCUMENT_BYTES, parse_lottie

_ANIMATIONS, _PICTURES = ("animations", "a"), ("images", "i")  # folders of versions 1 and 2
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError)


def decode_dotlottie(data: bytes, meter: Meter) -> Clip:
    """The clip of the animation that the manifest names first; raises `MediaError`.

    It loops endlessly unless the manifest says that it does not.
    """
    archive = _Archive(data)
    manifest = _manifest(archive)
    animation = _default_animation(manifest)
    if animation.get("initialTheme") or animation.get("playMode", "normal") not in ("normal", "Normal"):
        raise MediaError("unsupported_feature", "the dotLottie uses a theme, or plays back and forth")
    if animation.get("direction", 1) != 1:
        raise MediaError("unsupported_feature", "the dotLottie plays backwards")
    name = str(animation["id"])
    document = parse_lottie(archive.read(*(f"{folder}/{name}.json" for folder in _ANIMATIONS)))
    speed = animation.get("speed", 1)
    if isinstance(speed, bool) or not isinstance(speed, int | float) or not 0 < speed <= 100:
        raise MediaError("corrupt", f"the dotLottie plays at the speed {str(speed)[:40]}")
    clip = draw_lottie(document, archive.picture, "dotlottie", meter, speed)
    return clip if animation.get("loop", True) else replace(clip, loop_count=1)


class _Archive:
    """The files of a zip; none is inflated to more than a Lottie may have."""

    def __init__(self, data: bytes) -> None:
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
        except _DAMAGE as error:  # the directory of a zip stands at its end
            raise MediaError("truncated", f"the dotLottie has no directory of its files ({error})") from error
        self._names = set(self._zip.namelist())

    def read(self, *names: str) -> bytes:
        """The first file of these that there is."""
        name = next((name for name in names if name in self._names), None)
        if name is None:
            raise MediaError("corrupt", f"the dotLottie lacks {names[0]}")
        try:
            with self._zip.open(name) as file:
                body = file.read(MAX_DOCUMENT_BYTES + 1)
        except _DAMAGE as error:
            raise MediaError("corrupt", f"{name} of the dotLottie cannot be read ({error})") from error
        if len(body) > MAX_DOCUMENT_BYTES:
            limit = MAX_DOCUMENT_BYTES
            detail = f"{name} of the dotLottie inflates to more than {limit} bytes"
            raise MediaError("too_many_bytes", detail, value=limit + 1, limit=limit)
        return body

    def picture(self, asset: Mapping[str, Any]) -> bytes | None:
        """What an asset refers to: a file in the folder of pictures, whatever path it states."""
        name = PurePosixPath(str(asset["p"])).name
        paths = [path for folder in _PICTURES if (path := f"{folder}/{name}") in self._names]
        return self.read(paths[0]) if paths else None


def _manifest(archive: _Archive) -> Mapping[str, Any]:
    try:
        manifest = json.loads(archive.read("manifest.json"))
    except (ValueError, RecursionError) as error:
        raise MediaError("corrupt", f"the dotLottie's manifest is no JSON ({error})") from error
    if not isinstance(manifest, dict):
        raise MediaError("corrupt", "the dotLottie's manifest is no object")
    return manifest


def _default_animation(manifest: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the manifest calls active (version 1) or initial (version 2), else the first of its list."""
    listed = manifest.get("animations")
    entries = listed if isinstance(listed, list) else []
    animations = [entry for entry in entries if isinstance(entry, dict) and "id" in entry]
    if not animations:
        raise MediaError("corrupt", "the dotLottie's manifest lists no animation")
    initial = manifest.get("initial")
    name = initial.get("animation") if isinstance(initial, dict) else manifest.get("activeAnimationId")
    return next((entry for entry in animations if entry["id"] == name), animations[0])
