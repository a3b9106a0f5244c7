"""Random moving photographs: photograph, crop, motion, lettering and encoding."""

import numpy as np

from vsd2m_samples.drawing.composition import Lettering
from vsd2m_samples.drawing.lettering import is_chinese
from vsd2m_samples.drawing.palette import INK, WHITE
from vsd2m_samples.drawing.photographs import MOTIONS, PHOTOGRAPHS, Crop, MovingPhotograph, move_photograph
from vsd2m_samples.drawing.phrases import PHOTOGRAPH_TEXTS, PHOTOGRAPH_WORDS
from vsd2m_samples.drawing.sticker import Sticker

_ENCODINGS = ("gif", "gif", "webp_lossy", "webp_lossy", "apng")
_STILLS = ("jpeg", "jpeg", "png", "webp_lossy")
_STILL_SHARE = 0.08


def draw_photograph_sticker(subject: str, rng: np.random.Generator) -> Sticker:
    """A sticker made of a part of one photograph; `rng` chooses everything else."""
    photograph = PHOTOGRAPHS[subject]
    still = rng.random() < _STILL_SHARE
    lettering = _lettering(subject, rng) if rng.random() < 0.4 else None
    moving_photograph = _random_motion(subject, lettering, 1 if still else int(rng.integers(6, 17)), rng)
    text = lettering.text if lettering else ""
    text_sentence = f' The text says "{text}".' if text else ""
    moving = "" if still else f"; {MOTIONS[moving_photograph.motion]}"
    words = PHOTOGRAPH_WORDS[subject]
    return Sticker(
        stem=f"{subject}-{'still' if still else moving_photograph.motion}".replace(" ", "-"),
        frames=move_photograph(moving_photograph),
        durations_ms=[10 * int(rng.integers(7, 15))] * moving_photograph.num_frames,
        encoding=str(rng.choice(list(_STILLS if still else _ENCODINGS))),
        title=f"{photograph.described[0].upper()}{photograph.described[1:]}",
        trigger_words=tuple(str(word) for word in rng.permutation(list(words))[: 1 + int(rng.random() < 0.4)]),
        tags=(subject, "photograph", moving_photograph.motion),
        licence=photograph.licence,
        author=photograph.author,
        domain="real",
        text=text,
        language=("zh" if is_chinese(text) else "en") if text else None,
        action="still" if still else moving_photograph.motion,
        subject=subject,
        caption=f"A photograph of {photograph.described}{moving}.{text_sentence}",
    )


def _lettering(subject: str, rng: np.random.Generator) -> Lettering:
    texts = PHOTOGRAPH_TEXTS[subject][rng.integers(2)]
    ink, edge = (WHITE, INK) if rng.random() < 0.7 else ((255, 226, 90), INK)
    return Lettering(str(rng.choice(list(texts))), str(rng.choice(["top", "bottom"])), ink, edge)


def _random_motion(
    subject: str, lettering: Lettering | None, num_frames: int, rng: np.random.Generator
) -> MovingPhotograph:
    (left, top, right, bottom), least = PHOTOGRAPHS[subject].focus, PHOTOGRAPHS[subject].least_share
    mirrored, x = rng.random() < 0.5, float(rng.uniform(left, right))
    side = int(rng.choice([200, 220, 240] if lettering else [128, 160, 180, 200, 240]))
    lot = rng.random()
    width, height = (
        (side, round(side * 0.75)) if lot < 0.35 else (round(side * 0.8), side) if lot < 0.5 else (side, side)
    )
    return MovingPhotograph(
        subject=subject,
        crop=Crop(1.0 - x if mirrored else x, float(rng.uniform(top, bottom)), float(rng.uniform(least, 0.95))),
        motion=str(rng.choice(list(MOTIONS))),
        width=width,
        height=height,
        num_frames=num_frames,
        mirrored=mirrored,
        colour=float(rng.uniform(0.7, 1.4)),
        contrast=float(rng.uniform(0.9, 1.25)),
        round_corners=rng.random() < 0.2,
        lettering=lettering,
    )
