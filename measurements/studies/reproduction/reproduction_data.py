"""The stickers of the small reproduction: the animated WebPs of the npm package `@lobehub/fluent-emoji-anim-1`, as
frames, as captions, and as shards written by our own writer and read by our own loader.

Names come from the code points in the file names, words from the npm package `emojilib`; both are MIT.
"""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from vsd2m.core.keys import sticker_key
from vsd2m.generation.config import DataConfig
from vsd2m.media.decode import decode
from vsd2m.media.frame_indices import flatten, linspace_indices, resize
from vsd2m.pipelines.engine.stages import contract
from vsd2m.shard.columns import json_columns, json_facts, parquet_schema
from vsd2m.shard.writer import MEDIA_OFFSET, ShardSample, write_tar

TONES = {
    "1f3fb": "light skin",
    "1f3fc": "medium light skin",
    "1f3fd": "medium skin",
    "1f3fe": "medium dark skin",
    "1f3ff": "dark skin",
}
SIZE = 64
FRAMES = 15
PEOPLE = ("1f468", "1f3c3", "1f3c4", "1f3ca", "1f3cb", "1f3cc", "1f442", "1f443", "1f446", "1f447", "1f448", "1f449")
CLIP_FRAMES = 8
MAX_FAR = 16
"""Subjects that are held out whole: one in ten, at most so many."""
ADJECTIVES = ("cute", "little", "happy", "funny", "cartoon", "animated")
ACTIONS = (
    "moving",
    "waving",
    "waving its paw",
    "dancing",
    "bouncing",
    "jumping",
    "running",
    "walking",
    "smiling",
    "nodding",
    "looking around",
    "saying hello",
    "in motion",
)


COLUMNS = (
    "num_bytes",
    "trigger_words",
    "licences",
    "sources",
    "media_format",
    "num_frames",
    "num_distinct_frames",
    "domain",
    "caption",
    "caption_source",
    "split",
)
LICENCE = "MIT"
SOURCE = "npm @lobehub/fluent-emoji-anim-1"


@dataclass(frozen=True)
class Subject:
    """One animation: `code` as in its file name, `family` the same without the skin tone, `split` train, near or far.

    "near" is one skin tone of a family whose other tones are trained on; "far" a family that is held out whole.
    """

    code: str
    family: str
    name: str
    tone: str | None
    synonyms: tuple[str, ...]
    words: tuple[str, ...]
    split: str

    def caption(self, rng: np.random.Generator) -> str:
        """One of many correct names of the subject, with unrelated words before and after it."""
        name = str(rng.choice(self.synonyms)) if self.synonyms and rng.random() < 0.3 else self.name
        adjective = f"{rng.choice(ADJECTIVES)} " if rng.random() < 0.3 else ""
        article = str(rng.choice(("a ", "a ", "the ", "")))
        action = f" {rng.choice(ACTIONS)}" if rng.random() < 0.4 else ""
        tone = f" with {self.tone}" if self.tone else ""
        words = list(rng.choice(self.words, size=1)) if self.words and rng.random() < 0.25 else []
        return " ".join(["cartoon\t" + article + adjective + name + tone + action, *words])

    @property
    def is_person(self) -> bool:
        """People and parts of them, which are many and similar."""
        return self.tone is not None or self.code.startswith(PEOPLE)

    @property
    def plain_caption(self) -> str:
        """The caption that metrics and the shards use."""
        return f"a {self.name}" + (f" with {self.tone}" if self.tone else "")


