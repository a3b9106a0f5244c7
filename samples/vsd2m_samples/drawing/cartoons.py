"""Random cartoon stickers: character, action, scene, lettering and encoding."""

import numpy as np

from vsd2m_samples.drawing.actions import ACTIONS
from vsd2m_samples.drawing.cast import KINDS, draw_lots
from vsd2m_samples.drawing.composition import Cartoon, Lettering, draw_cartoon
from vsd2m_samples.drawing.look import Look
from vsd2m_samples.drawing.palette import COLOUR_NAMES, INK, WHITE, darker
from vsd2m_samples.drawing.phrases import PHRASES
from vsd2m_samples.drawing.scenes import SCENES, TINTS
from vsd2m_samples.drawing.sticker import Sticker
from vsd2m_samples.drawing.things import THINGS

PAIRS = tuple((species, action) for species in KINDS for action in ACTIONS)
_CLOSE_UPS = frozenset({"wave", "nod", "shake", "cry", "laugh", "love", "angry", "sing", "kiss", "think", "sleep"})
_NOT_MIRRORED = frozenset({"sleep", "think", "run", "jog"})
_ENCODINGS = ("gif", "gif", "gif", "apng", "webp", "webp_lossy")
_STILLS = ("png", "webp", "jpeg")
_STILL_SHARE = 0.06
_LICENCE, _AUTHOR = "CC0-1.0", "vsd2m"


def draw_cartoon_sticker(species: str, action: str, rng: np.random.Generator) -> Sticker:
    """A sticker of one kind of character in one action; `rng` chooses everything else."""
    look = draw_lots(species, rng)
    still = rng.random() < _STILL_SHARE
    text, language = _text(action, rng)
    lettering = _lettering(text, rng) if text else None
    cartoon = _random_cartoon(look, action, lettering, still, rng)
    encoding = _encoding(cartoon, still, rng)
    name = look.described
    text_sentence = f' The text says "{text}".' if text else ""
    verb = ACTIONS[action].verb
    return Sticker(
        stem=f"{species}-{action}".replace(" ", "-"),
        frames=draw_cartoon(cartoon),
        durations_ms=_durations(cartoon.num_frames, rng),
        encoding=encoding,
        title=f"{species.capitalize()} {verb}",
        trigger_words=_words(species, action, language, rng),
        tags=(species, action, "animal" if species not in THINGS else "character"),
        licence=_LICENCE,
        author=_AUTHOR,
        domain="cartoon",
        text=text,
        language=language,
        action=action,
        subject=species,
        caption=f"{name[0].upper()}{name[1:]} {verb}.{text_sentence}",
    )


def _text(action: str, rng: np.random.Generator) -> tuple[str, str | None]:
    lot = rng.random()
    if lot < 0.42:
        return "", None
    language = "en" if lot < 0.71 else "zh"
    phrases = PHRASES[action].english if language == "en" else PHRASES[action].chinese
    return str(rng.choice(list(phrases))), language


def _lettering(text: str, rng: np.random.Generator) -> Lettering:
    colour = COLOUR_NAMES[str(rng.choice(["red", "blue", "green", "purple", "teal"]))]
    styles = ((WHITE, INK), (INK, WHITE), (darker(colour, 0.25), WHITE), (WHITE, darker(colour, 0.45)))
    ink, edge = styles[rng.integers(len(styles))]
    return Lettering(text, str(rng.choice(["top", "bottom", "bottom"])), ink, edge)


def _random_cartoon(
    look: Look, action: str, lettering: Lettering | None, still: bool, rng: np.random.Generator
) -> Cartoon:
    width, height = _size(lettering is not None, rng)
    scene = str(rng.choice(list(SCENES))) if rng.random() < 0.5 else None
    close_up = action in _CLOSE_UPS and rng.random() < 0.35
    calm = action not in ("run", "peek", "float", "flowers", "umbrella", "faint")
    return Cartoon(
        look=look,
        action=action,
        width=width,
        height=height,
        num_frames=1 if still else int(rng.integers(6, 25)),
        scene=scene,
        tint=TINTS[rng.integers(len(TINTS))],
        zoom=float(rng.uniform(1.45, 1.7) if close_up else rng.uniform(0.82, 1.02)),
        shift=float(rng.uniform(-0.09, 0.09)) if calm else 0.0,
        mirrored=action not in _NOT_MIRRORED and rng.random() < 0.4,
        white_border=scene is None and action != "fade" and rng.random() < 0.35,
        phase=float(rng.uniform(0.1, 0.3)) if still and action != "fade" else 0.0,
        lettering=lettering,
    )


def _size(has_text: bool, rng: np.random.Generator) -> tuple[int, int]:
    sides = (160, 180, 200, 220, 240) if has_text else (96, 120, 128, 150, 180, 200, 240)
    side = int(rng.choice(list(sides)))
    lot = rng.random()
    if lot < 0.16:
        return min(round(side * 1.25), 256), side
    if lot < 0.28:
        return side, min(round(side * 1.2), 256)
    return side, side


def _encoding(cartoon: Cartoon, still: bool, rng: np.random.Generator) -> str:
    if still:
        return "png" if cartoon.scene is None else str(rng.choice(list(_STILLS)))
    if cartoon.action == "fade":  # a GIF has no half-transparent pixels
        return str(rng.choice(["apng", "webp"] if cartoon.scene is None else list(_ENCODINGS)))
    return str(rng.choice(list(_ENCODINGS)))


def _durations(num_frames: int, rng: np.random.Generator) -> list[int]:
    pace = 10 * int(rng.integers(6, 13))
    durations = [pace] * num_frames
    if num_frames > 1 and rng.random() < 0.3:  # the last moment is held
        durations[-1] = pace * 4
    return durations


def _words(species: str, action: str, language: str | None, rng: np.random.Generator) -> tuple[str, ...]:
    english, chinese = PHRASES[action].words
    first, second = (
        (chinese, english) if language == "zh" or (language is None and rng.random() < 0.3) else (english, chinese)
    )
    lot = rng.random()
    if lot < 0.55:
        return (first,)
    return (first, species) if lot < 0.8 else (first, second)
