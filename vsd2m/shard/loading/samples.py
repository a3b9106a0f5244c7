"""A sticker as a training sample, and samples as a batch."""

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, cast

import numpy as np
from numpy.typing import NDArray

from vsd2m.core.errors import MediaError, StorageError
from vsd2m.media.decode import DecodeBudget, decode
from vsd2m.shard.loading.clips import ClipOptions, cut_clip, frame_indices
from vsd2m.shard.sticker_text import sticker_text

PLACE = ("key", "tar_offset", "num_bytes")
TEXTS = ("caption", "caption_zh", "description", "ocr_text", "domain")
_DEFAULT_BUDGET = DecodeBudget()


class StickerList(list[str]):
    """Texts or numbers of one sticker. A separate type, so that torch's default collation leaves it unchanged."""


class Sample(TypedDict):
    """One sticker. A text that the data set does not have is "", or None if `load` has `absent_text=None`.

    The other columns that are declared with `in_samples` follow under their own names; an unknown number is None.
    """

    key: str
    clip: NDArray[np.uint8]  # [T, C, H, W]
    durations_ms: NDArray[np.int32]  # [T], of the frames of the clip, as in the file
    frame_indices: NDArray[np.int64]  # [T], the index in the sticker of each frame
    mask: NDArray[np.bool_]  # [T], True: a frame of the sticker; False: repeated
    num_frames: int  # frames of the sticker
    text: str  # see `sticker_text`
    caption: str | None
    caption_zh: str | None
    description: str | None
    trigger_words: StickerList
    ocr_text: str | None
    domain: str | None


def make_sample(
    row: Mapping[str, Any], media: bytes, options: ClipOptions, *, path: str, absent_text: str | None = ""
) -> Sample:
    """A sample from a shard's row and the original bytes; `StorageError` if they do not decode."""
    try:
        clip = decode(media, _DEFAULT_BUDGET)
    except MediaError as error:
        raise StorageError(f"{path}: sticker {row['key']} does not decode ({error})") from error
    indices = frame_indices(clip, options)
    caption, caption_zh, description, ocr_text, domain = (
        absent_text if row.get(name) is None else row[name] for name in TEXTS
    )
    sample = Sample(
        key=row["key"],
        clip=cut_clip(clip, indices, options),
        durations_ms=clip.durations_ms[indices].astype(np.int32),
        frame_indices=indices,
        mask=np.arange(len(indices)) < clip.num_frames,
        num_frames=clip.num_frames,
        text=sticker_text(row),
        caption=caption,
        caption_zh=caption_zh,
        description=description,
        trigger_words=StickerList(row.get("trigger_words") or []),
        ocr_text=ocr_text,
        domain=domain,
    )
    others = {name: value for name, value in row.items() if name not in (*PLACE, *TEXTS, "trigger_words")}
    return cast(Sample, {**sample, **{name: _as_sampled(value) for name, value in others.items()}})


def _as_sampled(value: Any) -> Any:
    """A list in a type that torch's default collation leaves unchanged, since lists differ in length."""
    return StickerList(value) if isinstance(value, list) else value


def collate(samples: Sequence[Sample]) -> dict[str, Any]:
    """A batch, for torch's `DataLoader(collate_fn=vsd2m.collate)`: arrays become tensors `[B, ...]`, the rest lists.

    Torch's default does the same, except that here texts may be None, and clips may differ in length (`fill="none"`):
    the shorter ones are padded with zeros, where `mask` is False.
    """
    import torch

    def joined(values: list[Any]) -> Any:
        if isinstance(values[0], np.ndarray):
            return torch.from_numpy(np.stack(_equally_long(values)))
        return torch.tensor(values) if all(isinstance(value, int | float) for value in values) else values

    return {name: joined([sample[name] for sample in samples]) for name in samples[0]}  # type: ignore[literal-required]


def _equally_long(arrays: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
    longest = max(map(len, arrays))
    return [np.pad(array, [(0, longest - len(array)), *[(0, 0)] * (array.ndim - 1)]) for array in arrays]
