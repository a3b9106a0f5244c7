"""Contact sheets: animated stickers side by side, reduced so that a page stays small."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vsd2m.core.errors import MediaError, StorageError
from vsd2m.core.run import Run
from vsd2m.media.budget import DecodeBudget
from vsd2m.media.decode import decode
from vsd2m.pages.previews import Preview, make_preview

_BUDGET = DecodeBudget(max_file_bytes=16 << 20, max_decoded_bytes=512 << 20)


@dataclass(frozen=True)
class Sample:
    """One sticker on a sheet: `media` has the columns `media_tar`, `media_offset` and `num_bytes`, or is None."""

    key: str | None
    media: Mapping[str, Any] | None
    notes: Sequence[str]
    tags: Sequence[str] = ()


@dataclass(frozen=True)
class SheetPicture:
    """A sticker as the template `sheet` draws it: a preview, or the reason why there is none."""

    alt: str
    notes: Sequence[str]
    key: str | None = None
    tags: Sequence[str] = ()
    preview: Preview | None = None
    missing: str = ""


def sheet_pictures(run: Run, samples: Sequence[Sample], *, max_bytes: int) -> list[SheetPicture]:
    """The stickers of `samples` for the template, each preview at most `max_bytes` large."""
    return [_picture(run, sample, max_bytes) for sample in samples]


def _picture(run: Run, sample: Sample, max_bytes: int) -> SheetPicture:
    name = f"sticker {sample.key[:8]}" if sample.key else "a sticker without bytes"
    alt = ": ".join([name, "; ".join(sample.notes)]) if sample.notes else name
    preview, missing = _preview(run, sample.media, max_bytes)
    return SheetPicture(alt, sample.notes, sample.key, sample.tags, preview, missing)


def _preview(run: Run, media: Mapping[str, Any] | None, max_bytes: int) -> tuple[Preview | None, str]:
    if media is None:
        return None, "no bytes"
    try:
        data = run.store.read_range(media["media_tar"], media["media_offset"], media["num_bytes"])
        preview = make_preview(decode(data, _BUDGET), max_bytes=max_bytes)
    except StorageError:
        return None, "not readable"
    except MediaError as error:
        return None, f"cannot be decoded: {error.reason.replace('_', ' ')}"
    return preview, "" if preview else "too large for this page"