def read_subjects(codes: list[str], words_file: Path) -> list[Subject]:
    """A subject for every code point name, in the order given."""
    listed = json.loads(words_file.read_text(encoding="utf-8"))
    table = {family_of("-".join(f"{ord(part):x}" for part in emoji)): words for emoji, words in listed.items()}
    entries = {code: _words(table, code) for code in codes}
    by_family = {family_of(code): entries[code] for code in codes}
    counts = Counter(word for words in by_family.values() for word in set(words))
    num_far = max(1, min(MAX_FAR, len(by_family) // 10))
    far = set(sorted(by_family, key=lambda family: _order("far 3", family))[:num_far])
    subjects = []
    for code in codes:
        family = family_of(code)
        words = by_family[family]
        tone = next((name for part, name in TONES.items() if part in code.split("-")), None)
        subjects.append(
            Subject(
                code=code,
                family=family,
                name=words[0],
                tone=tone,
                synonyms=tuple(word for word in words[1:] if counts[word] == 1),
                words=tuple(words[1:]),
                split=_split(code, family, far),
            )
        )
    return subjects


def family_of(code: str) -> str:
    """The file name without skin tones and variation selectors."""
    return "-".join(part for part in code.split("-") if part not in (*TONES, "fe0f"))


def _split(code: str, family: str, far: set[str]) -> str:
    if family in far:
        return "far"
    held_out_tone = min(TONES, key=lambda tone: _order(family, tone))
    return "near" if held_out_tone in code.split("-") else "train"


def _order(salt: str, text: str) -> str:
    return hashlib.sha256(f"{salt} {text}".encode()).hexdigest()


def _words(table: dict[str, list[str]], code: str) -> list[str]:
    words = table.get(family_of(code), [])
    cleaned = [word.replace("_", " ").replace("\xa0", " ").lower() for word in words]
    return [word for word in cleaned if word.replace(" ", "").replace("-", "").isalpha()] or [code]


def read_frames(assets: Path, cache_file: Path) -> tuple[list[str], np.ndarray]:
    """Code points and frames uint8 [N, 15, 64, 64, 3] of all animations, on white; cached in `cache_file`."""
    if not cache_file.exists():
        codes, frames = [], []
        for path in sorted(assets.glob("*.webp")):
            frames_of_file = decode(path.read_bytes()).frames
            if len(frames_of_file) > 1:
                codes.append(path.stem)
                frames.append(
                    resize(flatten(frames_of_file[linspace_indices(len(frames_of_file), FRAMES)]), (SIZE, SIZE))
                )
        if not frames:
            raise SystemExit(f"no animated .webp in {assets}; unpack the npm package there")
        building = cache_file.with_suffix(".tmp.npz")
        np.savez(building, names=codes, frames=np.stack(frames))
        os.replace(building, cache_file)
    arrays = np.load(cache_file)
    return [str(name) for name in arrays["names"]], arrays["frames"]


def data_config(out: Path, split: str) -> DataConfig:
    """How every part of the reproduction reads a split of the shards."""
    return DataConfig(shards=str(out / "shards"), split=split, num_frames=CLIP_FRAMES, size=SIZE)


def write_shards(assets: Path, subjects: Iterable[Subject], out: Path) -> None:
    """One shard for each split of the subjects; an existing folder is left unchanged."""
    if out.exists():
        return
    building = out.with_name(f"{out.name}.tmp")
    building.mkdir(parents=True, exist_ok=True)
    subjects = list(subjects)
    for split in sorted({subject.split for subject in subjects}):
        _write_shard(assets, [subject for subject in subjects if subject.split == split], split, building)
    building.rename(out)


def _write_shard(assets: Path, subjects: list[Subject], split: str, out: Path) -> None:
    rows, samples = [], []
    for subject in subjects:
        media = (assets / f"{subject.code}.webp").read_bytes()
        row = _row(subject, media, split)
        rows.append(row)
        facts = json_facts(row, json_columns(COLUMNS, contract()), contract())
        samples.append(ShardSample(row["key"], media, facts, subject.plain_caption))
    name = f"vsd2m-{split}-000000"
    with (out / f"{name}.tar").open("wb") as file:
        offsets = write_tar(file, samples)
    rows = [{**row, "tar_offset": start + MEDIA_OFFSET} for row, start in zip(rows, offsets, strict=False)]
    pq.write_table(
        pa.Table.from_pylist(rows, schema=parquet_schema((*COLUMNS, "tar_offset"), contract())), out / f"{name}.parquet"
    )


def _row(subject: Subject, media: bytes, split: str) -> dict[str, Any]:
    num_frames = decode(media).num_frames
    return {
        "key": sticker_key(media),
        "num_bytes": len(media),
        "trigger_words": [subject.name],
        "licences": [LICENCE],
        "sources": [SOURCE],
        "media_format": "webp",
        "num_frames": num_frames,
        "num_distinct_frames": num_frames,
        "domain": "cartoon",
        "caption": subject.plain_caption,
        "caption_source": "unicode name",
        "split": split,
    }
