"""Contact sheets: stickers side by side, moving as they do, their original bytes inside the page."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from vsd2m.core.errors import StorageError
from vsd2m.core.run import Run
from vsd2m.media.media_types import BROWSER_PICTURES, MEDIA_TYPES, sniff

MAX_PICTURE_BYTES = 512 * 1024


@dataclass(frozen=True)
class Sample:
    """One sticker on a sheet: `media` has the columns `media_tar`, `media_offset` and `num_bytes`, or is None."""

    key: str | None
    media: Mapping[str, Any] | None
    notes: Sequence[str]


def contact_sheet(run: Run, samples: Sequence[Sample]) -> str:
    """The sheet; a picture that is missing, foreign or over `MAX_PICTURE_BYTES` is named instead of shown."""
    return '<div class="sheet">' + "".join(_figure(run, sample) for sample in samples) + "</div>"


def _figure(run: Run, sample: Sample) -> str:
    notes = "<br>".join(escape(note) for note in sample.notes)
    key = f'<br><span class="quiet">{escape(sample.key)}</span>' if sample.key else ""
    return f"<figure>{_picture(run, sample.media)}<figcaption>{notes}{key}</figcaption></figure>"


def _picture(run: Run, media: Mapping[str, Any] | None) -> str:
    if media is None:
        return _missing("no bytes")
    if media["num_bytes"] > MAX_PICTURE_BYTES:
        return _missing(f"{media['num_bytes'] // 1024} KiB")
    try:
        data = run.store.read_range(media["media_tar"], media["media_offset"], media["num_bytes"])
    except StorageError:
        return _missing("not readable")
    media_format = sniff(data)
    if media_format not in BROWSER_PICTURES:
        return _missing("no picture that browsers show")
    content = base64.b64encode(data).decode("ascii")
    return f'<img alt="" loading="lazy" src="data:{MEDIA_TYPES[media_format].mime};base64,{content}">'


def _missing(why: str) -> str:
    return f'<div class="missing">{escape(why)}</div>'
