"""Drawn stickers with a truth file: several hundred good ones, and planted bad ones in addition."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path

import numpy as np

from vsd2m.core.errors import ConfigError, StorageError
from vsd2m.core.keys import sticker_key
from vsd2m.media.decode import decode
from vsd2m_samples import planted
from vsd2m_samples.drawing.cartoons import PAIRS, draw_cartoon_sticker
from vsd2m_samples.drawing.distinct import Gallery, distance, signature
from vsd2m_samples.drawing.moving_photographs import draw_photograph_sticker
from vsd2m_samples.drawing.photographs import PHOTOGRAPHS, require_photographs
from vsd2m_samples.drawing.phrases import PHRASES
from vsd2m_samples.drawing.sticker import Sticker
from vsd2m_samples.planted import Planted

TRUTH_FILE = "truth.jsonl"
REAL_SHARE = 0.22
LEAST_DISTANCE = 0.2  # share of perceptual hash bits between any two good stickers
LEAST_DISTANCE_OF_PHOTOGRAPHS = 0.32  # below, two crops of one photograph look like near duplicates
GREATEST_COPY_DISTANCE = 0.05
_NUM_ATTEMPTS = 6

PLANTED_PER_320: dict[str, int] = {
    "long_text": 10,
    "nearly_blank": 4,
    "extreme_aspect_ratio": 4,
    "exact_duplicate": 6,
    "near_duplicate": 10,
    "truncated": 4,
    "wrong_suffix": 4,
    "html": 3,
    "decompression_bomb": 2,
    "noai": 3,
    "robots_disallowed": 3,
    "dead_link": 3,
    "slow": 2,
    "redirect": 3,
}
_SITE_REASONS = {"noai": "noai", "robots_disallowed": "robots_disallowed", "dead_link": "http_error"}
_SITE_KINDS = ("noai", "robots_disallowed", "dead_link", "slow", "redirect")
_FROM_NEW_STICKERS = ("truncated", "wrong_suffix", *_SITE_KINDS)

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class SampleCounts:
    """Counts of written files: good stickers, how many of them are photographs, and the planted ones by kind."""

    good: int
    real: int
    with_text: int
    planted: dict[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        return self.good + sum(self.planted.values())


def write_samples(
    folder: Path | str, *, num_stickers: int, seed: int, on_progress: Progress | None = None
) -> SampleCounts:
    """Draws `num_stickers` good stickers and the planted ones into `folder`, with `truth.jsonl`, one line per file.

    The same seed gives the same bytes everywhere. Files of an earlier call are replaced. Raises
    `ConfigError` for fewer than 8 stickers, a folder with other files, or missing packages with photographs,
    `StorageError` if the folder cannot be written.
    """
    if num_stickers < 8:
        raise ConfigError(f"num_stickers: at least 8 expected, {num_stickers} found; give a larger number")
    require_photographs()
    try:
        target = _empty_folder(Path(folder))
        rows = []
        samples = _Samples(num_stickers, seed)
        for file, data, row in samples.draw():
            if data is not None:
                (target / file).write_bytes(data)
            rows.append({"file": file, "key": None if data is None else sticker_key(data), **row})
            if on_progress is not None:
                on_progress(len(rows), samples.total)
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (target / TRUTH_FILE).write_text(lines, encoding="utf-8")
    except OSError as error:
        raise StorageError(f"cannot write samples to {folder}: {error.strerror or error}") from error
    return _counts(rows)


def num_planted(num_stickers: int) -> dict[str, int]:
    """How many of each kind are planted for `num_stickers` good ones; at least 2 of each."""
    return {kind: max(2, round(number * num_stickers / 320)) for kind, number in PLANTED_PER_320.items()}


Entry = tuple[str, bytes | None, dict[str, object]]


class _Samples:
    """Draws in one fixed order, so that each sticker can be compared with the previous ones."""

    def __init__(self, num_stickers: int, seed: int) -> None:
        self._num_stickers = num_stickers
        self._seed = seed
        self._planted = num_planted(num_stickers)
        self.total = num_stickers + sum(self._planted.values())
        self._gallery = Gallery()
        self._pairs = self._endless_pairs()
        self._subjects = cycle(PHOTOGRAPHS)
        self._number = 0
        self._num_drawn = 0

    def draw(self) -> Iterator[Entry]:
        good: list[tuple[str, Sticker, bytes]] = []
        for is_real in self._order():
            sticker = (self._photograph() if is_real else None) or self._cartoon()
            data = sticker.encoded()
            file = self._file(sticker.stem, sticker.suffix)
            good.append((file, sticker, data))
            yield file, data, _good_row(sticker)
        for kind, count in self._planted.items():
            for number in range(count):
                yield self._plant(kind, number, good)

    def _order(self) -> list[bool]:
        num_real = round(self._num_stickers * REAL_SHARE)
        order = [True] * num_real + [False] * (self._num_stickers - num_real)
        return [bool(is_real) for is_real in self._rng("order").permutation(order)]

    def _plant(self, kind: str, number: int, good: list[tuple[str, Sticker, bytes]]) -> Entry:
        rng = self._rng("planted")
        if kind in _FROM_NEW_STICKERS:
            return self._plant_new(kind, rng)
        if kind == "exact_duplicate":
            return self._plant_exact(good, rng)
        if kind == "near_duplicate":
            return self._plant_near(number, good, rng)
        makers: dict[str, Callable[[], Planted]] = {
            "long_text": lambda: planted.long_text(number, rng),
            "nearly_blank": lambda: planted.nearly_blank(number, rng),
            "extreme_aspect_ratio": lambda: planted.extreme_aspect_ratio(number, rng),
            "html": lambda: planted.html(number),
            "decompression_bomb": lambda: planted.decompression_bomb(number),
        }
        planted_file = makers[kind]()
        return (
            self._file(planted_file.stem, planted_file.suffix),
            planted_file.data,
            _planted_row(kind, planted_file, _some_word(rng)),
        )

    def _plant_new(self, kind: str, rng: np.random.Generator) -> Entry:
        sticker = self._cartoon()
        row = _good_row(sticker) | {"planted": kind, "expected_reason": _SITE_REASONS.get(kind)}
        if kind == "truncated":
            torn = planted.truncated(sticker, rng)
            return self._file(torn.stem, torn.suffix), torn.data, row | {"expected_reason": torn.expected_reason}
        if kind == "wrong_suffix":
            renamed = planted.wrong_suffix(sticker)
            return self._file(renamed.stem, renamed.suffix), renamed.data, row
        data = None if kind == "dead_link" else sticker.encoded()
        return self._file(sticker.stem, sticker.suffix), data, row

    def _plant_exact(self, good: list[tuple[str, Sticker, bytes]], rng: np.random.Generator) -> Entry:
        file, sticker, data = good[rng.integers(len(good))]
        other_words = [
            word for phrases in PHRASES.values() for word in phrases.words if word not in sticker.trigger_words
        ]
        row = _good_row(sticker) | {
            "trigger_words": [str(rng.choice(other_words))],
            "planted": "exact_duplicate",
            "expected_reason": "exact_duplicate",
            "duplicate_of": file,
        }
        return self._file(f"{sticker.stem}-again", sticker.suffix), data, row

    def _plant_near(self, number: int, good: list[tuple[str, Sticker, bytes]], rng: np.random.Generator) -> Entry:
        for index in rng.permutation(len(good)):
            file, sticker, _ = good[index]
            if len(sticker.frames) < 8 or min(sticker.frames.shape[1:3]) < 120:
                continue
            copy = planted.near_duplicate(number, sticker)
            if _is_close(copy, sticker):
                row = _good_row(sticker) | {
                    "planted": "near_duplicate",
                    "expected_reason": copy.expected_reason,
                    "duplicate_of": file,
                }
                return self._file(copy.stem, copy.suffix), copy.data, row
        raise ConfigError(f"no sticker of {len(good)} has a close copy; draw more stickers")

    def _cartoon(self) -> Sticker:
        for species, action in islice(self._pairs, len(PAIRS)):
            sticker = draw_cartoon_sticker(species, action, self._rng("cartoon"))
            if self._gallery.admit(signature(sticker.frames), LEAST_DISTANCE):
                return sticker
        raise ConfigError(f"no more new pictures after {self._number} files; ask for fewer stickers")

    def _photograph(self) -> Sticker | None:
        """A sticker of the next subject; None if no subject gives a new picture."""
        for _ in range(len(PHOTOGRAPHS)):
            subject = next(self._subjects)
            for _ in range(_NUM_ATTEMPTS):
                sticker = draw_photograph_sticker(subject, self._rng("photograph"))
                if self._gallery.admit(signature(sticker.frames), LEAST_DISTANCE_OF_PHOTOGRAPHS):
                    return sticker
        return None

    def _endless_pairs(self) -> Iterator[tuple[str, str]]:
        while True:
            for index in self._rng("pairs").permutation(len(PAIRS)):
                yield PAIRS[index]

    def _rng(self, purpose: str) -> np.random.Generator:
        self._num_drawn += 1
        return np.random.default_rng([self._seed, self._num_drawn, *purpose.encode()])

    def _file(self, stem: str, suffix: str) -> str:
        self._number += 1
        return f"{self._number:04d}-{stem}{suffix}"


def _is_close(copy: Planted, original: Sticker) -> bool:
    assert copy.data is not None
    return distance(signature(original.frames), signature(decode(copy.data).frames)) <= GREATEST_COPY_DISTANCE


def _good_row(sticker: Sticker) -> dict[str, object]:
    return {
        "trigger_words": list(sticker.trigger_words),
        "title": sticker.title,
        "tags": list(sticker.tags),
        "licence": sticker.licence,
        "author": sticker.author,
        "domain": sticker.domain,
        "text": sticker.text,
        "language": sticker.language,
        "action": sticker.action,
        "subject": sticker.subject,
        "caption": sticker.caption,
        "planted": None,
        "expected_reason": None,
        "duplicate_of": None,
    }


def _planted_row(kind: str, planted_file: Planted, word: str) -> dict[str, object]:
    return {
        "trigger_words": [word],
        "title": planted_file.stem.replace("-", " ").capitalize(),
        "tags": [],
        "licence": "CC0-1.0",
        "author": "vsd2m",
        "domain": planted_file.domain,
        "text": planted_file.text,
        "language": planted_file.language,
        "action": None,
        "subject": None,
        "caption": planted_file.caption,
        "planted": kind,
        "expected_reason": planted_file.expected_reason,
        "duplicate_of": None,
    }


def _some_word(rng: np.random.Generator) -> str:
    return str(rng.choice([phrases.words[0] for phrases in PHRASES.values()]))


def _empty_folder(folder: Path) -> Path:
    """Creates the folder if necessary, and removes the files of an earlier call."""
    folder.mkdir(parents=True, exist_ok=True)
    truth = folder / TRUTH_FILE
    if truth.is_file():
        for line in truth.read_text(encoding="utf-8").splitlines():
            (folder / Path(json.loads(line)["file"]).name).unlink(missing_ok=True)
        truth.unlink()
    if any(folder.iterdir()):
        raise ConfigError(f"{folder} has files that are not drawn stickers; give an empty or a new folder")
    return folder


def _counts(rows: list[dict[str, object]]) -> SampleCounts:
    good = [row for row in rows if row["planted"] is None]
    return SampleCounts(
        good=len(good),
        real=sum(row["domain"] == "real" for row in good),
        with_text=sum(bool(row["text"]) for row in good),
        planted=dict(Counter(str(row["planted"]) for row in rows if row["planted"] is not None)),
    )
