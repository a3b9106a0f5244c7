"""Stickers that cannot be read."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from vsd2m.core.errors import StorageError

OnError = Literal["raise", "skip"]
ON_ERROR: tuple[OnError, ...] = ("raise", "skip")
_NAMED_IN_MESSAGE = 3


@dataclass(frozen=True)
class DamagedSticker:
    """A sticker that cannot be read: its location, and the reason."""

    shard: str
    key: str
    tar_offset: int
    reason: str

    def __str__(self) -> str:
        return f"{self.shard}: sticker {self.key} at offset {self.tar_offset}: {self.reason}"


class DamagedStickerError(StorageError):
    """One sticker cannot be read; the following ones can. `sticker` is None in an error from another process."""

    sticker: DamagedSticker | None = None


def damaged_sticker_error(sticker: DamagedSticker) -> DamagedStickerError:
    """The error that names the sticker."""
    error = DamagedStickerError(str(sticker))
    error.sticker = sticker
    return error


def too_many_skipped(url: str, skipped: Sequence[DamagedSticker], max_skipped: int) -> StorageError:
    """The error that ends an epoch with more damage than is allowed."""
    first = "; ".join(map(str, skipped[:_NAMED_IN_MESSAGE]))
    return StorageError(
        f"{len(skipped)} stickers of {url} cannot be read, more than max_skipped = {max_skipped}: {first}"
        f"{' ...' if len(skipped) > _NAMED_IN_MESSAGE else ''}; fetch the data set again, or raise max_skipped"
    )
