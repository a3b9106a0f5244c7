"""A description composed from measurements, for machines without a vision-language model.

It states what was measured (domain, colours, background, recognised text, movement) and quotes the sticker's
trigger words as tags. It does not know what the picture shows.
"""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from vsd2m.annotate.describers.base import Describer, DescriberConfig, Sighting
from vsd2m.annotate.measured.colours import dominant_names
from vsd2m.annotate.measured.foreground import Foreground, find_foreground
from vsd2m.annotate.measured.motion import measure_motion
from vsd2m.annotate.measured.phrases import motion_sentences, static_sentences, text_sentence
from vsd2m.annotate.measured.thumbnails import Thumbnails, make_thumbnails

Floats = NDArray[np.float64]


class MeasuredConfig(DescriberConfig):
    """What a measured description mentions."""

    describer: str = Field(default="measured", description="composed from measurements, without a model")
    max_words: int = Field(default=2, description="trigger words to mention as tags; 0 leaves them out", ge=0, le=20)
    max_text_characters: int = Field(
        default=60, description="characters of the recognised text to quote", ge=1, le=1000
    )
    max_colours: int = Field(default=2, description="colour names to mention", ge=1, le=5)
    min_colour_share: float = Field(
        default=0.15, description="smallest share of the visible pixels at which a colour is named", gt=0, le=1
    )


class MeasuredDescriber(Describer[MeasuredConfig]):
    """Sentences from arithmetic: the same frames and columns always give the same words."""

    Config: ClassVar[type[DescriberConfig]] = MeasuredConfig
    reads = ("domain", "ocr_text", "trigger_words")

    @property
    def source(self) -> str:
        return "measured"

    def model_versions(self) -> dict[str, str]:
        return {}

    def start(self, *, num_threads: int) -> None:
        del num_threads

    def describe(self, sightings: Sequence[Sighting]) -> list[str]:
        return [self._describe(sighting) for sighting in sightings]

    def _describe(self, sighting: Sighting) -> str:
        thumbs = make_thumbnails(sighting.frames, sighting.durations_ms)
        foreground = find_foreground(thumbs)
        columns = sighting.columns
        config = self.config
        motion = measure_motion(thumbs, foreground)
        colours = dominant_names(
            visible_colours(thumbs, foreground), min_share=config.min_colour_share, max_names=config.max_colours
        )
        static = static_sentences(
            domain=columns.get("domain"),
            words=sorted(columns.get("trigger_words") or [])[: config.max_words],
            tags=(),
            colours=() if motion.colours else colours,  # a colour that changes is described as movement
            background=background_name(thumbs, foreground),
        )
        text = text_sentence(columns.get("ocr_text"), max_characters=config.max_text_characters)
        return " ".join([*static, *([text] if text else []), *motion_sentences(motion)])


def visible_colours(thumbs: Thumbnails, foreground: Foreground | None) -> Floats:
    """Straight RGB in 0..1 [K, 3] of the foreground's pixels, or of all visible pixels if there is no foreground."""
    visible = thumbs.alpha > 0.5
    if foreground is not None:
        visible &= foreground.mask
    pixels = thumbs.pixels[visible]
    return pixels[:, :3] / pixels[:, 3:]


def background_name(thumbs: Thumbnails, foreground: Foreground | None) -> str | None:
    """transparent, a colour's name, or None if the picture has no uniform background."""
    if float((thumbs.alpha < 0.5).mean()) > 0.02:
        return "transparent"
    if foreground is None or foreground.background is None:
        return None
    return dominant_names(foreground.background[None], min_share=1.0, max_names=1)[0]
