"""A drawn sticker: its frames, its encoding, and its true labels."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vsd2m_samples.drawing.encoding import SUFFIXES, encode_frames


@dataclass(frozen=True)
class Sticker:
    """Frames (RGBA `[T, H, W, 4]`) with their true labels. `text` is "" without lettering."""

    stem: str
    frames: npt.NDArray[np.uint8]
    durations_ms: list[int]
    encoding: str
    title: str
    trigger_words: tuple[str, ...]
    tags: tuple[str, ...]
    licence: str
    author: str
    domain: str
    text: str
    language: str | None
    action: str
    subject: str
    caption: str

    @property
    def suffix(self) -> str:
        return SUFFIXES[self.encoding]

    def encoded(self) -> bytes:
        """The bytes of the file."""
        return encode_frames(self.frames, self.durations_ms, self.encoding)
